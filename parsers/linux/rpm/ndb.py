"""rpm's own database, ndb: the headers in Packages.db.

Format: as rpm lays it out since 4.14, little-endian, in blocks of 16 bytes: a header, then pages of 4 KiB full of
slots (package number, first block, number of blocks; number 0 is free), then the headers, each between a head and a
tail with its length and an Adler-32 checksum, which is verified.
Not done: Index.db, which only finds packages faster.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from parsers.place import ParseError, Place
from parsers.source import Source

_HEADER: Final = struct.Struct("<4s4I")
_SLOT: Final = struct.Struct("<4s3I")
_BLOB_HEAD: Final = struct.Struct("<4s3I")
_BLOB_TAIL: Final = struct.Struct("<2I4s")
_BLOCK: Final = 16
_PAGE: Final = 4096
_FIRST_SLOT: Final = 32
MAX_SLOT_PAGES: Final = 2048
"""Room for half a million packages."""
MAX_BLOB: Final = 66 << 20
"""Bytes of a header with all around it."""


def ndb_headers(file: Source) -> Iterator[tuple[int, bytes]]:
    """Give the number and the header of each package, in the order of the numbers.

    Raises:
        ParseError: the file is no such database, or its slots or a header are broken.
    """
    before = end = 0
    for number, first, count in sorted(_slots(file)):
        if number == before:
            raise ParseError(Place(file.name), f"one slot for package {number} wanted, two found")
        before, end = number, end + count * _BLOCK
        if end > file.size:
            raise ParseError(Place(file.name), f"at most {file.size} bytes in all headers wanted, {end} found")
        yield number, _blob(file, number, first * _BLOCK, count * _BLOCK)


def _slots(file: Source) -> Iterator[tuple[int, int, int]]:
    if file.size < _FIRST_SLOT:
        raise ParseError(Place(file.name), f"a header of {_FIRST_SLOT} bytes wanted, {file.size} bytes found")
    magic, version, _, pages, _ = _HEADER.unpack(file.read_at(0, _HEADER.size))
    if magic != b"RpmP" or version:
        raise ParseError(Place(file.name, offset=0), f"RpmP of version 0 wanted, {magic!r} of {version} found")
    if not 1 <= pages <= MAX_SLOT_PAGES:
        raise ParseError(Place(file.name, offset=12), f"1 to {MAX_SLOT_PAGES} pages of slots wanted, {pages} found")
    table = file.read_at(_FIRST_SLOT, pages * _PAGE - _FIRST_SLOT)
    for index, (magic, number, first, count) in enumerate(_SLOT.iter_unpack(table)):
        if magic != b"Slot":
            offset = _FIRST_SLOT + index * _SLOT.size
            raise ParseError(Place(file.name, offset=offset), f"a slot wanted, {magic!r} found")
        if number:
            yield number, first, count


def _blob(file: Source, number: int, offset: int, size: int) -> bytes:
    place = Place(file.name, offset=offset)
    if not _BLOB_HEAD.size + _BLOB_TAIL.size <= size <= MAX_BLOB:
        raise ParseError(place, f"a header of package {number} wanted, {size} bytes found")
    data = file.read_at(offset, size)
    magic, owner, _, length = _BLOB_HEAD.unpack_from(data)
    checksum, length_again, end_magic = _BLOB_TAIL.unpack_from(data, size - _BLOB_TAIL.size)
    if (magic, owner, end_magic) != (b"BlbS", number, b"BlbE") or length != length_again:
        raise ParseError(place, f"the header of package {number} wanted, {magic!r} of {owner} found")
    if not 0 <= size - _BLOB_HEAD.size - length - _BLOB_TAIL.size < _BLOCK:
        raise ParseError(place, f"a header that fills {size} bytes wanted, one of {length} found")
    found = zlib.adler32(memoryview(data)[: -_BLOB_TAIL.size])
    if found != checksum:
        raise ParseError(place, f"checksum {checksum:08x} wanted, {found:08x} found")
    return data[_BLOB_HEAD.size : _BLOB_HEAD.size + length]
