# Compiles Python sources that come over standard input. A request is the path's length and the source's length (two
# unsigned 32-bit little-endian numbers), the path, the source; an answer is one byte (0 compiled, 1 not), a length,
# and the .pyc (PEP 552, unchecked hash) or the reason.
import sys

sys.path[:] = [entry for entry in sys.path if entry]
if "limited" in sys.argv[1:]:
    # For a source that nobody trusts: no compiler needs as much.
    import resource

    for limit, most in (resource.RLIMIT_AS, 2 << 30), (resource.RLIMIT_CPU, 20):
        try:
            resource.setrlimit(limit, (most, most))
        except (OSError, ValueError):
            pass
import importlib.util
import marshal
import struct
import warnings

warnings.simplefilter("ignore")
requests, answers = sys.stdin.buffer, sys.stdout.buffer
while header := requests.read(8):
    path_length, source_length = struct.unpack("<II", header)
    path = requests.read(path_length).decode()
    source = requests.read(source_length)
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
        answer = b"".join(
            [
                importlib.util.MAGIC_NUMBER,
                b"\x01\0\0\0",
                importlib.util.source_hash(source),
                marshal.dumps(code),
            ]
        )
        status = 0
    except (SyntaxError, ValueError, OverflowError, RecursionError) as error:
        answer = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        status = 1
    answers.write(struct.pack("<BI", status, len(answer)) + answer)
    answers.flush()
