# Runs pip for a target other than the interpreter that runs it. Arguments: a JSON object, then pip's own arguments. The
# object has `environment` (the target's markers), `glibc` (the highest 2.x whose wheels may be taken, or null where
# pip's own --platform says it), `offline`, and `options_only`: that requirement files other than /dev/stdin only say where
# to look.
#
# pip's --platform and --python-version choose wheels, but markers (`; python_version < "3.11"`) are judged by the
# running interpreter (pip issue 11198): that is what the first part mends; the second does so for Requires-Python in
# older pips. The third uses the hook of PEP 600 to keep out wheels that need a newer glibc than the target's. Then setuptools is
# told where to work for the user's own folders only. The last part adds to pip's report what the next call
# of pip needs to fetch what was resolved: the options that stood in requirement files, and URLs with their
# credentials. The report goes to a pipe and is never stored; everything else that pip writes stays redacted.
import json
import sys

sys.path[:] = [entry for entry in sys.path if entry]
settings = json.loads(sys.argv[1])
sys.argv[:] = ["pip"] + sys.argv[2:]

try:
    from pip._vendor.packaging import markers
except ImportError:
    from packaging import markers
markers.default_environment = lambda: dict(settings["environment"])

# Before 24.2, pip judged Requires-Python by the running interpreter, whatever --python-version said.
from pip._internal.resolution.resolvelib import candidates

version = tuple(int(part) for part in settings["environment"]["python_full_version"].split("."))
require_python = candidates.RequiresPythonCandidate.__init__
candidates.RequiresPythonCandidate.__init__ = lambda self, _: require_python(self, version)

if settings["glibc"] is not None:
    import types

    policy = types.ModuleType("_manylinux")
    policy.manylinux_compatible = lambda major, minor, arch: major == 2 and minor <= settings["glibc"]
    sys.modules["_manylinux"] = policy

if settings["offline"]:
    import socket

    def refuse(*arguments, **options):
        raise socket.gaierror("the network is not used with --offline")

    socket.getaddrinfo = refuse

# What a build needs is a build of its own when it has no wheel: it must not work in the folder of the first.
import os

from pip._internal.build_env import BuildEnvironment

install_requirements = BuildEnvironment.install_requirements


def install_elsewhere(*arguments, **options):
    place = os.environ.pop("DIST_EXTRA_CONFIG", None)
    try:
        return install_requirements(*arguments, **options)
    finally:
        if place is not None:
            os.environ["DIST_EXTRA_CONFIG"] = place


BuildEnvironment.install_requirements = install_elsewhere

# Which requirements contradict each other is said at a level that --quiet hides.
from pip._internal.resolution.resolvelib import factory

get_installation_error = factory.Factory.get_installation_error


def whole_installation_error(*arguments, **options):
    factory.logger.info, info = factory.logger.critical, factory.logger.info
    try:
        return get_installation_error(*arguments, **options)
    finally:
        factory.logger.info = info


factory.Factory.get_installation_error = whole_installation_error

from pip._internal.models.direct_url import DirectUrl
from pip._internal.models.installation_report import InstallationReport
from pip._internal.req import req_file

finders = []
handle_option_line = req_file.handle_option_line


def remember_finder(*arguments, **options):
    handle_option_line(*arguments, **options)
    finders.extend(value for value in [*arguments, *options.values()] if hasattr(value, "search_scope"))


req_file.handle_option_line = remember_finder

if settings["options_only"]:
    # The lines of /dev/stdin are a lock's: its URLs have no credentials and no query. Those that the requirement files
    # write stand beside them here, in memory.
    import re
    from urllib.parse import urlsplit

    URL = re.compile(r"[a-z+]+://\S+")
    handle_requirement_line = req_file.handle_requirement_line
    private = {}

    def place(parts):
        path = parts.path.rpartition("@")[0] or parts.path if "+" in parts.scheme else parts.path
        return parts.scheme, parts.netloc.rpartition("@")[2], path

    def whole(match):
        parts = urlsplit(match.group())
        known = private.get(place(parts))
        return parts._replace(netloc=known.netloc, query=known.query).geturl() if known else match.group()

    def locked_requirements_only(line, *arguments, **options):
        if line.filename != "/dev/stdin":
            for url in URL.findall(line.requirement):
                private[place(urlsplit(url))] = urlsplit(url)
            return None
        requirement = handle_requirement_line(line, *arguments, **options)
        object.__setattr__(requirement, "requirement", URL.sub(whole, requirement.requirement))
        return requirement

    req_file.handle_requirement_line = locked_requirements_only


def options_of_files():
    """The finder's settings as lines of a requirements file, if a file changed them."""
    if not finders:
        return []
    finder = finders[-1]
    scope = finder.search_scope
    lines = []
    if getattr(scope, "no_index", False):
        lines.append("--no-index")
    for place, url in enumerate(scope.index_urls):
        lines.append(("--extra-index-url " if place else "--index-url ") + url)
    lines.extend("--find-links " + link for link in scope.find_links)
    for _, host, port in finder.trusted_origins if hasattr(finder, "trusted_origins") else []:
        lines.append("--trusted-host " + host + (f":{port}" if port and port != "*" else ""))
    if getattr(finder, "allow_all_prereleases", False):
        lines.append("--pre")
    return lines


to_dict = InstallationReport.to_dict


def whole_report(self):
    redacted = DirectUrl.redacted_url
    DirectUrl.redacted_url = property(lambda url: url.url)
    try:
        report = to_dict(self)
    finally:
        DirectUrl.redacted_url = redacted
    report["options"] = options_of_files()
    return report


InstallationReport.to_dict = whole_report

from pip._internal.cli.main import main

sys.exit(main())
