"""Values of keys: their cells, their data of whatever size, and what the common types mean.

Specification: M. Suhanov, "Windows registry file format specification", "Key value" and "Big data"; Microsoft,
"Registry value types" (winnt.h). A type is only a label: data of another form than its type wants stays bytes.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any, Final, Literal, Protocol

from parsers.place import ParseError, Place
from parsers.windows.registry.cells import Cells
from parsers.windows.registry.name import decode_name

MAX_DATA: Final = 64 << 20
"""Bytes of data of one value; Windows advises 1 MiB."""
SEGMENT_SIZE: Final = 16344
"""Bytes of data from which a hive of version 1.4 or later splits them."""
_CELL: Final = struct.Struct("<2sHIIIHH")
_BIG_DATA: Final = struct.Struct("<2sHI")
_FIRST_WITH_SEGMENTS: Final = 4
_IS_INLINE: Final = 0x80000000
_COMPRESSED_NAME: Final = 1
_TOMBSTONE: Final = 2


class ValueType(IntEnum):
    """The types of winnt.h; a value may have any other number."""

    REG_NONE = 0
    REG_SZ = 1
    REG_EXPAND_SZ = 2
    REG_BINARY = 3
    REG_DWORD = 4
    REG_DWORD_BIG_ENDIAN = 5
    REG_LINK = 6
    REG_MULTI_SZ = 7
    REG_RESOURCE_LIST = 8
    REG_FULL_RESOURCE_DESCRIPTOR = 9
    REG_RESOURCE_REQUIREMENTS_LIST = 10
    REG_QWORD = 11


_TEXTS: Final = frozenset({ValueType.REG_SZ, ValueType.REG_EXPAND_SZ, ValueType.REG_LINK})
_NUMBERS: Final[dict[int, tuple[int, Literal["little", "big"]]]] = {
    ValueType.REG_DWORD: (4, "little"),
    ValueType.REG_DWORD_BIG_ENDIAN: (4, "big"),
    ValueType.REG_QWORD: (8, "little"),
}


class _Key(Protocol):
    """What a value asks of its key."""

    @property
    def path(self) -> str:
        """The names from below the root, with backslashes between."""
        ...


class Value:
    """A value of a key; its data are read when they are first asked for.

    Attributes:
        name: empty for the key's default value.
        type: a number of `ValueType`, or another.
        size: bytes of data, as the value says.
        is_tombstone: whether it hides the value of a lower layer, as in hives of version 1.6.
        offset: of its cell, in bytes from the first bin.
    """

    __slots__ = (
        "_cells",
        "_data",
        "_data_at",
        "_has_segments",
        "_key",
        "is_tombstone",
        "name",
        "offset",
        "size",
        "type",
    )

    def __init__(self, cells: Cells, offset: int, key: _Key, *, minor: int) -> None:
        cell, fields, self.name = _head(cells, offset)
        _, _, size, self._data_at, self.type, flags, _ = fields
        self.is_tombstone = bool(flags & _TOMBSTONE)
        self._key = key
        self.offset = offset
        self.size = size & ~_IS_INLINE
        self._cells = cells
        self._has_segments = minor >= _FIRST_WITH_SEGMENTS
        self._data: bytes | None = None
        if size & _IS_INLINE:
            if self.size > 4:
                raise cells.error(offset, f"at most 4 bytes of data within the value wanted, {self.size} found")
            self._data = cell[8 : 8 + self.size]

    @property
    def place(self) -> Place:
        """Where it stands: its path, and the offset of its cell in the file."""
        return self._cells.place(self.offset, f"{self._key.path}\\{self.name}")

    @property
    def type_name(self) -> str:
        """Its type as Microsoft calls it, or a number in hexadecimal."""
        return ValueType(self.type).name if self.type in _TYPE_NUMBERS else f"{self.type:#x}"

    @property
    def data(self) -> bytes:
        """The data. Raises ParseError where they cannot be read as a whole."""
        if self._data is None:
            self._data = self._read() if self.size else b""
        return self._data

    @property
    def text(self) -> str | None:
        """The text of a REG_SZ, REG_EXPAND_SZ or REG_LINK up to its first NUL; None for other types."""
        return decode_text(self.data).partition("\0")[0] if self.type in _TEXTS else None

    @property
    def texts(self) -> tuple[str, ...] | None:
        """The texts of a REG_MULTI_SZ, up to the empty one that ends it; None for other types."""
        texts = self.all_texts
        return texts[: texts.index("")] if texts and "" in texts else texts

    @property
    def all_texts(self) -> tuple[str, ...] | None:
        """The texts of a REG_MULTI_SZ, empty ones among them included; None for other types.

        Few values mean something by an empty text, against the documentation: `PendingFileRenameOperations` does.
        """
        if self.type != ValueType.REG_MULTI_SZ:
            return None
        whole = decode_text(self.data).removesuffix("\0")  # that of the list
        return tuple(whole.removesuffix("\0").split("\0")) if whole else ()

    @property
    def number(self) -> int | None:
        """The number of a REG_DWORD, REG_DWORD_BIG_ENDIAN or REG_QWORD of the right size; None for others."""
        if self.type not in _NUMBERS:
            return None
        size, order = _NUMBERS[self.type]
        return int.from_bytes(self.data, order) if len(self.data) == size else None

    def _read(self) -> bytes:
        cell = self._cells.read(self._data_at)
        if self._has_segments and self.size > SEGMENT_SIZE and cell[:2] == b"db" and len(cell) < self.size:
            return self._segments(cell)
        if len(cell) < self.size:
            raise self._short(len(cell))
        return cell[: self.size]

    def _segments(self, cell: bytes) -> bytes:
        _, count, at = _BIG_DATA.unpack_from(cell.ljust(_BIG_DATA.size, b"\0"))
        wanted = -(-self.size // SEGMENT_SIZE)
        room = min(count * SEGMENT_SIZE, self._cells.size, MAX_DATA)
        if self.size > room:
            raise self._short(room)
        offsets = self._cells.read(at)
        if len(offsets) < 4 * wanted:
            raise self._short(len(offsets) // 4 * SEGMENT_SIZE)
        parts = []
        for offset in struct.unpack_from(f"<{wanted}I", offsets):
            segment = self._cells.read(offset)[:SEGMENT_SIZE]
            parts.append(segment)
            if len(segment) < SEGMENT_SIZE:
                break
        data = b"".join(parts)
        if len(data) < self.size:
            raise self._short(len(data))
        return data[: self.size]

    def _short(self, found: int) -> ParseError:
        return ParseError(self.place, f"{self.size} bytes of data wanted, {found} found")


def name_of(cells: Cells, offset: int) -> str:
    """Return the name of the value at `offset`. Raises ParseError where there is none, or its name is cut off."""
    return _head(cells, offset)[2]


def _head(cells: Cells, offset: int) -> tuple[bytes, tuple[Any, ...], str]:
    """Return the cell of a value, its fields and its name."""
    cell = cells.read(offset)
    if len(cell) < _CELL.size or cell[:2] != b"vk":
        raise cells.error(offset, f"a value (vk) wanted, {cell[:2].hex(' ')} found")
    fields = _CELL.unpack_from(cell)
    end = _CELL.size + fields[1]
    if end > len(cell):
        raise cells.error(offset, f"a name of {fields[1]} bytes wanted, the cell has {len(cell) - _CELL.size}")
    return cell, fields, decode_name(cell[_CELL.size : end], compressed=bool(fields[5] & _COMPRESSED_NAME))


_TYPE_NUMBERS: Final = frozenset(ValueType)


def decode_text(data: bytes) -> str:
    """Return UTF-16 text; what is none is kept as lone surrogates, and an odd byte at its end is lost."""
    return decode_name(data, compressed=False)
