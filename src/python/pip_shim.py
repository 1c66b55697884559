# Runs pip for a target other than the interpreter that runs it. Arguments: the target's marker environment as JSON, the
# highest glibc 2.x as a number or "" when pip's own --platform says it, then pip's own arguments.
#
# pip's --platform and --python-version choose wheels, but markers (`; python_version < "3.11"`) are judged by the
# running interpreter (pip issue 11198): that is what the first part mends. The second part uses the hook of PEP 600
# to keep out wheels that need a newer glibc than the target's. The third keeps a URL's credentials in the report,
# which goes to a pipe and is never stored: without them the file could not be fetched.
import json
import sys

sys.path[:] = [entry for entry in sys.path if entry]
environment = json.loads(sys.argv[1])
glibc = sys.argv[2]
sys.argv[:] = ["pip"] + sys.argv[3:]

try:
    from pip._vendor.packaging import markers
except ImportError:
    from packaging import markers
markers.default_environment = lambda: dict(environment)

if glibc:
    import types

    policy = types.ModuleType("_manylinux")
    policy.manylinux_compatible = lambda major, minor, arch: major == 2 and minor <= int(glibc)
    sys.modules["_manylinux"] = policy

from pip._internal.models.direct_url import DirectUrl

DirectUrl.redacted_url = property(lambda self: self.url)

from pip._internal.cli.main import main

sys.exit(main())
