"""Makes what moto runs functions with: the root file systems of two images, as tars for `docker import`.

Usage: moto_runtime.py FOLDER BOTO PYTHON...

FOLDER/runtime.tar has the given CPythons where they are on this machine, their libraries, what BOTO has (the SDK) in
/var/runtime, and run.py behind /run.sh, the entrypoint, which takes the handler and the event. FOLDER/busybox.tar has busybox,
with which moto fills volumes. It takes Linux, ldd and a static busybox.
"""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from root import LEFT_OUT, WHEELS_NEED, linked_with

FILES = Path(__file__).with_name("files")


def main(folder, boto, *pythons):
    busybox = shutil.which("busybox") or sys.exit("busybox is needed (Debian: busybox-static)")
    with tarfile.open(Path(folder, "busybox.tar"), "w") as tar:
        tar.add(busybox, "bin/busybox")
        for name in ("sh", "sleep"):
            link(tar, f"bin/{name}", "busybox")
        empty(tar, "tmp/data")
    with tarfile.open(Path(folder, "runtime.tar"), "w") as tar:
        tar.add(busybox, "bin/busybox")
        link(tar, "bin/sh", "busybox")
        for name in ("tmp", "opt", "var/task"):
            empty(tar, name)
        tar.add(boto, "var/runtime")
        tar.add(FILES / "moto_run.py", "run.py")
        (Path(folder) / "run.sh").write_text(script(pythons))
        tar.add(Path(folder) / "run.sh", "run.sh")
        libraries = {}
        for python in pythons:
            libraries |= add_python(tar, Path(python).resolve())
        for path in libraries.values():
            tar.add(path.resolve(), str(path).lstrip("/"))


def script(pythons):
    """Chooses the Python by the runtime that moto names."""
    lines = ["#!/bin/sh", 'case "$AWS_EXECUTION_ENV" in']
    lines += [f'*{Path(python).resolve().name}) exec "{Path(python).resolve()}" -u /run.py "$@" ;;' for python in pythons]
    return "\n".join([*lines, "esac", 'echo "no Python for $AWS_EXECUTION_ENV" >&2', "exit 1", ""])


def add_python(tar, python):
    """Adds a CPython; the libraries that it and wheels need, by name."""
    ask = "import sys, sysconfig; print(sys.base_prefix, sysconfig.get_path('stdlib'))"
    said = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    prefix, library = map(Path, said.stdout.split())
    inside = str(library).lstrip("/")

    def kept(entry):
        parts = entry.name.removeprefix(inside).strip("/").split("/")
        is_left_out = parts[0] in LEFT_OUT or parts[0].startswith("config-")
        return None if is_left_out else entry

    tar.add(python, str(python).lstrip("/"))
    tar.add(library, inside, filter=kept)
    found = linked_with(python)
    for module in (library / "lib-dynload").glob("*.so"):
        found |= linked_with(module)
    near = found["libc.so.6"].parent
    for name in WHEELS_NEED:
        for path in [*near.glob(f"{name}.so.[0-9]"), *Path("/usr", *near.parts[1:]).glob(f"{name}.so.[0-9]")]:
            found |= linked_with(path) | {path.name: path}
    return {name: path for name, path in found.items() if path.exists()}


def link(tar, name, target):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def empty(tar, name):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o777
    tar.addfile(entry)


if __name__ == "__main__":
    main(*sys.argv[1:])
