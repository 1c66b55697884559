#!/bin/sh
# As in AWS's base images: the emulator around the runtime, unless a Runtime API is there already.
# RIE_ARGUMENTS is this stand-in's own: it lets tests choose free ports.
if [ $# -ne 1 ]; then
    echo "entrypoint requires the handler name to be the first argument" 1>&2
    exit 142
fi
export _HANDLER="$1"
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
    # shellcheck disable=SC2086
    exec /usr/local/bin/aws-lambda-rie ${RIE_ARGUMENTS} /var/runtime/bootstrap
else
    exec /var/runtime/bootstrap
fi
