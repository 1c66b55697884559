"""A fresh process reports its cold start, once; a failed job does not hide it."""

from invoke import FUNCTION_NAME

MODULES = [
    "boto3",
    "numpy",
    "pyarrow",
    "pyarrow.parquet",
    "pandas",
    "aws_lambda_powertools",
    "aws_xray_sdk",
]
COLD_METRICS = {"ColdStart"} | {
    "LoadTime_" + name.replace(".", "_") for name in MODULES
}


def cold_records(run):
    return [record for record in run.logs if record["message"] == "cold start"]


def units(blob):
    """The units of a blob's metrics, by name."""
    (directive,) = blob["_aws"]["CloudWatchMetrics"]
    return {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}


def test_load_times_are_one_log_record_of_the_first_invocation(cold_process):
    run = cold_process({}, {}, {})
    (record,) = cold_records(run)
    assert record["function_request_id"] == "request-0"
    assert record["service"] == "workload"
    assert list(record["load_times_ms"]) == MODULES
    assert all(milliseconds > 0 for milliseconds in record["load_times_ms"].values())


def test_cold_start_metrics_are_emitted_by_the_first_invocation_only(cold_process):
    run = cold_process({}, {}, {})
    cold, *warm = run.metrics
    assert len(warm) == 2
    assert units(cold) == {
        name: "Count" if name == "ColdStart" else "Milliseconds"
        for name in COLD_METRICS
    } | {"JobsDone": "Count"}
    assert all(units(blob) == {"JobsDone": "Count"} for blob in warm)
    assert cold["ColdStart"] == [1.0]
    (record,) = cold_records(run)
    for module, milliseconds in record["load_times_ms"].items():
        assert cold["LoadTime_" + module.replace(".", "_")] == [milliseconds]


def test_metrics_name_the_function_and_the_namespace(cold_process):
    # Powertools splits the metrics of more than 100 jobs into several records.
    large_batch = {
        "Records": [
            {"messageId": str(number), "eventSource": "aws:sqs"}
            for number in range(101)
        ]
    }
    blobs = cold_process({}, large_batch, {}).metrics
    assert [len(blob["JobsDone"]) for blob in blobs] == [1, 100, 1, 1]
    for blob in blobs:
        (directive,) = blob["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "WorkloadTests"
        assert [set(names) for names in directive["Dimensions"]] == [
            {"function_name", "service"}
        ]
        assert blob["function_name"] == FUNCTION_NAME
        assert blob["service"] == "workload"


def test_cold_start_is_reported_although_the_invocation_fails(cold_process):
    run = cold_process({}, {}, BUCKET_NAME=None)
    assert all("BUCKET_NAME is not set" in answer["error"] for answer in run.answers)
    assert len(cold_records(run)) == 1
    assert set(units(run.metrics[0])) == COLD_METRICS


def test_nothing_warns(cold_process):
    assert cold_process({}, {}, {}).stderr == ""


def test_provisioned_concurrency_is_no_cold_start(cold_process):
    run = cold_process({}, AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency")
    assert cold_records(run) == []
    (blob,) = run.metrics
    assert units(blob) == {"JobsDone": "Count"}


def test_runs_outside_lambda_without_powertools_settings(cold_process):
    run = cold_process(
        {}, POWERTOOLS_METRICS_NAMESPACE=None, POWERTOOLS_SERVICE_NAME=None
    )
    assert run.answers[0]["answer"]["rows"] == 1_000
    assert len(cold_records(run)) == 1


def test_runs_with_the_tracer_as_in_lambda(cold_process, tmp_path):
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    run = cold_process(
        {},
        {},
        LAMBDA_TASK_ROOT=str(tmp_path),
        AWS_LAMBDA_FUNCTION_NAME=FUNCTION_NAME,
        _X_AMZN_TRACE_ID=trace,
    )
    assert all("answer" in answer for answer in run.answers)
    assert run.stderr == ""
    assert run.logs[0]["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"


def test_runs_as_in_lambda_without_a_trace(cold_process, tmp_path):
    run = cold_process({}, {}, LAMBDA_TASK_ROOT=str(tmp_path))
    assert all("answer" in answer for answer in run.answers)
