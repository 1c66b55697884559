"""Load each file named on standard input in a process of its own; print a line for each: `ok`, or what went wrong."""

import ctypes
import os
import subprocess
import sys


def load(path):
    try:
        ctypes.CDLL(path)
    except OSError as error:
        if "executable" not in str(error):
            raise
        os.chmod(path, 0o755)
        # Programs in wheels know this word, all of them.
        subprocess.run([path, "--version"], check=True, timeout=60)


for line in sys.stdin:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        try:
            load(line.rstrip("\n"))
            answer = "ok"
        except (OSError, subprocess.SubprocessError) as error:
            answer = str(error).replace("\n", " ")
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    answer = b""
    while part := os.read(reader, 65536):
        answer += part
    os.close(reader)
    _, status = os.waitpid(child, 0)
    print(answer.decode() or f"ended with status {status}", flush=True)
