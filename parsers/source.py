"""Bytes that can be read at an offset: a disk, a partition, a file, a piece of memory.

A `Source` has no position, so that any number of readers may share it.
"""

from __future__ import annotations

from typing import Protocol

from parsers.place import ParseError, Place


class Source(Protocol):
    """Bytes with a name and a size.

    `read_at` returns exactly `size` bytes or raises `ParseError`: a short read cannot go unnoticed.
    A hole reads as zeros.
    """

    @property
    def name(self) -> str:
        """What a `Place` calls it."""
        ...

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the `size` bytes at `offset`; raise `ParseError` where any of them lies outside."""
        ...


def check_range(source: Source, offset: int, size: int) -> None:
    """Raise `ParseError` unless `offset`..`offset + size` lies inside `source`."""
    if offset < 0 or size < 0 or offset + size > source.size:
        raise ParseError(
            Place(source.name, offset=offset), f"{size} bytes wanted, the source ends at byte {source.size}"
        )


class Memory:
    """A source that lies in memory."""

    def __init__(self, data: bytes, name: str = "memory") -> None:
        self.name = name
        self.size = len(data)
        self._data = data

    def read_at(self, offset: int, size: int) -> bytes:
        """Return a slice of the data."""
        check_range(self, offset, size)
        return self._data[offset : offset + size]


class Window:
    """A range of another source, such as a partition of a disk."""

    def __init__(self, source: Source, offset: int, size: int, name: str | None = None) -> None:
        check_range(source, offset, size)
        self.name = source.name if name is None else name
        self.size = size
        self._source = source
        self._offset = offset

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the range; `offset` counts from its start."""
        check_range(self, offset, size)
        return self._source.read_at(self._offset + offset, size)
