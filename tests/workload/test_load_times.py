"""Each load time belongs to its module, and to no other."""

import ast
import subprocess
import sys

import pytest
from invoke import WORKLOAD
from test_cold_start import MODULES

HEAVY = {module.partition(".")[0] for module in MODULES} | {"botocore"}
FILES = sorted(WORKLOAD.glob("*.py"))

# Runs heavy.py, and prints each module that was loaded before its own turn.
LOADED_BEFORE_ITS_TURN = """
import sys
import load_times

timed = load_times.timed

def checked(module):
    if module in sys.modules:
        print(module)
    return timed(module)

load_times.timed = checked
import heavy
"""


def imports_of(file):
    """The top-level names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.partition(".")[0]


def test_no_module_is_loaded_before_its_turn(environment):
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BEFORE_ITS_TURN],
        env=environment | {"PYTHONPATH": str(WORKLOAD)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_only_heavy_imports_heavy_modules(file):
    imported = HEAVY & set(imports_of(file))
    assert imported == (HEAVY - {"botocore"} if file.name == "heavy.py" else set())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_says_what_must_stay_true(file):
    docstring = ast.get_docstring(ast.parse(file.read_text()))
    assert docstring
    assert "What must stay true:" in docstring


def test_a_load_time_does_not_depend_on_the_wall_clock(workload, monkeypatch):
    load_times = workload("load_times")
    monkeypatch.setattr(load_times, "LOAD_TIMES_MS", {})
    ticks = iter([5_000_000, 17_345_678])
    monkeypatch.setattr(load_times, "perf_counter_ns", lambda: next(ticks))
    with load_times.timed("module"):
        pass
    assert load_times.LOAD_TIMES_MS == {"module": 12.346}


def test_an_import_that_fails_has_no_load_time(workload, monkeypatch):
    load_times = workload("load_times")
    monkeypatch.setattr(load_times, "LOAD_TIMES_MS", {})
    with pytest.raises(ImportError), load_times.timed("module"):
        raise ImportError("no such module")
    assert load_times.LOAD_TIMES_MS == {}
