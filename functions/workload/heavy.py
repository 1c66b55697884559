"""Imports every heavy module once, each timed on its own.

What must stay true: no other file of the workload imports these modules
directly, and a module comes after those it imports by itself. Otherwise one
module's load time is charged to another: pandas, for example, imports pyarrow,
so pyarrow has to come first.
"""

from load_times import timed

with timed("boto3"):
    import boto3

with timed("numpy"):
    import numpy

with timed("pyarrow"):
    import pyarrow

with timed("pyarrow.parquet"):
    import pyarrow.parquet as parquet

with timed("pandas"):
    import pandas

with timed("aws_lambda_powertools"):
    from aws_lambda_powertools import Logger, Metrics, Tracer

with timed("aws_xray_sdk"):
    # The package itself is empty; its core is what a tracer loads.
    from aws_xray_sdk import core as xray

__all__ = [
    "Logger",
    "Metrics",
    "Tracer",
    "boto3",
    "numpy",
    "pandas",
    "parquet",
    "pyarrow",
    "xray",
]
