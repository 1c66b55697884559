"""Makes a stand-in for public.ecr.aws/lambda/python:3.13, as an OCI image layout.

Usage: base_image.py [--format oci|docker] [--index | --own] [--arch amd64|arm64] --layers KEPT LAYOUT

Run it with a CPython 3.13: its tree becomes /var/lang. KEPT is a folder in which packed layers stay: the other formats
are of the same layers. With --index the layout is of both architectures, with an attestation beside each. The root file
system of arm64 has only what is looked at. With --own it is no stand-in for AWS's but a base of somebody's own, as Docker's official
ones are: Python in /usr/local, and nothing that talks with Lambda. It takes Linux, ldd, a static busybox and pip with an index.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from layout import OWN, RUN, Layout
from root import VERSION, trees


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", choices=["oci", "docker"], default="oci")
    parser.add_argument("--index", action="store_true")
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--arch", choices=["amd64", "arm64"], default="amd64")
    parser.add_argument("--layers", type=Path, required=True)
    parser.add_argument("layout", type=Path)
    wanted = parser.parse_args()
    if "%d.%d" % sys.version_info[:2] != VERSION:
        sys.exit(f"base_image.py has to be run by Python {VERSION}")
    layout = Layout(wanted.layout, wanted.format)
    images = []
    for architecture in ["amd64", "arm64"] if wanted.index else [wanted.arch]:
        made = layers(wanted.layers, "own" if wanted.own else architecture)
        images.append(layout.image(made, architecture, wanted.layers, OWN if wanted.own else RUN))
    if wanted.index:
        layout.finish(layout.index(images + [layout.attestation(image) for image in images]))
    else:
        layout.finish(images[0])


def layers(kept, kind):
    """The packed layers of an architecture or of the own base, made unless they are there."""
    known = kept / f"{kind}.json"
    if not known.exists():
        kept.mkdir(parents=True, exist_ok=True)
        # Others may be making the same: each in a folder of its own, and the file that names the layers comes last.
        with tempfile.TemporaryDirectory(dir=kept) as folder:
            made = [tree.write_layer(Path(folder)) for tree in trees(kind)]
            for layer in made:
                digest = layer["digest"].removeprefix("sha256:")
                Path(folder, digest).replace(kept / digest)
            Path(folder, "known").write_text(json.dumps(made))
            Path(folder, "known").replace(known)
    return json.loads(known.read_text())


if __name__ == "__main__":
    main()
