# Shuts a command off from the network, the builder's processes and the builder's files, then becomes it. Run by a
# native Python; what it starts may be emulated.
#
# Arguments: the throw-away folder, the folder in it to start in, LD_LIBRARY_PATH, how many of the words that follow are
# the interpreter's command, the command and the driver's own arguments. The driver gets one more in front of them, what
# the kernel allowed: "namespaces" (network, processes, mounts, all of them read-only but for the temporary folder),
# "writable" (the same, but a mount stays writable), "network" (that alone) or "hook" (nothing: the driver refuses
# sockets itself).
import ctypes
import errno
import glob
import os
import pwd
import re
import sys

NEWNS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
RDONLY, REMOUNT, BIND, REC, PRIVATE = 1, 32, 4096, 16384, 1 << 18
# Flags of a mount that a user namespace may not take away.
KEPT = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
DETACH = 2
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, SIGKILL = 1, 24, 38, 9
# Kept of all capabilities, so that root can read what is another user's: an interpreter in somebody's home.
DAC_READ_SEARCH = 2

folder, start, libraries, length, *words = sys.argv[1:]
command, arguments = words[: int(length)], words[int(length) :]
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def unshare(flags):
    user, group = os.getuid(), os.getgid()
    if libc.unshare(flags) != 0:
        return False
    if flags & NEWUSER:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{user} {user} 1")
        write("/proc/self/gid_map", f"{group} {group} 1")
    return True


def mount(source, target, kind, flags):
    words = (os.fsencode(word) if word else None for word in (source, target, kind))
    return libc.mount(*words, ctypes.c_ulong(flags), None) == 0


def bind(source, target):
    return mount(source, target, None, BIND | REC)


def needed():
    """Paths that have to be seen: the copy, the Pythons, what the command names. Outer ones first."""
    found = {folder, os.path.realpath(folder), sys.prefix, sys.base_prefix}
    for word in command:
        if word.startswith("/") and os.path.exists(word):
            for path in (word, os.path.realpath(word)):
                found.add(path)
                prefix, name = os.path.split(os.path.dirname(path))
                if name == "bin":
                    found.add(prefix)
    return sorted(path for path in found - {"/"} if os.path.exists(path))


def new_folder():
    path = f"{folder}/covers/{len(os.listdir(folder + '/covers'))}"
    os.mkdir(path)
    return path


def cover(place, inside=None):
    """Puts a folder over another, an empty one if none is given, in which only what is needed can still be seen."""
    place = os.path.realpath(place)
    if not os.path.isdir(place) or any((place + "/").startswith(path + "/") for path in seen):
        return False
    inside = inside or new_folder()
    for path in seen:
        if path.startswith(place + "/"):
            here = inside + path[len(place) :]
            os.makedirs(here if os.path.isdir(path) else os.path.dirname(here), exist_ok=True)
            if not os.path.lexists(here):
                write(here, "")
            bind(path, here)
    if not bind(inside, place):
        return False
    if all(os.path.exists(path) for path in seen):
        return True
    libc.umount2(os.fsencode(place), DETACH)
    return False


def cover_devices():
    """Lambda's devices: no disks, no terminals, no shared memory."""
    inside = new_folder()
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        if os.path.exists("/dev/" + name):
            write(f"{inside}/{name}", "")
            bind("/dev/" + name, f"{inside}/{name}")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink("/proc/self/fd" + target, f"{inside}/{name}")
    if cover("/dev", inside):
        try:
            os.close(os.open("/dev/null", os.O_RDWR))
        except OSError:
            libc.umount2(b"/dev", DETACH)


def packages():
    """Where the Pythons have packages of the builder's."""
    prefixes = [path for path in seen if os.path.isdir(path)] + ["/usr", "/usr/local"]
    for prefix in prefixes:
        for name in ("site-packages", "dist-packages"):
            yield from glob.glob(f"{glob.escape(prefix)}/lib*/python3*/{name}")


def homes():
    yield from ("/home", "/root")
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
        # Of users of the system's it may be /, or /usr/sbin.
        if os.stat(home).st_uid == os.getuid() != 0:
            yield home
    except (KeyError, OSError):
        pass


def mounts():
    """What is mounted, by path, with options and kind."""
    with open("/proc/self/mountinfo", "rb") as file:
        lines = file.read().splitlines()
    for line in lines:
        fields = line.split()
        path = re.sub(rb"\\(\d{3})", lambda found: bytes([int(found[1], 8)]), fields[4])
        yield os.fsdecode(path), fields[5].decode().split(","), fields[fields.index(b"-") + 1].decode()


def seal(writable):
    """Makes everything read-only that is mounted, but for some paths; whether all of it could be."""
    whole = True
    for path, options, kind in mounts():
        # An automounter's folder would be mounted by being touched.
        if path in writable or kind == "autofs":
            continue
        flags = sum(flag for name, flag in KEPT.items() if name in options)
        if not mount(None, path, None, REMOUNT | BIND | RDONLY | flags):
            # What lies below another mount is no longer at its path, and out of reach.
            is_hidden = ctypes.get_errno() == errno.EINVAL or not os.path.exists(path)
            whole = whole and ("ro" in options or is_hidden)
    return whole


def drop_privileges():
    """Root stays root, and may no longer undo any of this."""
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64):
        if capability != DAC_READ_SEARCH:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def close_files():
    """Everything about files; returns whether all of it is read-only but for the temporary folder."""
    # Else mounts could show up outside.
    if not mount("none", "/", None, REC | PRIVATE):
        return False
    mount("proc", "/proc", "proc", 0)
    tmp = folder + "/tmp"
    for path in (folder + "/root", tmp):
        bind(path, path)
    writable = {os.path.realpath(tmp)}
    # What cannot be covered is seen, and no more.
    try:
        os.makedirs(folder + "/covers", exist_ok=True)
        cover_devices()
        # Sockets in /run lead to services of the machine.
        for place in dict.fromkeys(map(os.path.realpath, (*homes(), "/run", "/var/run", "/var/tmp"))):
            cover(place)
        for place in packages():
            bind(new_folder(), place)
        if cover("/tmp", tmp):
            writable.add(os.path.realpath("/tmp"))
    except OSError:
        pass
    return seal(writable)


die_with_parent()
kind = "hook"
wanted = (("namespaces", NEWNET | NEWNS | NEWPID), ("network", NEWNET))
for name, flags in wanted:
    # Without a user namespace first: that is for root, and keeps owners as they are.
    if unshare(flags) or unshare(flags | NEWUSER):
        kind = name
        break
if kind == "namespaces":
    # The first child of the new process namespace: when it ends, everything in it ends.
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    die_with_parent()
    seen = needed()
    # Whatever of this is refused is done without; the copy's modes remain.
    kind = "namespaces" if close_files() else "writable"
drop_privileges()
os.chdir(start)
environment = dict(os.environ, LD_LIBRARY_PATH=libraries)
os.execve(command[0], [*command, kind, *arguments], environment)
