# Imports modules as Lambda would, each in a process of its own, and writes a line of JSON about each.
#
# Run by the target's Python with -I -S -B. Hardly more than built-in modules is in sys.modules when a module is
# imported: a file of the artifact that shadows the standard library does so here as it does in Lambda.
#
# Arguments: what shuts off the network ("hook": this program), the throw-away folder, where modules are looked for (a
# line each; an empty one is Python's own library), how many to import at once, the seconds that each may take, the handler
# (or nothing), the modules.
import os
import sys
import time
import _sitebuiltins
import builtins

# What Python itself has loaded when a function starts.
BARE = set(sys.modules)
import _signal
import select

OUTPUT_KEPT = 4096
RESULT_BYTES = 1 << 16
TEXT_KEPT = 2000
CAUSES_KEPT = 8

network, folder, places, jobs, seconds, handler, *modules = sys.argv[1:]
root = folder + "/root"
jobs, seconds = int(jobs), float(seconds)
# As the process starts in Lambda: no arguments of ours.
sys.argv[:] = [root + "/var/runtime/bootstrap.py"]
with open(folder + "/own") as lines:
    # The function's own files.
    own = {root + line.rstrip("\n") for line in lines}
library = list(sys.path)
sys.path.clear()
for place in places.split("\n"):
    sys.path += [root + place] if place else library


def quote(text):
    """JSON, without the modules that would have to be imported for it."""
    units = str(text).encode("utf-8", "replace").decode().encode("utf-16-be")
    codes = [units[index] << 8 | units[index + 1] for index in range(0, len(units), 2)]
    plain = lambda code: 32 <= code < 127 and code not in b'"\\'
    return '"' + "".join(chr(code) if plain(code) else "\\u%04x" % code for code in codes) + '"'


def encode(values):
    return "{" + ",".join(quote(key) + ":" + value for key, value in values.items()) + "}"


def text_of(value):
    try:
        return str(value)[:TEXT_KEPT]
    except BaseException:
        return ""


def importer(error):
    """The innermost frame that is no part of the import machinery: its module and file, and the line of the artifact that
    led there if the frame is Python's own."""
    found, line = ("", ""), ""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        file = frame.f_code.co_filename
        if not file.startswith(("<frozen importlib", "<string>")):
            found = (text_of(frame.f_globals.get("__name__", "")), file)
        if file.startswith(root + "/"):
            line = "%s:%d" % (file, trace.tb_lineno)
        trace = trace.tb_next
    return *found, "" if found[1].startswith(root + "/") else line


def describe(error):
    """An exception and what caused it, outermost first."""
    chain, seen = [], set()
    while error is not None and id(error) not in seen and len(chain) < CAUSES_KEPT:
        seen.add(id(error))
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__qualname__
        module, file, line = importer(error)
        # `name` of an ImportError, `filename` of an OSError.
        about = getattr(error, "name", None) if isinstance(error, ImportError) else getattr(error, "filename", None)
        top = text_of(about).partition(".")[0]
        chain.append(
            encode(
                {
                    "type": quote(name),
                    "message": quote(text_of(error)),
                    "about": quote(text_of("" if about is None else about)),
                    "standard": "true" if top in getattr(sys, "stdlib_module_names", ()) else "false",
                    "module": quote(module),
                    "file": quote(file),
                    "line": quote(line),
                }
            )
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "[" + ",".join(chain) + "]"


def refuse(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(arguments[1], str | bytes):
        return
    if event.startswith("socket.") and event.partition(".")[2] in REFUSED:
        raise OSError(101, "Network is unreachable (the import test has no network)")


REFUSED = ("connect", "sendto", "sendmsg", "bind", "getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo")


def is_loaded(name):
    module = sys.modules.get(name)
    return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)


def site_builtins():
    """`exit`, `help` and the like, which `site` makes in Lambda and -S leaves out here."""
    for name, end in (("quit", "Ctrl-D"), ("exit", "Ctrl-D")):
        setattr(builtins, name, _sitebuiltins.Quitter(name, end))
    builtins.help = _sitebuiltins._Helper()


def load(name, attribute):
    """What the runtime does; the result is a line."""
    try:
        __import__(name)
        if attribute:
            value = getattr(sys.modules[name], attribute)
            if not callable(value):
                raise TypeError(f"{name}.{attribute} cannot be called: it is of type {type(value).__name__}")
    except BaseException as error:
        return "error " + describe(error)
    return "ok " + " ".join(other for other in [name, *modules] if is_loaded(other))


def machines():
    """The shared libraries in this process that are neither the artifact's nor of Python's own library."""
    found = set()
    try:
        with open("/proc/self/maps") as maps:
            for line in maps:
                path = line.rstrip("\n").partition("/")[2]
                folder, _, file = ("/" + path).rpartition("/")
                is_own = any(folder.startswith(place) for place in [root + "/", *library])
                if not is_own and file.startswith("lib") and ".so" in file and " " not in file:
                    found.add(file)
    except OSError:
        pass
    return found


def watch_own():
    """What this process opens of the function's own files, as it does: a list."""
    here, opened = os.getcwd(), []

    def hook(event, arguments):
        if event not in ("open", "import"):
            return
        try:
            # Of an import the second argument is the file, if it is that of an extension module.
            path = os.fsdecode(arguments[1 if event == "import" else 0])
            if os.path.normpath(os.path.join(here, path)) in own:
                opened.append(path)
        except BaseException:
            pass

    sys.addaudithook(hook)
    return opened


def become(name, attribute, output, result):
    """The child: imports, says how it went, and ends."""
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDONLY)
    for new, old in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(new, old)
    for descriptor in (nothing, output, report):
        os.close(descriptor)
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    for extra in set(sys.modules) - BARE:
        del sys.modules[extra]
    site_builtins()
    if network == "hook":
        sys.addaudithook(refuse)
    opened = None if attribute else watch_own()
    line = load(name, attribute)
    if line.startswith("ok "):
        line += "\t" + " ".join(sorted(machines() - BEFORE)) + "\t" + ("alone" if opened == [] else "")
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        pass
    os.write(result, line.encode() + b"\n")
    os._exit(0)


class Child:
    def __init__(self, index, name, attribute):
        self.index, self.name = index, name
        self.output, output = os.pipe()
        self.result, result = os.pipe()
        self.said, self.line = b"", b""
        self.start = time.monotonic()
        self.pid = os.fork()
        if not self.pid:
            try:
                become(name, attribute, output, result)
            finally:
                os._exit(70)
        os.close(output)
        os.close(result)
        self.open = {self.output, self.result}
        for descriptor in self.open:
            poll.register(descriptor, select.POLLIN)

    def shut(self, descriptor):
        self.open.discard(descriptor)
        poll.unregister(descriptor)
        os.close(descriptor)

    def read(self, descriptor):
        bytes = os.read(descriptor, 1 << 16)
        if not bytes:
            self.shut(descriptor)
        elif descriptor == self.output:
            self.said = (self.said + bytes)[-OUTPUT_KEPT:]
        elif len(self.line) < RESULT_BYTES:
            self.line += bytes

    def has_answered(self):
        return b"\n" in self.line or len(self.line) >= RESULT_BYTES

    def has_ended(self):
        """Looks and takes nothing: `end` takes it."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self):
        """Ends it with everything that it started, and returns how it ended by itself."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        try:
            os.killpg(self.pid, _signal.SIGKILL)
        except OSError:
            if not pid:
                os.kill(self.pid, _signal.SIGKILL)
        # What is left in its pipes; a process that got away may still be writing, so not for ever.
        for descriptor in list(self.open):
            for _ in range(64):
                if descriptor in self.open and select.select([descriptor], [], [], 0)[0]:
                    self.read(descriptor)
            if descriptor in self.open:
                self.shut(descriptor)
        if not pid:
            os.waitpid(self.pid, 0)
        return status


def say(values):
    line = (encode(values) + "\n").encode()
    while line:
        line = line[os.write(report, line) :]


def settle(child, status, late):
    """Reports a child; returns the other modules that it has shown to load, and whether none of the function's own files was in that."""
    line, whole, _ = child.line.partition(b"\n")
    word, _, rest = line.decode("utf-8", "replace").partition(" ")
    loaded, alone = "", False
    values = {
        "index": str(child.index),
        "milliseconds": str(int((time.monotonic() - child.start) * 1000)),
        "output": quote(child.said.decode("utf-8", "replace")),
    }
    if whole and word == "ok":
        # Package code may have written the line.
        loaded, libraries, word, *_ = rest.split("\t") + ["", ""]
        alone = word == "alone"
        values["ending"] = quote("loaded")
        values["libraries"] = quote(libraries)
        values["alone"] = "true" if alone else "false"
    elif whole and word == "error":
        values["ending"] = quote("raised")
        values["raised"] = quote(rest)
    elif late:
        values["ending"] = quote("late")
    else:
        values["ending"] = quote("died")
        values["status"] = str(status)
    say(values)
    return set(loaded.split()), alone


BEFORE = machines()


def main():
    queue = list(enumerate(["", *modules]))
    if not handler:
        del queue[0]
    running = []
    while queue or running:
        # The handler goes first and alone: what it loads need not be tried again.
        while queue and len(running) < jobs and not any(child.index == 0 for child in running):
            index, name = queue.pop(0)
            if index == 0:
                name, _, attribute = handler.replace("/", ".").rpartition(".")
            else:
                attribute = ""
            running.append(Child(index, name, attribute))
        # Not longer than a moment: a child may end while something that it started keeps its pipes open.
        for descriptor, _ in poll.poll(50):
            for child in running:
                if descriptor in child.open:
                    child.read(descriptor)
        for child in list(running):
            late = time.monotonic() - child.start > seconds
            if not (late or child.has_answered() or child.has_ended()):
                continue
            running.remove(child)
            loaded, alone = settle(child, child.end(), late)
            for index, name in list(queue):
                if name in loaded:
                    queue.remove((index, name))
                    values = {"index": str(index), "milliseconds": "0", "output": '""', "ending": quote("loaded")}
                    say(values | {"alone": "true" if alone else "false"})


report = os.dup(1)
poll = select.poll()
say(
    {
        "sandbox": quote(network),
        "version": quote("%d.%d.%d" % sys.version_info[:3]),
        "implementation": quote(sys.implementation.name),
        "machine": quote(os.uname().machine),
    }
)
main()
