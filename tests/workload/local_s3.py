"""A local S3 with a bucket, and what the workload has to leave in it.

Usage: local_s3.py. Prints a line of JSON: the `environment` that leads a function
to it and the `events` to invoke it with. Waits for a line with the list of
answers, then checks that each job's Parquet file is there and right, and prints
`ok`; anything that is not as it should be raises. Ends with its input, too.
"""

import contextlib
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
from conftest import wait_until_ready
from invoke import FUNCTION_NAME

BUCKET = "orders"
REGION = "eu-west-1"
MESSAGES = ("one", "two")
EVENTS = [
    {},
    {
        "Records": [
            {"messageId": message_id, "eventSource": "aws:sqs", "body": "{}"}
            for message_id in MESSAGES
        ]
    },
]


def environment(url):
    """The variables with which the workload finds the bucket, and nothing else."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
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
    }


@contextlib.contextmanager
def running(folder):
    """Runs a server, with the bucket in it; yields its URL and a client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = folder / "moto.log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(url, server, log)
        s3 = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        location = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        yield url, s3
    finally:
        server.terminate()
        server.wait()


def check(s3, answers, folder):
    """Raises unless the answers are right, and just their files are stored."""
    direct, batch = answers
    assert (direct["bucket"], direct["rows"]) == (BUCKET, 1_000), direct
    assert batch == {"batchItemFailures": []}, batch
    stored = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    jobs = [f"{FUNCTION_NAME}/{job}.parquet" for job in MESSAGES]
    assert sorted(stored) == sorted([direct["key"], *jobs]), stored
    for key in stored:
        read_back(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read(), folder)


def read_back(body, folder):
    """Raises unless two readers that know nothing of each other agree."""
    path = folder / "orders.parquet"
    path.write_bytes(body)
    by_pyarrow = pyarrow.parquet.read_table(path).to_pylist()
    with duckdb.connect() as database:
        by_duckdb = database.read_parquet(str(path)).fetchall()
    assert len(by_duckdb) == 1_000
    assert by_duckdb == [tuple(row.values()) for row in by_pyarrow]


def main():
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as (url, s3):
        hello = {"environment": environment(url), "events": EVENTS}
        print(json.dumps(hello), flush=True)
        if line := sys.stdin.readline():
            check(s3, json.loads(line), Path(name))
            print("ok")


if __name__ == "__main__":
    main()
