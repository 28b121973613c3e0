"""Initial RAM disks made by the tools of Debian: cpio, and a compressor for each compression."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

COMPRESSORS: dict[str, tuple[str, ...]] = {
    "none": ("cat",),
    "gzip": ("gzip", "-nc9"),
    "xz": ("xz", "--check=crc32", "-c"),
    "lzma": ("lzma", "-c"),
    "bzip2": ("bzip2", "-c"),
    "zstd": ("zstd", "-qc"),
    "lz4-legacy": ("lz4", "-qlc", "-", "-"),
    "lz4": ("lz4", "-qc", "-", "-"),
}


def need(*tools: str) -> None:
    """Skip where a tool is absent, and say which."""
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is absent: the reader was not held against it")


def cpio(folder: Path, names: Sequence[str] | None = None, kind: str = "newc") -> bytes:
    """Return an archive of `folder`, made by GNU cpio, in the order of `names` (sorted without)."""
    need("cpio")
    if names is None:
        paths = sorted([*folder.rglob("*")], key=os.fsencode)
        names = [".", *(str(path.relative_to(folder)) for path in paths)]
    listing = b"\0".join(map(os.fsencode, names)) + b"\0"
    command = ["cpio", "--quiet", "-0", "-o", "-H", kind]
    return subprocess.run(command, input=listing, cwd=folder, check=True, capture_output=True).stdout


def listed(archive: bytes) -> list[str]:
    """Return the names in an archive as GNU cpio lists them."""
    need("cpio")
    done = subprocess.run(["cpio", "--quiet", "-t"], input=archive, check=True, capture_output=True)
    return done.stdout.decode("utf-8", "surrogateescape").splitlines()


@functools.cache
def compress(data: bytes, compression: str) -> bytes:
    """Compress with the tool of Debian."""
    command = COMPRESSORS[compression]
    need(command[0])
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout
