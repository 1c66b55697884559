"""A function for AWS Lambda: its handler is app.handler."""


def handler(event, context):
    """Lambda calls this for each event, and answers with what it returns.

    event: what the caller sent, as Python data
    context: about this call, such as context.aws_request_id
    """
    name = event.get("name", "world")
    return {"message": f"Hello, {name}!"}
