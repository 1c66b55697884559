"""Direct invocations and SQS batches, with jobs that fail among them."""

import json

import pytest
from invoke import FUNCTION_NAME, context


def batch(*message_ids):
    """An event such as Lambda's SQS poller sends, cut down to what is read."""
    return {
        "Records": [
            {"messageId": message_id, "eventSource": "aws:sqs", "body": "{}"}
            for message_id in message_ids
        ]
    }


def key(job_id):
    return f"{FUNCTION_NAME}/{job_id}.parquet"


@pytest.fixture
def failing_keys(workload, monkeypatch):
    """A set of keys that S3 refuses to store."""
    keys = set()
    job = workload("job")
    put = job.put

    def put_or_fail(bucket, key, body):
        if key in keys:
            raise OSError(f"no room for {key}")
        put(bucket, key, body)

    monkeypatch.setattr(job, "put", put_or_fail)
    return keys


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        "text",
        {"Records": None},
        {"Records": [{"eventSource": "aws:s3", "s3": {}}]},
        {"Records": ["not a message"]},
    ],
)
def test_direct_invocation(workload, bucket, stored_keys, s3, event):
    answer = workload("app").handler(event, context("abc"))
    size = s3.head_object(Bucket=bucket, Key=key("abc"))["ContentLength"]
    assert answer == {"bucket": bucket, "key": key("abc"), "rows": 1_000, "bytes": size}
    assert stored_keys() == {key("abc")}


def test_direct_invocation_that_fails_raises(workload, failing_keys, stored_keys):
    failing_keys.add(key("abc"))
    with pytest.raises(OSError, match="no room"):
        workload("app").handler({}, context("abc"))
    assert stored_keys() == set()


def test_every_message_is_a_job(workload, stored_keys):
    answer = workload("app").handler(batch("one", "two", "three"), context("abc"))
    assert answer == {"batchItemFailures": []}
    assert stored_keys() == {key("one"), key("two"), key("three")}


def test_each_job_has_its_own_orders(workload, s3, bucket):
    workload("app").handler(batch("one", "two"), context("abc"))
    one, two = (
        s3.get_object(Bucket=bucket, Key=key(name))["Body"].read()
        for name in ("one", "two")
    )
    assert one != two


def test_a_message_delivered_again_adds_no_object(workload, stored_keys):
    for request_id in ("first", "second"):
        workload("app").handler(batch("one"), context(request_id))
    assert stored_keys() == {key("one")}


def test_an_empty_batch_does_nothing(workload, stored_keys):
    assert workload("app").handler(batch(), context("abc")) == {"batchItemFailures": []}
    assert stored_keys() == set()


def test_a_poisoned_message_fails_alone(workload, failing_keys, stored_keys, capsys):
    failing_keys.add(key("two"))
    answer = workload("app").handler(batch("one", "two", "three"), context("abc"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "two"}]}
    assert stored_keys() == {key("one"), key("three")}
    (blob,) = (
        json.loads(line)
        for line in capsys.readouterr().out.splitlines()
        if '"_aws"' in line
    )
    assert blob["JobsDone"] == [1.0, 1.0]
    assert blob["JobsFailed"] == [1.0]


def test_all_messages_can_fail(workload, failing_keys, stored_keys):
    failing_keys.update({key("one"), key("two")})
    answer = workload("app").handler(batch("one", "two"), context("abc"))
    assert answer == {
        "batchItemFailures": [{"itemIdentifier": "one"}, {"itemIdentifier": "two"}]
    }
    assert stored_keys() == set()


@pytest.mark.parametrize("event", [{}, batch("one")])
@pytest.mark.parametrize("value", [None, ""])
def test_without_bucket_name_the_error_says_so(workload, monkeypatch, event, value):
    if value is None:
        monkeypatch.delenv("BUCKET_NAME")
    else:
        monkeypatch.setenv("BUCKET_NAME", value)
    with pytest.raises(
        workload("store").ConfigurationError, match="BUCKET_NAME is not set"
    ):
        workload("app").handler(event, context("abc"))
