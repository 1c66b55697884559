"""Runs `app.handler` of an unpacked artifact as Lambda would, and shows that some modules are not in it.

    python -I -S run.py FOLDER [MODULE...]

Prints `ok`. Nothing of this machine's site-packages is seen: the caller gives -S.
"""

import importlib
import sys

folder, *gone = sys.argv[1:]
sys.path.insert(0, folder)
for name in gone:
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    sys.exit(f"{name} can still be imported")
app = importlib.import_module("app")
app.handler({}, None)
for module in list(sys.modules.values()):
    path = getattr(module, "__file__", None) or ""
    if "site-packages" in path:
        sys.exit(f"{path} is not the artifact's")
print("ok")
