"""A local S3 (moto's server), and two ways to run the workload against it."""

import importlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from invoke import WORKLOAD

INVOKE = Path(__file__).with_name("invoke.py")
SERVER_START_SECONDS = 60
# The settings of whoever runs the tests must not reach the workload.
FOREIGN_PREFIXES = ("AWS_", "POWERTOOLS_", "_X_AMZN_", "LAMBDA_", "BUCKET_NAME")


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory):
    """The URL of a moto server that runs for as long as the tests do."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("moto") / "server.log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(url, server, log)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until_ready(url, server, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + SERVER_START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            opener.open(f"{url}/moto-api/config", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"the moto server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def settings(endpoint):
    """The variables that make the workload use the local S3."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "POWERTOOLS_METRICS_NAMESPACE": "WorkloadTests",
        "POWERTOOLS_SERVICE_NAME": "workload",
    }


@pytest.fixture(scope="session")
def environment(settings):
    """The whole environment of a process that runs the workload."""
    kept = {name: os.environ[name] for name in os.environ if not is_foreign(name)}
    return kept | settings


def is_foreign(name):
    return name.startswith(FOREIGN_PREFIXES)


@pytest.fixture(scope="session")
def s3(settings):
    return boto3.client(
        "s3",
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        region_name=settings["AWS_DEFAULT_REGION"],
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def bucket(s3, settings):
    """A new, empty bucket for each test."""
    name = f"orders-{uuid.uuid4()}"
    s3.create_bucket(
        Bucket=name,
        CreateBucketConfiguration={
            "LocationConstraint": settings["AWS_DEFAULT_REGION"]
        },
    )
    return name


@pytest.fixture
def stored_keys(s3, bucket):
    """Call it for the keys of all objects in the bucket."""

    def keys():
        return {
            entry["Key"]
            for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        }

    return keys


@pytest.fixture
def workload(settings, bucket, monkeypatch):
    """Call it with a module's name for that module of the workload, in this process.

    The modules are loaded once and stay loaded, as in a warm environment.
    """
    for name in filter(is_foreign, list(os.environ)):
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BUCKET_NAME", bucket)
    monkeypatch.syspath_prepend(str(WORKLOAD))
    return importlib.import_module


@pytest.fixture
def cold_process(environment, bucket, tmp_path):
    """Call it with events: a fresh process handles them, one after the other."""

    def run(*events, **changes):
        (tmp_path / "events.json").write_text(json.dumps(events))
        changed = environment | {"BUCKET_NAME": bucket} | changes
        done = subprocess.run(
            [
                sys.executable,
                INVOKE,
                tmp_path / "events.json",
                tmp_path / "answers.json",
            ],
            env={name: value for name, value in changed.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return SimpleNamespace(
            answers=json.loads((tmp_path / "answers.json").read_text()),
            logs=[line for line in lines if "level" in line],
            metrics=[line for line in lines if "_aws" in line],
            stderr=done.stderr,
        )

    return run
