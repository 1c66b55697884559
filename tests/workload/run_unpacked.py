"""Runs an unpacked artifact of the workload as Lambda would, against a local S3.

Usage: run_unpacked.py PYTHON TASK RUNTIME [OPT]. TASK is the unpacked artifact
and stands for /var/task; RUNTIME holds boto3 and stands for /var/runtime; OPT has
the unpacked layers, which bring all dependencies then, and stands for /opt.
PYTHON, of the runtime's version, sees nothing but these and its own standard
library.

The handler gets a direct invocation and an SQS batch in one process. Each file
that it stores is read back by two readers that know nothing of each other.
Prints `ok` at the end; anything that is not as it should be raises.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from conftest import is_foreign
from invoke import FUNCTION_NAME
from local_s3 import EVENTS, REGION, check, environment, running

# What Lambda's bootstrap does: imports the handler's module once, then calls it.
BOOTSTRAP = """
import json, sys
from types import SimpleNamespace

events, answers = sys.argv[1:]
import app, boto3, numpy, pyarrow

results = []
for number, event in enumerate(json.load(open(events))):
    context = SimpleNamespace(
        function_name="{function}",
        function_version="$LATEST",
        invoked_function_arn="arn:aws:lambda:{region}:123456789012:function:{function}",
        memory_limit_in_mb=1769,
        aws_request_id=f"request-{number}",
    )
    results.append(app.handler(event, context))
places = [module.__file__ for module in (app, numpy, pyarrow, boto3)]
json.dump({"results": results, "places": places}, open(answers, "w"))
"""


def main(python, task, runtime, opt=None):
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as (url, s3):
        run(python, Path(task), Path(runtime), opt and Path(opt), url, s3, Path(name))
    print("ok")


def run(python, task, runtime, opt, url, s3, folder):
    answers = invoke(python, task, runtime, opt, url, folder)

    app, numpy, pyarrow, boto = (Path(place) for place in answers["places"])
    assert app.is_relative_to(task), f"{app} is not the artifact's"
    for place in (numpy, pyarrow):
        assert place.is_relative_to(opt or task), f"{place} is not the artifact's"
    assert boto.is_relative_to(runtime), f"{boto} is not the runtime's"

    direct, _ = answers["results"]
    assert direct["key"] == f"{FUNCTION_NAME}/request-0.parquet"
    check(s3, answers["results"], folder)


def search_path(python, task, runtime, opt):
    """Where Lambda's Python looks, in its order."""
    places = [task]
    if opt:
        version = subprocess.check_output(
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True
        ).strip()
        places += [opt / f"python/lib/python{version}/site-packages", opt / "python"]
    return ":".join(map(str, [*places, runtime]))


def invoke(python, task, runtime, opt, url, folder):
    """Handle EVENTS in a new process; return what the bootstrap found."""
    (folder / "events.json").write_text(json.dumps(EVENTS))
    kept = {
        name: value
        for name, value in os.environ.items()
        if not is_foreign(name)
        and (not name.startswith("PYTHON") or name == "PYTHONDONTWRITEBYTECODE")
    }
    bootstrap = BOOTSTRAP.replace("{function}", FUNCTION_NAME).replace("{region}", REGION)
    done = subprocess.run(
        [python, "-S", "-s", "-c", bootstrap, folder / "events.json", folder / "answers.json"],
        cwd=task,
        env=kept
        | {
            "PYTHONPATH": search_path(python, task, runtime, opt),
            "LD_LIBRARY_PATH": f"{task}:{task}/lib" + (f":{opt}/lib" if opt else ""),
            "LAMBDA_TASK_ROOT": str(task),
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;"
            "Parent=53995c3f42cd8ad8;Sampled=1",
        }
        | environment(url),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr
    assert '"cold start"' in done.stdout, done.stdout
    return json.loads((folder / "answers.json").read_text())


if __name__ == "__main__":
    main(*sys.argv[1:])
