"""Volumes of the tests: files as sources, and a whole tree read at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from parsers.filesystem.tree import FileType, Stat, Tree
from parsers.place import ParseError
from parsers.source import Source, check_range

_PIECE = 1 << 20


class FileSource:
    """A file of the host as a source that counts what is read of it."""

    def __init__(self, path: Path, name: str = "sda1") -> None:
        self.name = name
        self.size = path.stat().st_size
        self.read = 0
        self._descriptor = os.open(path, os.O_RDONLY)

    def read_at(self, offset: int, size: int) -> bytes:
        check_range(self, offset, size)
        self.read += size
        return os.pread(self._descriptor, size, offset)

    def __del__(self) -> None:
        os.close(self._descriptor)


def empty(image: Path, size: int) -> None:
    """Make a sparse file of `size` bytes, whatever was there."""
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(size)


class Patched:
    """A source some of whose bytes are others."""

    def __init__(self, source: Source, patches: dict[int, bytes], size: int | None = None) -> None:
        self.name = source.name
        self.size = source.size if size is None else size
        self._source = source
        self._patches = patches

    def read_at(self, offset: int, size: int) -> bytes:
        check_range(self, offset, size)
        data = bytearray(self._source.read_at(offset, size))
        for at, patch in self._patches.items():
            start, end = max(at, offset), min(at + len(patch), offset + size)
            if start < end:
                data[start - offset : end - offset] = patch[start - at : end - at]
        return bytes(data)


def walk(tree: Tree) -> Iterator[tuple[str, Stat]]:
    """Give every path with its metadata; a directory is entered once."""
    waiting, seen = [(tree.root, "/")], {tree.root}
    yield "/", tree.stat(tree.root)
    while waiting:
        directory, path = waiting.pop()
        for entry in tree.entries(directory):
            below = f"{path.rstrip('/')}/{entry.name}"
            stat = tree.stat(entry.inode)
            yield below, stat
            if stat.type is FileType.DIRECTORY and entry.inode not in seen:
                seen.add(entry.inode)
                waiting.append((entry.inode, below))


def find(tree: Tree, path: str) -> int:
    """Return the inode of a path."""
    return next(stat.inode for name, stat in walk(tree) if name == path)


def sha256(source: Source, limit: int | None = None) -> str:
    """Return the digest of the content, or of its first `limit` bytes."""
    digest = hashlib.sha256()
    size = source.size if limit is None else min(limit, source.size)
    for offset in range(0, size, _PIECE):
        digest.update(source.read_at(offset, min(_PIECE, size - offset)))
    return digest.hexdigest()


def exhaust(tree: Tree, *, most: int = 3000, content: int = 1 << 20) -> int:
    """Read whatever can be read, going on after each `ParseError`; return how many inodes were met."""
    waiting, seen = [tree.root], {tree.root}
    while waiting and len(seen) < most:
        inode = waiting.pop()
        with suppress(ParseError):
            stat = tree.stat(inode)
            _read(tree, inode, stat, content)
            if stat.type is FileType.DIRECTORY:
                for entry in tree.entries(inode):
                    with suppress(ParseError):
                        tree.lookup(inode, entry.name)
                    if entry.inode not in seen:
                        seen.add(entry.inode)
                        waiting.append(entry.inode)
    assert tree.usage is None or tree.usage.total >= 0
    assert len(tree.problems) <= 200
    return len(seen)


def _read(tree: Tree, inode: int, stat: Stat, content: int) -> None:
    with suppress(ParseError):
        tree.xattrs(inode)
    if stat.type is FileType.SYMLINK:
        tree.readlink(inode)
    elif stat.type is FileType.FILE:
        source = tree.open(inode)
        source.read_at(0, min(content, source.size))
        source.read_at(max(0, source.size - 5000), min(5000, source.size))
