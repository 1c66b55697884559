"""Plays Lambda: imports the workload in a fresh process and invokes it.

Usage: invoke.py EVENTS ANSWERS. EVENTS is a JSON file with a list of events,
one invocation each. ANSWERS gets a list with each one's `answer`, or the
`error` that it raised. What the workload prints goes to standard output, as it
would go to CloudWatch.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

WORKLOAD = Path(__file__).resolve().parents[2] / "functions" / "workload"
FUNCTION_NAME = "workload-under-test"


def context(request_id):
    return SimpleNamespace(
        function_name=FUNCTION_NAME,
        function_version="$LATEST",
        invoked_function_arn=f"arn:aws:lambda:eu-west-1:123456789012:function:{FUNCTION_NAME}",
        memory_limit_in_mb=1769,
        aws_request_id=request_id,
    )


def main(events_file, answers_file):
    sys.path.insert(0, str(WORKLOAD))
    import app

    answers = []
    for number, event in enumerate(json.loads(Path(events_file).read_text())):
        try:
            answers.append({"answer": app.handler(event, context(f"request-{number}"))})
        except Exception as error:
            answers.append({"error": f"{type(error).__name__}: {error}"})
    Path(answers_file).write_text(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
