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
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
import duckdb
import pyarrow.parquet
from conftest import is_foreign, wait_until_ready
from invoke import FUNCTION_NAME

BUCKET = "orders"
REGION = "eu-west-1"
EVENTS = [
    {},
    {
        "Records": [
            {"messageId": message_id, "eventSource": "aws:sqs", "body": "{}"}
            for message_id in ("one", "two")
        ]
    },
]

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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "moto.log")
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with log.open("wb") as output:
            server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until_ready(url, server, log)
            opt = opt and Path(opt)
            run(python, Path(task), Path(runtime), opt, url, Path(folder))
        finally:
            server.terminate()
            server.wait()
    print("ok")


def run(python, task, runtime, opt, url, folder):
    s3 = boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    location = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    answers = invoke(python, task, runtime, opt, url, folder)

    app, numpy, pyarrow_, boto = (Path(place) for place in answers["places"])
    assert app.is_relative_to(task), f"{app} is not the artifact's"
    for place in (numpy, pyarrow_):
        assert place.is_relative_to(opt or task), f"{place} is not the artifact's"
    assert boto.is_relative_to(runtime), f"{boto} is not the runtime's"

    direct, batch = answers["results"]
    key = f"{FUNCTION_NAME}/request-0.parquet"
    assert (direct["bucket"], direct["key"], direct["rows"]) == (BUCKET, key, 1_000)
    assert batch == {"batchItemFailures": []}
    stored = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    jobs = ("one", "request-0", "two")
    assert stored == [f"{FUNCTION_NAME}/{job}.parquet" for job in jobs], stored
    for key in stored:
        read_back(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read(), folder)


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
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;"
            "Parent=53995c3f42cd8ad8;Sampled=1",
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "BUCKET_NAME": BUCKET,
            "POWERTOOLS_SERVICE_NAME": "workload",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr
    assert '"cold start"' in done.stdout, done.stdout
    return json.loads((folder / "answers.json").read_text())


def read_back(body, folder):
    path = folder / "orders.parquet"
    path.write_bytes(body)
    by_pyarrow = pyarrow.parquet.read_table(path).to_pylist()
    with duckdb.connect() as database:
        by_duckdb = database.read_parquet(str(path)).fetchall()
    assert len(by_duckdb) == 1_000
    assert by_duckdb == [tuple(row.values()) for row in by_pyarrow]


if __name__ == "__main__":
    main(*sys.argv[1:])
