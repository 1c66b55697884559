"""Calls a handler once, as Lambda does, and prints its answer as JSON.

Usage: PYTHON -I -S bootstrap.py TASK RUNTIME CASE. PYTHON is a CPython of the
runtime's version. TASK is the unpacked artifact and stands for /var/task; RUNTIME
holds boto3 and stands for /var/runtime; nothing but these two and the standard
library can be imported. CASE is a JSON file with the event.
"""

import json
import os
import sys
from types import SimpleNamespace

task, runtime, case = sys.argv[1:]
# Lambda's order: what the function brings, the standard library, the runtime's own packages.
sys.path = [task, *sys.path, runtime]
sys.argv = ["bootstrap"]
os.chdir(task)


def refuse_the_network(event, arguments):
    """Only this process itself may be called: some libraries bring a server for tests."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        assert arguments[1][0] in ("127.0.0.1", "::1"), f"connects to {arguments[1]}"
    if event == "socket.getaddrinfo":
        assert arguments[0] in (None, "localhost", "127.0.0.1", "::1"), f"looks up {arguments[0]}"


sys.addaudithook(refuse_the_network)

with open(case, encoding="utf-8") as file:
    event = json.load(file)["event"]

import app  # noqa: E402 - what Lambda does once, before the first event

context = SimpleNamespace(
    function_name="function",
    function_version="$LATEST",
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:function",
    memory_limit_in_mb=1769,
    aws_request_id="request",
)
answer = app.handler(event, context)

places = tuple(os.path.realpath(place) + os.sep for place in (task, runtime, sys.base_prefix))
for name, module in list(sys.modules.items()):
    place = getattr(module, "__file__", None)
    if place not in (None, __file__):
        assert os.path.realpath(place).startswith(places), f"{name} comes from {place}"
        assert "site-packages" not in place, f"{name} is the host's: {place}"

sys.stdout.flush()
sys.__stdout__.write("\nanswer: " + json.dumps(answer) + "\n")
