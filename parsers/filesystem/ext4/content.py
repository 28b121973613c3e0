"""The bytes of a file that lie in the inode itself.

Specification: Linux Documentation/filesystems/ext4, "Inline Data". What lies behind them reads as zeros; the size
of the inode alone allocates nothing.
"""

from __future__ import annotations

from parsers.source import check_range


class InlineContent:
    """Content that lies in the inode; whatever the size claims beyond it is a hole."""

    def __init__(self, data: bytes, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._data = data[:size]

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the file."""
        check_range(self, offset, size)
        return self._data[offset : offset + size].ljust(size, b"\0")
