"""The bucket that the jobs write to.

What must stay true: the S3 client is made once, while the module loads, so that
its cost falls into the init phase and not into a job; the endpoint and the
credentials are boto3's own business (AWS_ENDPOINT_URL is honoured by it).
"""

import os

from heavy import boto3

S3 = boto3.client("s3")


class ConfigurationError(RuntimeError):
    """The function's environment lacks something that the workload needs."""


def bucket_name():
    """Return the bucket named by the environment, or say what is missing."""
    name = os.environ.get("BUCKET_NAME")
    if not name:
        raise ConfigurationError(
            "BUCKET_NAME is not set: name the S3 bucket for the Parquet files "
            "in the function's environment"
        )
    return name


def put(bucket, key, body):
    """Write one object."""
    S3.put_object(Bucket=bucket, Key=key, Body=body)
