"""Invokes a handler once, as Lambda does: modules in Lambda's order, a context, a REPORT line. The last line is the answer."""

import importlib
import json
import os
import sys
import time
import uuid
from types import SimpleNamespace

VERSION = "%d.%d" % sys.version_info[:2]
sys.path[:] = [path for path in sys.path if path not in ("", "/") and not path.endswith("site-packages")]
sys.path[:0] = ["/var/task", f"/opt/python/lib/python{VERSION}/site-packages", "/opt/python"]
sys.path.append("/var/runtime")
os.environ["LAMBDA_TASK_ROOT"] = "/var/task"
os.environ["AWS_XRAY_CONTEXT_MISSING"] = "LOG_ERROR"
os.environ["_X_AMZN_TRACE_ID"] = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"

handler, event = sys.argv[1:]
name, request = os.environ["AWS_LAMBDA_FUNCTION_NAME"], str(uuid.uuid4())
context = SimpleNamespace(
    function_name=name,
    function_version=os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
    invoked_function_arn=f"arn:aws:lambda:{os.environ['AWS_REGION']}:123456789012:function:{name}",
    memory_limit_in_mb=int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
    aws_request_id=request,
)
start = time.perf_counter()
module, function = handler.rsplit(".", 1)
call = getattr(importlib.import_module(module.replace("/", ".")), function)
ready = time.perf_counter()
event = json.loads(event)
answer = call(json.loads(event) if isinstance(event, str) else event, context)
done = time.perf_counter()
modules = {name: getattr(sys.modules.get(name), "__file__", None) for name in ("app", "numpy", "pyarrow")}
print(json.dumps({"python": VERSION, "modules": modules}))
print(
    f"REPORT RequestId: {request}\tDuration: {(done - ready) * 1000:.2f} ms\t"
    f"Billed Duration: {(done - start) * 1000:.0f} ms\tMemory Size: {context.memory_limit_in_mb} MB\t"
    f"Max Memory Used: 0 MB\tInit Duration: {(ready - start) * 1000:.2f} ms\t"
)
print(json.dumps(answer))
