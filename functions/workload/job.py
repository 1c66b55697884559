"""One job: make random orders and store them as a Parquet file.

What must stay true: a job shares nothing with other jobs but the S3 client. Its
random generator is new, too: one made while the module loads would be part of a
SnapStart snapshot, and repeat itself in every environment restored from it.
"""

from heavy import numpy
from orders import make_orders, to_parquet
from store import put
from telemetry import logger, metrics, tracer

ORDERS_PER_JOB = 1_000


@tracer.capture_method
def run_job(bucket, key):
    """Store ORDERS_PER_JOB new orders under `key`, and say what was stored."""
    try:
        body = to_parquet(make_orders(ORDERS_PER_JOB, numpy.random.default_rng()))
        put(bucket, key, body)
    except Exception:
        metrics.add_metric(name="JobsFailed", unit="Count", value=1)
        raise
    metrics.add_metric(name="JobsDone", unit="Count", value=1)
    stored = {"bucket": bucket, "key": key, "rows": ORDERS_PER_JOB, "bytes": len(body)}
    logger.info("job done", stored=stored)
    return stored
