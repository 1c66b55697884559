#!/usr/bin/env python3
"""Put N messages on the project's queue: pack send N, under the name that the published evaluation gives it.

    scripts/send-messages.py N [OPTIONS OF pack send]

It runs the pack on PATH, or the one that the variable PACK names, in the folder where it is called.
"""

import os
import sys

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    pack = os.environ.get("PACK", "pack")
    try:
        os.execvp(pack, [pack, "send", *sys.argv[1:]])
    except FileNotFoundError:
        sys.exit(f"{sys.argv[0]}: {pack} is not there: cargo install --path . --features aws")
