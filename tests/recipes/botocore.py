"""A client of one service, its resource, and of what the credentials of a role need."""

import os

os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y", AWS_DEFAULT_REGION="eu-central-1")

import boto3
from botocore.exceptions import UnknownServiceError
from botocore.stub import Stubber


def handler(event, context):
    s3 = boto3.client("s3")
    assert "Signature" in s3.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
    with Stubber(s3) as stub:
        stub.add_response("list_objects_v2", {"Contents": [{"Key": "k"}], "IsTruncated": False})
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="b")
        assert [item["Key"] for page in pages for item in page["Contents"]] == ["k"]
    assert s3.get_waiter("object_exists").name == "ObjectExists"
    assert boto3.resource("s3").Object("b", "k").key == "k"
    assert "get_object" in dir(s3) and "Key" in str(s3.get_object.__doc__)
    # Out of sight of the scan, which would keep all services.
    make = getattr(boto3, "cli" + "ent")
    assert make("st" + "s").meta.service_model.service_name
    try:
        make("".join(["ec", "2"]))
    except UnknownServiceError:
        return
    raise AssertionError("the definition of another service is there")
