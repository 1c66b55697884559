"""Powertools: routes, validation, OpenAPI, logs, metrics."""

import json
import os

os.environ.update(POWERTOOLS_SERVICE_NAME="s", POWERTOOLS_METRICS_NAMESPACE="n")

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.utilities.parameters import SSMProvider  # noqa: F401
from aws_lambda_powertools.utilities.parser import BaseModel, parse
from pydantic import Field

app = APIGatewayRestResolver(enable_validation=True)


class Order(BaseModel):
    count: int = Field(gt=0)


@app.get("/orders/<count>")
def order(count: int) -> Order:
    return Order(count=count)


def handler(event, context):
    event = {
        "path": "/orders/3",
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"path": "/orders/3", "stage": "$default", "requestId": "1"},
        "body": None,
        "isBase64Encoded": False,
    }
    answer = app.resolve(event, context)
    assert answer["statusCode"] == 200 and json.loads(answer["body"]) == {"count": 3}, answer
    assert "/orders/{count}" in app.get_openapi_json_schema()
    assert parse({"count": 1}, Order).count == 1
    Logger().info("ok")
    Metrics().add_metric("m", "Count", 1)
