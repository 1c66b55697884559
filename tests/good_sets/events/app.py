"""Handles an SQS batch: validates each message in two ways, counts it, and reports what failed."""

import json
import os

import boto3
import jsonschema
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.parser import parse
from aws_lambda_powertools.utilities.validation import SchemaValidationError, validate
from pydantic import BaseModel, PositiveInt

os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "shop")
SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "pattern": "^o-"}}}

logger = Logger(service="orders")
metrics = Metrics(service="orders")
tracer = Tracer(service="orders", disabled=True)
processor = BatchProcessor(event_type=EventType.SQS)
seen = []


class Order(BaseModel):
    id: str
    quantity: PositiveInt


@tracer.capture_method
def store(order):
    metrics.add_metric(name="orders", unit=MetricUnit.Count, value=order.quantity)
    seen.append(order.id)


def read(record):
    body = json.loads(record["body"])
    validate(event=body, schema=SCHEMA)
    store(parse(event=body, model=Order))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event, context):
    answer = process_partial_response(event=event, record_handler=read, processor=processor, context=context)
    errors = [error.validator for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors({"id": "x"})]
    try:
        validate(event={}, schema=SCHEMA)
    except SchemaValidationError as error:
        errors.append(type(error).__name__)
    s3 = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "o-1.json"})
    return {"seen": seen, "answer": answer, "errors": errors, "host": url.split("/")[2], "signed": "Signature=" in url}
