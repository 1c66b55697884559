"""Runs the handler with AWS's own runtime client, which looks for modules in Lambda's order."""

import os
import sys

RUNTIME = sys.path.pop(0)
sys.path[:0] = [
    os.environ.get("LAMBDA_TASK_ROOT", "/var/task"),
    "/opt/python/lib/python3.13/site-packages",
    "/opt/python",
]
sys.path.append(RUNTIME)

from awslambdaric.__main__ import main

main([sys.argv[0], os.environ["_HANDLER"]])
