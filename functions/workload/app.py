"""The simulated data science workload, as an AWS Lambda function.

The handler is `app.handler`. It takes two kinds of event:

- An SQS batch: one job for each message, stored under
  `<function name>/<message id>.parquet`. The answer names the messages whose
  jobs failed, so the event source mapping has to have ReportBatchItemFailures.
- Anything else, a direct invocation: one job, stored under
  `<function name>/<request id>.parquet`. The answer says what was stored.

What must stay true: a job that fails never fails the other jobs of its batch,
but a function that cannot do any job at all (no BUCKET_NAME) fails as a whole;
a message delivered again overwrites its own object instead of adding one; and
every metric has the function's name as a dimension, so that functions can be
compared.
"""

from job import run_job
from store import bucket_name
from telemetry import logger, metrics, report_cold_start, tracer


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event, context):
    """Run the event's jobs."""
    metrics.add_dimension(name="function_name", value=context.function_name)
    report_cold_start()
    bucket = bucket_name()
    records = sqs_records(event)
    if records is None:
        return run_job(
            bucket, object_key(context.function_name, context.aws_request_id)
        )
    return run_batch(bucket, context.function_name, records)


def sqs_records(event):
    """Return the messages of an SQS batch, or None for any other event."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        return None
    from_sqs = all(
        isinstance(record, dict) and record.get("eventSource") == "aws:sqs"
        for record in records
    )
    return records if from_sqs else None


def run_batch(bucket, function_name, records):
    """Run one job for each message; return SQS's partial batch response."""
    failed = []
    for record in records:
        message_id = record["messageId"]
        try:
            run_job(bucket, object_key(function_name, message_id))
        except Exception:
            logger.exception("job failed", message_id=message_id)
            failed.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failed}


def object_key(function_name, job_id):
    """Return the key of the object that a job writes."""
    return f"{function_name}/{job_id}.parquet"
