"""A root file system as a mapping, and how a part of it becomes a layer.

Every folder has an entry of its own, before what is in it; 755 and 644, owner 0, one time. The same mapping gives the
same bytes.
"""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

# Later than the times that pack gives its own files, and older than any file of today: 2024-01-01.
TIME = 1_704_067_200


class Link(str):
    """The target of a symbolic link."""


class Tree:
    """Paths without a leading slash, each with a Path, bytes or a Link; executable by its source's mode or by name."""

    def __init__(self):
        self.entries = {}
        self.executable = set()

    def add(self, path, content, executable=None):
        self.entries[path] = content
        if executable is None:
            executable = isinstance(content, Path) and os.access(content, os.X_OK)
            executable = executable and bool(content.stat().st_mode & 0o100)
        if executable:
            self.executable.add(path)

    def folder(self, path):
        self.entries[path] = None

    def add_folder(self, path, folder, leave=lambda relative: False):
        """Adds the files below a folder, and its links as what they lead to."""
        for source in sorted(folder.rglob("*")):
            relative = source.relative_to(folder)
            if source.is_file() and not leave(relative):
                self.add(f"{path}/{relative.as_posix()}", source)

    def write_layer(self, folder):
        """Writes the layer into a folder under its digest; what a manifest and a config need to know of it."""
        partial = folder / "partial"
        with partial.open("wb") as file:
            packed = Digested(file)
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=packed, mtime=0) as pressed:
                unpacked = Digested(pressed)
                with tarfile.open(fileobj=unpacked, mode="w|", format=tarfile.GNU_FORMAT) as tar:
                    self.write_entries(tar)
        partial.rename(folder / packed.hash.hexdigest())
        return {
            "digest": f"sha256:{packed.hash.hexdigest()}",
            "size": packed.size,
            "diff_id": f"sha256:{unpacked.hash.hexdigest()}",
        }

    def write_entries(self, tar):
        written = set()
        for path, content in sorted(self.entries.items()):
            for parent in [*reversed(Path(path).parents)][1:]:
                if str(parent) not in written:
                    written.add(str(parent))
                    tar.addfile(entry(str(parent), tarfile.DIRTYPE, 0o755))
            if content is None:
                if path not in written:
                    written.add(path)
                    tar.addfile(entry(path, tarfile.DIRTYPE, 0o1777 if path == "tmp" else 0o755))
            elif isinstance(content, Link):
                link = entry(path, tarfile.SYMTYPE, 0o777)
                link.linkname = str(content)
                tar.addfile(link)
            else:
                read = content.read_bytes() if isinstance(content, Path) else content
                file = entry(path, tarfile.REGTYPE, 0o755 if path in self.executable else 0o644)
                file.size = len(read)
                tar.addfile(file, io.BytesIO(read))


def entry(path, kind, mode):
    made = tarfile.TarInfo(path)
    made.type, made.mode, made.mtime = kind, mode, TIME
    return made


class Digested:
    """A file that is only written to, with the digest and the size of what went through."""

    def __init__(self, file):
        self.file, self.hash, self.size = file, hashlib.sha256(), 0

    def write(self, part):
        self.hash.update(part)
        self.size += len(part)
        return self.file.write(part)

    def flush(self):
        self.file.flush()
