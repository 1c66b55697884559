"""The workload's logger, tracer and metrics, and its cold start report.

What must stay true: an execution environment reports its cold start once, in
its first invocation, as one log record and one set of metrics. An environment
with provisioned concurrency was started ahead of its first event, so nobody
waited for it, and it reports none.
"""

import os

from heavy import Logger, Metrics, Tracer
from load_times import LOAD_TIMES_MS

logger = Logger()
# Only botocore is patched: by default the tracer tries every library it knows,
# and so imports modules that the workload has no use for.
tracer = Tracer(patch_modules=["botocore"])
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Workload"))

_cold = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency"


def report_cold_start():
    """Log the load times and emit them as metrics, in the first invocation only."""
    global _cold
    if not _cold:
        return
    _cold = False
    logger.info("cold start", load_times_ms=LOAD_TIMES_MS)
    metrics.add_metric(name="ColdStart", unit="Count", value=1)
    for module, milliseconds in LOAD_TIMES_MS.items():
        metrics.add_metric(
            name=load_time_metric(module), unit="Milliseconds", value=milliseconds
        )


def load_time_metric(module):
    """Return the metric's name; a dot could be read as a path into the record."""
    return "LoadTime_" + module.replace(".", "_")
