"""What scripts/bench and scripts/bench-image share: where things are, a copy of the workload's project, a timed command."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "bench"
PACK = ROOT / "target" / "release" / "pack"
CACHE = WORK / "cache"
REQUIREMENTS = ROOT / "requirements" / "workload.txt"
FUNCTION = ROOT / "functions" / "workload"


def timed(command, cwd=ROOT):
    """Run a command; return seconds and the peak memory of its largest process in MB."""
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, shell=isinstance(command, str))
    messages = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"failed: {command}\n{messages}")
    return time.perf_counter() - start, usage.ru_maxrss / 1000


def build_pack(*programs):
    """Build what is measured, and see that the programs are there that it is measured with."""
    for program in programs:
        if not shutil.which(program):
            sys.exit(f"{program} is not installed (Debian: apt install {program})")
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    WORK.mkdir(parents=True, exist_ok=True)


def project(name, *files):
    """A copy of the workload's project, without the repository's pack.toml and lock, but with these files."""
    root = WORK / name
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(FUNCTION, root / "functions" / "workload")
    (root / "requirements").mkdir()
    shutil.copy(REQUIREMENTS, root / "requirements")
    for file in files:
        (root / file).touch()
    return root


def pack_command(*arguments):
    return [str(part) for part in [PACK, *arguments, "--cache-dir", CACHE]]


def compile_interpreter(root):
    """The CPython that pack finds for the workload, which is what the others use as well."""
    plan = pack_command("zip", "workload", "--dry-run", "--json")
    found = json.loads(subprocess.run(plan, cwd=root, capture_output=True, check=True).stdout)
    return found["compile_interpreter"] or sys.exit("no CPython 3.13 was found")
