"""The rollback journal of an SQLite database ("NAME-journal"): its pages as before an interrupted transaction.

Format: "SQLite Database File Format" (sqlite.org/fileformat2.html), 3 "The Rollback Journal". A journal whose header is
whole belongs to a transaction that was not committed: SQLite puts the original pages back, and the length of the file,
before it reads anything. Here the file stays as it is, and the pages of the journal are read in their place. As for
SQLite itself, a record counts until one is cut off or its checksum is wrong, and the first of a page wins.
Deliberately not done: transactions over several databases, of which a super-journal decides; they are refused.
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.place import ParseError, Place
from parsers.source import Source, check_range

MAX_SIZE: Final = 256 << 20
"""Bytes; each page has to be read for its checksum."""

_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
_HEADER: Final = struct.Struct(">8s5I")
_TO_THE_END: Final = 0xFFFFFFFF
_LOCK_BYTE: Final = 1 << 30
"""The page that holds it is used for locks and never for data."""
_STEP: Final = 200


def is_hot_journal(journal: Source) -> bool:
    """Tell whether a journal awaits to be rolled back: it has a header, and that was not overwritten."""
    return journal.size >= _HEADER.size and journal.read_at(0, len(_MAGIC)) == _MAGIC


def roll_back(file: Source, journal: Source) -> Source:
    """Return the database as it was before the interrupted transaction; `file` itself where there was none.

    Raises:
        ParseError: the journal is longer than `MAX_SIZE`, one of several databases, or of pages of a strange size.
    """
    if not file.size or not is_hot_journal(journal):  # a file without a page has nothing to be put back into
        return file
    if journal.size > MAX_SIZE:
        raise ParseError(Place(journal.name), f"a journal of at most {MAX_SIZE} bytes wanted, {journal.size} found")
    if journal.read_at(journal.size - len(_MAGIC), len(_MAGIC)) == _MAGIC and journal.size > _HEADER.size:
        raise ParseError(Place(journal.name), "a transaction on one database wanted, one on several found")
    return RolledBack(file, journal)


class RolledBack:
    """A database with the pages of its journal put back; a `Source`."""

    def __init__(self, file: Source, journal: Source) -> None:
        self.name = file.name
        self._file = file
        self._journal = journal
        _, _, _, pages, self._sector, self._page_size = _HEADER.unpack(journal.read_at(0, _HEADER.size))
        for offset, size, least in ((20, self._sector, 32), (24, self._page_size, 512)):
            if not least <= size <= 65536 or size & (size - 1):
                raise ParseError(
                    Place(journal.name, offset=offset), f"a power of 2 from {least} to 65536 wanted, {size} found"
                )
        self._pages = pages
        self.size = pages * self._page_size
        self._originals: dict[int, int] = {}
        self._read()

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the database as it was."""
        check_range(self, offset, size)
        parts = []
        while size:
            number, inside = divmod(offset, self._page_size)
            count = min(size, self._page_size - inside)
            original = self._originals.get(number + 1)
            at = offset if original is None else original + inside
            parts.append((self._file if original is None else self._journal).read_at(at, count))
            offset, size = offset + count, size - count
        return b"".join(parts)

    def _read(self) -> None:
        """Find the original of each page; a segment follows another at the next sector."""
        step = self._page_size + 8
        offset = 0
        while offset + max(self._sector, _HEADER.size) <= self._journal.size:
            magic, count, nonce, *_ = _HEADER.unpack(self._journal.read_at(offset, _HEADER.size))
            if magic != _MAGIC:
                return
            offset += self._sector
            room = (self._journal.size - offset) // step
            for _ in range(room if count == _TO_THE_END else min(count, room)):
                if not self._record(offset, nonce):
                    return
                offset += step
            if count > room:
                return
            offset = -(-offset // self._sector) * self._sector

    def _record(self, offset: int, nonce: int) -> bool:
        """Take one record; give whether the next one counts."""
        data = self._journal.read_at(offset, self._page_size + 8)
        (number,) = struct.unpack_from(">I", data)
        if number in (0, _LOCK_BYTE // self._page_size + 1):
            return False
        if number > self._pages or number in self._originals:
            return True
        (checksum,) = struct.unpack_from(">I", data, self._page_size + 4)
        if nonce + sum(data[self._page_size + 4 - _STEP : 4 : -_STEP]) & 0xFFFFFFFF != checksum:
            return False
        self._originals[number] = offset + 4
        return True
