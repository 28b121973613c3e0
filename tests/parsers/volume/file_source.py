"""A file as a source, for tests."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from parsers.source import Source, check_range

_PIECE = 1 << 20


class FileSource:
    """A file that is read where a test asks."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.name = name or path.name
        self.size = path.stat().st_size
        self._path = path

    def read_at(self, offset: int, size: int) -> bytes:
        check_range(self, offset, size)
        with self._path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), size, offset)


def sha256(source: Source, step: int = _PIECE) -> str:
    """Return the digest of all of a source, read `step` bytes at a time."""
    digest = hashlib.sha256()
    for offset in range(0, source.size, step):
        digest.update(source.read_at(offset, min(step, source.size - offset)))
    return digest.hexdigest()
