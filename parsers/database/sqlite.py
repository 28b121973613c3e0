"""A table of an SQLite database, with its write-ahead log and rollback journal taken into account, from bytes alone.

Format: "SQLite Database File Format" (sqlite.org/fileformat2.html), 1 "The Database File", 2 "Schema Layer" and 4 "The
Write-Ahead Log". Read are the rows of tables that have a rowid, by walking the table's own b-tree; no page of another
table, index or free list is touched, and no SQL is run. So a schema made to harm (views, triggers, virtual tables)
has no effect, nothing is written, and the memory used is that of one row.
Deliberately not done: indices, tables without rowid, SQL.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from parsers.database.sqlite_journal import roll_back
from parsers.database.sqlite_log import WriteAheadLog
from parsers.place import ParseError, Place
from parsers.source import Source

MAX_PAYLOAD: Final = 64 << 20
"""Bytes of one row."""
MAX_COLUMNS: Final = 2000
"""SQLite's own limit (SQLITE_MAX_COLUMN)."""

Value = int | float | bytes | str | None
Row = tuple[int, tuple[Value, ...]]
"""The rowid and the columns; a column that is an alias of the rowid is None, as it is stored."""

_MAGIC: Final = b"SQLite format 3\0"
_INTERIOR, _LEAF = 5, 13
_HEADER_SIZE: Final = 100
_SCHEMA_ROOT: Final = 1
_ENCODINGS: Final = {0: "utf-8", 1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Serial type -> bytes."""


class Database:
    """The database in `file`, as it is after the transactions committed to the write-ahead `log`.

    A transaction that was interrupted is taken back first, where the rollback `journal` of it is there.

    Raises:
        ParseError: it is no SQLite database, or its header, log or journal is broken.
    """

    def __init__(self, file: Source, log: Source | None = None, journal: Source | None = None) -> None:
        self.name = file.name
        self._file = file if journal is None else roll_back(file, journal)
        self._log = WriteAheadLog(log) if log is not None and log.size else None
        head = self._head()
        self._page_size = 65536 if head[16:18] == b"\0\1" else int.from_bytes(head[16:18], "big")
        if self._page_size < 512 or self._page_size & (self._page_size - 1):
            raise self._error(16, f"a page size of 512 to 65536 bytes wanted, {self._page_size} found")
        if self._log and self._log.frames and self._log.page_size != self._page_size:
            raise self._error(
                16, f"pages of {self._log.page_size} bytes, as in the log, wanted, {self._page_size} found"
            )
        self._usable = self._page_size - head[20]
        if self._usable < 480:
            raise self._error(20, f"at least 480 usable bytes in a page wanted, {self._usable} found")
        (encoding,) = struct.unpack_from(">I", head, 56)
        if encoding not in _ENCODINGS:
            raise self._error(56, f"a text encoding of 1 to 3 wanted, {encoding} found")
        self._encoding = _ENCODINGS[encoding]
        committed = self._log.pages if self._log else None
        self._pages = committed or self._file.size // self._page_size

    def rows(self, table: str) -> Iterator[Row]:
        """Give the rows of `table` in the order of their rowids.

        Raises:
            ParseError: there is no such table, or a page of it is broken; rows may have been given before.
        """
        for _, columns in self._walk(_SCHEMA_ROOT, set()):
            if columns[:2] == ("table", table) and len(columns) >= 4 and isinstance(columns[3], int):
                return self._walk(columns[3], {_SCHEMA_ROOT})
        raise ParseError(Place(self.name), f"a table {table} wanted, none found")

    def _head(self) -> bytes:
        # SQLite removes the log of a file that is empty.
        if self._file.size < _HEADER_SIZE:
            raise self._error(0, f"a header of {_HEADER_SIZE} bytes wanted, {self._file.size} bytes found")
        head = self._file.read_at(0, _HEADER_SIZE)
        if self._log and (first := self._log.frames.get(1)):
            head = self._log.page(first)[:_HEADER_SIZE]
        if head[: len(_MAGIC)] != _MAGIC:
            raise self._error(0, "the magic string of SQLite 3 wanted, something else found")
        return head

    def _page(self, number: int) -> bytes:
        if not 1 <= number <= self._pages:
            raise ParseError(Place(self.name), f"a page of 1 to {self._pages} wanted, {number} found")
        frame = self._log.frames.get(number) if self._log else None
        if self._log and frame is not None:
            return self._log.page(frame)
        return self._file.read_at((number - 1) * self._page_size, self._page_size)

    def _walk(self, root: int, seen: set[int]) -> Iterator[Row]:
        """Go through a table's b-tree, the leaves from left to right. `seen` bounds it: no page has two parents."""
        pending = [root]
        left = self._pages * self._page_size
        while pending:
            number = pending.pop()
            page = self._fresh(number, seen)
            start = _HEADER_SIZE if number == 1 else 0
            kind = page[start]
            if kind == _LEAF:
                for offset in self._cells(page, start, 8, number):
                    rowid, payload = self._payload(page, offset, number, seen)
                    left -= len(payload)
                    if left < 0:
                        raise self._broken(number, "rows that fit into the file wanted, more found")
                    yield rowid, self._record(payload, number)
            elif kind == _INTERIOR:
                children = [self._child(page, offset) for offset in self._cells(page, start, 12, number)]
                children.append(int.from_bytes(page[start + 8 : start + 12], "big"))
                pending += reversed(children)
            else:
                raise self._broken(number, f"a page of a table (5 or 13) wanted, type {kind} found")

    def _fresh(self, number: int, seen: set[int]) -> bytes:
        if number in seen:
            raise self._broken(number, "a page that is used once wanted, one that is used twice found")
        seen.add(number)
        return self._page(number)

    def _cells(self, page: bytes, start: int, header: int, number: int) -> tuple[int, ...]:
        (count,) = struct.unpack_from(">H", page, start + 3)
        if start + header + 2 * count > self._usable:
            raise self._broken(number, f"at most {self._usable // 2} cells wanted, {count} found")
        offsets: tuple[int, ...] = struct.unpack_from(f">{count}H", page, start + header)
        # The shortest cell has four bytes; what of a longer one lies behind the page is noticed where it is read.
        if any(not start + header <= offset <= self._usable - 4 for offset in offsets):
            raise self._broken(number, "cells inside the page wanted, one outside found")
        return offsets

    def _child(self, page: bytes, offset: int) -> int:
        return int.from_bytes(page[offset : offset + 4], "big")

    def _payload(self, page: bytes, offset: int, number: int, seen: set[int]) -> tuple[int, bytes]:
        size, offset = self._varint(page, offset, number)
        rowid, offset = self._varint(page, offset, number)
        if size > min(MAX_PAYLOAD, self._pages * self._page_size):
            raise self._broken(number, f"a row of at most {MAX_PAYLOAD} bytes wanted, {size} found")
        local = self._local(size)
        if offset + local + (4 if local < size else 0) > self._usable:
            raise self._broken(number, f"a cell inside the page wanted, one of {local} bytes at {offset} found")
        parts = [page[offset : offset + local]]
        if local < size:
            following = int.from_bytes(page[offset + local : offset + local + 4], "big")
            parts += self._overflow(following, size - local, seen)
        return rowid - (1 << 64) if rowid >> 63 else rowid, b"".join(parts)

    def _local(self, size: int) -> int:
        """How much of a payload of `size` bytes lies in the leaf itself (1.6 of the specification)."""
        if size <= self._usable - 35:
            return size
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (self._usable - 4)
        return local if local <= self._usable - 35 else least

    def _overflow(self, number: int, size: int, seen: set[int]) -> Iterator[bytes]:
        while size:
            page = self._fresh(number, seen)
            part = page[4 : min(self._usable, 4 + size)]
            yield part
            size -= len(part)
            number = int.from_bytes(page[:4], "big")

    def _record(self, payload: bytes, number: int) -> tuple[Value, ...]:
        header, offset = self._varint(payload, 0, number)
        if not offset <= header <= len(payload):
            raise self._broken(number, f"a record's header of at most {len(payload)} bytes wanted, {header} found")
        kinds = []
        while offset < header:
            kind, offset = self._varint(payload, offset, number)
            kinds.append(kind)
            if len(kinds) > MAX_COLUMNS:
                raise self._broken(number, f"at most {MAX_COLUMNS} columns wanted, more found")
        values = []
        for kind in kinds:
            size = _INTEGERS.get(kind, 8 if kind == 7 else 0) if kind < 12 else (kind - 12) // 2
            if kind in {10, 11} or offset + size > len(payload):
                raise self._broken(number, f"a column inside its row wanted, one of type {kind} found")
            values.append(self._value(kind, payload[offset : offset + size]))
            offset += size
        return tuple(values)

    def _value(self, kind: int, data: bytes) -> Value:
        if kind >= 12:
            return data.decode(self._encoding, "replace") if kind % 2 else data
        if kind == 7:
            number: float = struct.unpack(">d", data)[0]
            return number
        if kind in _INTEGERS:
            return int.from_bytes(data, "big", signed=True)
        return {0: None, 8: 0, 9: 1}[kind]

    def _varint(self, data: bytes, offset: int, number: int) -> tuple[int, int]:
        """A big-endian number of seven bits a byte, eight in the ninth; give it and where it ends."""
        value = 0
        for index, byte in enumerate(data[offset : offset + 9]):
            if index == 8:
                return value << 8 | byte, offset + 9
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, offset + index + 1
        raise self._broken(number, "a whole number wanted, the end found")

    def _error(self, offset: int, message: str) -> ParseError:
        return ParseError(Place(self.name, offset=offset), message)

    def _broken(self, number: int, message: str) -> ParseError:
        return self._error((number - 1) * self._page_size, message)
