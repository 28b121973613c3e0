"""Names of files: how they are stored, shown and compared.

Layout: libfsntfs' documentation of the format, "The file name attribute" and "Case folding". Names are 16-bit units
that need not be sound UTF-16; where half of a surrogate pair stands alone, its three bytes as UTF-8 would have them
are kept as surrogateescape. A volume brings its own table of upper case, one unit for each unit.
"""

from __future__ import annotations

import struct
from codecs import utf_16_le_decode
from collections.abc import Callable
from functools import cached_property
from typing import Final

import msgspec

_FIXED: Final = struct.Struct("<Q48xI4xBB")
_LAST_BMP: Final = "\uffff"
DOS: Final = 2
"""The namespace of short names that go with long ones."""
_LOW_SURROGATES: Final = 0xDC00  # behind the high ones, with which they would make pairs


class FileName(msgspec.Struct, frozen=True, gc=False):
    """A name of a file, with what Windows repeats beside it.

    Attributes:
        parent: reference of its directory.
        name: its 16-bit units, each pair of surrogates as one character.
        is_dos: whether it is the short name that goes with another one.
        flags: attributes of the file; they may be older than those of the file itself.
    """

    parent: int
    name: str
    is_dos: bool
    flags: int


def parse_file_name(data: bytes) -> FileName | None:
    """Decode an attribute $FILE_NAME, or the key of an entry of a directory; None where it is cut off."""
    if len(data) < _FIXED.size:
        return None
    parent, flags, length, namespace = _FIXED.unpack_from(data)
    units = data[_FIXED.size : _FIXED.size + 2 * length]
    if not length or len(units) != 2 * length:
        return None
    return FileName(parent, decode_name(units), namespace == DOS, flags)


def decode_name(units: bytes) -> str:
    """Decode 16-bit units, each pair of surrogates as one character."""
    return utf_16_le_decode(units, "surrogatepass", True)[0]  # noqa: FBT003 - final, which goes by its place


def decode_units(data: bytes) -> str:
    """Decode 16-bit units as a name of trees."""
    return shown(decode_name(data))


def shown(name: str) -> str:
    """Return a name as trees give it: UTF-8 with surrogateescape."""
    if name.isascii():
        return name
    return name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


def stored(name: str) -> str | None:
    """Return a name of trees as it is stored; None for one that no file can have."""
    if name.isascii():
        return name
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogatepass")
    except UnicodeError:
        return None


class UpperCase:
    """The order of names in a directory: by units, each as the volume's table makes it.

    The table is read when the first name comes that is not ASCII, whose order is the same on every volume.
    """

    def __init__(self, read_table: Callable[[], bytes]) -> None:
        self._read_table = read_table

    @cached_property
    def _table(self) -> str:
        table = self._read_table()
        parts = table[: 2 * _LOW_SURROGATES], table[2 * _LOW_SURROGATES :]
        letters = "".join(part[: len(part) // 2 * 2].decode("utf-16-le", "surrogatepass") for part in parts)
        if len(letters) == len(table) // 2:
            return letters
        return "".join(map(chr, struct.unpack_from(f"<{len(table) // 2}H", table)))  # with pairs, as no table has

    def key(self, name: str) -> str:
        """Return what a name is compared by."""
        if name.isascii():
            return name.upper()
        if max(name) > _LAST_BMP:
            units = name.encode("utf-16-le", "surrogatepass")
            name = "".join(map(chr, struct.unpack(f"<{len(units) // 2}H", units)))
        return name.translate(self._table)
