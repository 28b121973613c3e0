"""The write-ahead log of an SQLite database ("NAME-wal"): which pages the committed transactions have changed.

Format: "SQLite Database File Format" (sqlite.org/fileformat2.html), 4 "The Write-Ahead Log". A frame counts where its
salts are those of the header, the checksums up to it are right, and a commit follows; the first that does not ends
the log, as what follows is left of an earlier one. A log whose header is not whole is no log, and nothing of it
counts, as SQLite itself decides. The index in shared memory ("NAME-shm") is made of the log and not needed.
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.place import ParseError, Place
from parsers.source import Source

MAX_SIZE: Final = 256 << 20
"""Bytes; each has to be read for the checksums. SQLite itself starts the log anew after some 4 MiB."""

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = 0x377F0682
_VERSION: Final = 3007000
_MASK: Final = 0xFFFFFFFF


class WriteAheadLog:
    """The committed part of a log.

    Attributes:
        page_size: bytes.
        frames: page number -> where its last committed content begins in the log.
        pages: how many pages the database has after the last commit; 0 where nothing was committed.

    Raises:
        ParseError: the log is longer than `MAX_SIZE`, or in a version that is not known.
    """

    def __init__(self, log: Source) -> None:
        self._log = log
        self.page_size = 0
        self.frames: dict[int, int] = {}
        self.pages = 0
        if log.size > MAX_SIZE:
            raise ParseError(Place(log.name), f"a log of at most {MAX_SIZE} bytes wanted, {log.size} found")
        if log.size < _HEADER.size:
            return
        head = log.read_at(0, _HEADER.size)
        magic, version, self.page_size, _, *salts, first, second = _HEADER.unpack(head)
        self._words = ">" if magic & 1 else "<"
        size = self.page_size
        if magic & ~1 != _MAGIC or not 512 <= size <= 65536 or size & (size - 1):
            return
        if self._checksum(head[:24], (0, 0)) != (first, second):
            return
        if version != _VERSION:
            raise ParseError(Place(log.name, offset=4), f"version {_VERSION} wanted, {version} found")
        self._read(tuple(salts), (first, second))

    def page(self, offset: int) -> bytes:
        """Return the page whose content begins at `offset`, one of the values of `frames`."""
        return self._log.read_at(offset, self.page_size)

    def _read(self, salts: tuple[int, ...], checksum: tuple[int, int]) -> None:
        step = _FRAME.size + self.page_size
        pending: dict[int, int] = {}
        for offset in range(_HEADER.size, self._log.size - step + 1, step):
            frame = self._log.read_at(offset, step)
            number, pages, *rest = _FRAME.unpack_from(frame)
            if tuple(rest[:2]) != salts or not number:
                return
            checksum = self._checksum(frame[:8] + frame[_FRAME.size :], checksum)
            if tuple(rest[2:]) != checksum:
                return
            pending[number] = offset + _FRAME.size
            if pages:
                self.frames.update(pending)
                self.pages = pages
                pending.clear()

    def _checksum(self, data: bytes, start: tuple[int, int]) -> tuple[int, int]:
        first, second = start
        words = struct.unpack(f"{self._words}{len(data) // 4}I", data)
        pairs = iter(words)
        for even, odd in zip(pairs, pairs, strict=True):
            first = first + even + second & _MASK
            second = second + odd + first & _MASK
        return first, second
