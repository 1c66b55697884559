"""What is in the stand-in's root file system, as three trees: the system, the language, the runtime.

What must stay true: each is what its machine has, or what pip installs; nothing of it is in the repository. It is run by
the CPython that becomes /var/lang.
"""

import os
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from tree import TIME, Link, Tree

FILES = Path(__file__).with_name("files")
VERSION = "3.13"
PREFIX = Path(sys.base_prefix)
# What wheels ask of a manylinux system beside what Python itself needs.
WHEELS_NEED = (
    "libc libm libdl libpthread librt libutil libresolv libnss_files libnss_dns libgcc_s libstdc++".split()
)
PROGRAMS = "sh ash awk cat chmod cp cut dirname env false find grep head id ls mkdir mv ps rm sed sleep stat tail test touch tr true uname wc"
# What AWS's Python has not, or what no function looks at.
LEFT_OUT = {"test", "idlelib", "tkinter", "turtledemo", "ensurepip", "pydoc_data", "site-packages", "lib2to3"}
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:993:990::/home/sbx_user1051:/bin/false\n"
GROUP = b"root:x:0:\nsbx_user1051:x:990:\n"
RELEASE = b'NAME="A stand-in for AWS\'s base image"\nID=standin\nVERSION_ID=2023\n'


def system():
    """The loader, the libraries, a shell and a few programs."""
    tree = Tree()
    for name in ("bin", "sbin", "lib", "lib64"):
        tree.add(name, Link(f"usr/{name}"))
    for name in ("tmp", "proc", "sys", "dev", "opt", "home", "root", "var/tmp", "usr/bin", "usr/sbin", "usr/lib"):
        tree.folder(name)
    # Debian's loader looks there without being told, and only Lambda's looks into lib64.
    tree.add(f"usr/lib/{os.uname().machine}-linux-gnu", Link("../lib64"))
    for name, library in libraries().items():
        tree.add(f"usr/lib64/{name}", library, executable=True)
    busybox = shutil.which("busybox") or sys.exit("busybox is needed (Debian: busybox-static)")
    if linked_with(busybox):
        sys.exit("a static busybox is needed (Debian: busybox-static)")
    tree.add("usr/bin/busybox", Path(busybox), executable=True)
    for name in PROGRAMS.split():
        tree.add(f"usr/bin/{name}", Link("busybox"))
    tree.add("etc/passwd", PASSWD)
    tree.add("etc/group", GROUP)
    tree.add("etc/os-release", RELEASE)
    tree.add("etc/nsswitch.conf", b"hosts: files dns\n")
    return tree


def language(prefix="var/lang"):
    """Python, with pip as ensurepip has it."""
    tree = Tree()
    library = Path(sysconfig.get_path("stdlib"))
    tree.add(f"{prefix}/bin/python{VERSION}", Path(sys._base_executable).resolve(), executable=True)
    for name in ("python", "python3"):
        tree.add(f"{prefix}/bin/{name}", Link(f"python{VERSION}"))
    for name, path in linked_with(Path(sys._base_executable).resolve()).items():
        if path.is_relative_to(PREFIX):
            tree.add(f"{prefix}/lib/{name}", path, executable=True)
    inside = f"{prefix}/lib/python{VERSION}"
    tree.add_folder(inside, library, leave=is_left_out)
    add_bytecode(tree, inside, library)
    (bundled,) = (library / "ensurepip/_bundled").glob("pip-*.whl")
    with zipfile.ZipFile(bundled) as wheel:
        for name in wheel.namelist():
            tree.add(f"{inside}/site-packages/{name}", wheel.read(name))
    pip = f"#!/{prefix}/bin/python{VERSION}\nfrom pip._internal.cli.main import main\nraise SystemExit(main())\n"
    for name in ("pip", "pip3"):
        tree.add(f"{prefix}/bin/{name}", pip.encode(), executable=True)
    return tree


def is_left_out(relative):
    name = relative.name
    return (
        relative.parts[0] in LEFT_OUT
        or relative.parts[0].startswith("config-")
        or "__pycache__" in relative.parts
        or name.startswith(("_tkinter.", "_test", "_xxtest", "xxlimited", "_ctypes_test"))
    )


def add_bytecode(tree, inside, library):
    """Adds the bytecode that this Python has, valid for the times that the sources have in the layer."""
    for path, source in [*tree.entries.items()]:
        if path.startswith(inside) and path.endswith(".py"):
            name = f"__pycache__/{Path(path).stem}.{sys.implementation.cache_tag}.pyc"
            compiled = source.parent / name
            if compiled.is_file() and (code := compiled.read_bytes())[4:12] == stamp(source.stat().st_mtime):
                tree.add(f"{Path(path).parent.as_posix()}/{name}", code[:4] + stamp(TIME) + code[12:])


def stamp(time):
    return struct.pack("<II", 0, int(time) & 0xFFFFFFFF)


def runtime(folder):
    """AWS's runtime client and the SDK in /var/runtime, the emulator and the entrypoint."""
    tree = Tree()
    add_packages(tree, folder / "packages", "awslambdaric", "boto3")
    pip("download", "--no-deps", "--dest", folder, "aws-sam-cli")
    (wheel,) = folder.glob("aws_sam_cli-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        emulator = archive.read(f"samcli/local/rapid/aws-lambda-rie-{os.uname().machine}")
    tree.add("usr/local/bin/aws-lambda-rie", emulator, executable=True)
    add_start(tree)
    return tree


def add_start(tree):
    tree.add("lambda-entrypoint.sh", FILES / "lambda-entrypoint.sh", executable=True)
    tree.add("var/runtime/bootstrap", FILES / "bootstrap", executable=True)
    tree.add("var/runtime/bootstrap.py", FILES / "bootstrap.py", executable=False)
    tree.folder("var/task")


def add_packages(tree, folder, *names):
    pip("install", "--no-compile", "--only-binary=:all:", "--target", folder, *names)
    tree.add_folder("var/runtime", folder, leave=lambda path: path.parts[0] == "bin")


def foreign(folder):
    """A root file system of another architecture: what is looked at, and nothing that could be run."""
    tree = Tree()
    for name in ("tmp", "opt"):
        tree.folder(name)
    tree.add(f"var/lang/bin/python{VERSION}", b"#!/bin/false\n", executable=True)
    tree.add(f"var/lang/lib/python{VERSION}/os.py", b"")
    add_packages(tree, folder, "boto3")
    add_start(tree)
    return tree


def libraries():
    """Name → path of everything that Python, its modules and wheels are linked with."""
    python = Path(sys._base_executable).resolve()
    modules = [path for path in Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("*.so")]
    found = {}
    for path in [python, *(path for path in modules if not is_left_out(path))]:
        found |= linked_with(path)
    folder = found["libc.so.6"].parent
    for name in WHEELS_NEED:
        for near in (folder, Path("/usr", *folder.parts[1:])):
            for path in near.glob(f"{name}.so.[0-9]"):
                found |= linked_with(path) | {path.name: path}
    return {name: path for name, path in sorted(found.items()) if not path.is_relative_to(PREFIX)}


def linked_with(path):
    """What `ldd` says: name → path, the loader included; nothing for a static program."""
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    pairs = re.findall(r"^\s*(?:(\S+) => )?(/\S+) \(0x", said, re.MULTILINE)
    return {name or Path(place).name: Path(place) for name, place in pairs}


def pip(*words):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words]
    subprocess.run(command, check=True, stdout=sys.stderr)


def trees(kind):
    """The trees of an architecture or of the own base, from the most stable to the newest; a generator, as some need a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "arm64":
            yield foreign(Path(folder))
        elif kind == "own":
            yield from (system(), language("usr/local"))
        else:
            yield from (system(), language(), runtime(Path(folder)))
