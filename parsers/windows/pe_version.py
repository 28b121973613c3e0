"""The version resource of a program, driver or library: its numbers, and the texts that Explorer shows.

Specification: Microsoft PE Format, "The .rsrc Section"; Win32, "VS_VERSIONINFO", "VS_FIXEDFILEINFO", "StringFileInfo".
Read is the first version resource in its first language; of its tables of texts the first that has a name wins.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.boot.pe import PeSection, parse_pe_directory, parse_pe_sections
from parsers.place import ParseError, Place
from parsers.source import Source

MAX_RESOURCE: Final = 1 << 20
MAX_ENTRIES: Final = 4096
MAX_TEXTS: Final = 1000
_RESOURCES: Final = 2
_VERSION: Final = 16
_SUBDIRECTORY: Final = 0x80000000
_DIRECTORY: Final = struct.Struct("<IIHHHH")
_BLOCK: Final = struct.Struct("<HHH")
_FIXED: Final = struct.Struct("<IIHHHHHHHHII")
_SIGNATURE: Final = 0xFEEF04BD


class PeVersion(msgspec.Struct, frozen=True):
    """A version resource.

    Attributes:
        file_version, product_version: four numbers each, the most significant first.
        flags: VS_FF_* of the file (1: debug, 2: prerelease, 8: private build), as far as they are valid.
        strings: the texts by name, such as CompanyName; what they say of the version is free text.
    """

    file_version: tuple[int, int, int, int]
    product_version: tuple[int, int, int, int]
    flags: int
    strings: dict[str, str]

    def __str__(self) -> str:
        return ".".join(map(str, self.file_version))


def parse_pe_version(source: Source) -> PeVersion | None:
    """Read the version resource of a PE file; None where it has none.

    Raises:
        ParseError: it is no PE file, or the resource is broken.
    """
    directory = parse_pe_directory(source, _RESOURCES)
    if directory is None:
        return None
    sections = parse_pe_sections(source)
    start, room = _at(source, sections, directory[0])
    reader = _Resources(source, start, room)
    entry = reader.find((_VERSION, None, None))
    if entry is None:
        return None
    address, size = struct.unpack("<II", reader.read(entry, 8))
    offset, room = _at(source, sections, address)
    if size > min(room, MAX_RESOURCE):
        raise ParseError(
            Place(source.name, offset=offset), f"a version resource within {room} bytes wanted, {size} found"
        )
    return _parse(source.read_at(offset, size), Place(source.name, offset=offset))


def _at(source: Source, sections: tuple[PeSection, ...], address: int) -> tuple[int, int]:
    """Return where an address in memory lies in the file, and how many bytes its section has from there on."""
    for section in sections:
        if section.address <= address < section.address + section.size:
            within = address - section.address
            return section.offset + within, section.size - within
    raise ParseError(Place(source.name), f"address {address:#x} in a section of the file wanted, in none found")


class _Resources:
    """The tree of resources: directories of types, names and languages."""

    def __init__(self, source: Source, start: int, room: int) -> None:
        self._source, self._start, self._room = source, start, room

    def read(self, offset: int, size: int) -> bytes:
        if offset + size > self._room:
            place = Place(self._source.name, offset=self._start + offset)
            raise ParseError(place, f"resources within {self._room} bytes wanted, {offset + size} found")
        return self._source.read_at(self._start + offset, size)

    def find(self, path: tuple[int | None, ...]) -> int | None:
        """Return where the leaf at `path` is, of ids or None for the first entry; None where there is none."""
        offset = 0
        for level, wanted in enumerate(path):
            found = self._entry(offset, wanted)
            if found is None:
                return None
            offset = found & ~_SUBDIRECTORY
            if bool(found & _SUBDIRECTORY) == (level == len(path) - 1):
                place = Place(self._source.name, offset=self._start + offset)
                raise ParseError(place, "types, names and languages of resources wanted, another tree found")
        return offset

    def _entry(self, offset: int, wanted: int | None) -> int | None:
        _, _, _, _, named, numbered = _DIRECTORY.unpack(self.read(offset, _DIRECTORY.size))
        count = named + numbered
        if count > MAX_ENTRIES:
            place = Place(self._source.name, offset=self._start + offset)
            raise ParseError(place, f"at most {MAX_ENTRIES} resources wanted, {count} found")
        for name, target in struct.iter_unpack("<II", self.read(offset + _DIRECTORY.size, 8 * count)):
            if wanted is None or name == wanted:
                return int(target)
        return None


def _parse(data: bytes, place: Place) -> PeVersion:
    size, value_size, _, key, at = _block(data, 0, len(data), place)
    if key != "VS_VERSION_INFO" or value_size < _FIXED.size or at + _FIXED.size > size:
        raise ParseError(place, f"VS_VERSION_INFO with its numbers wanted, {key!r} of {size} bytes found")
    signature, _, *numbers, mask, flags = _FIXED.unpack_from(data, at)
    if signature != _SIGNATURE:
        raise ParseError(place, f"signature {_SIGNATURE:#x} wanted, {signature:#x} found")
    strings: dict[str, str] = {}
    for inner, end, name in _children(data, at + value_size, size, place):
        if name == "StringFileInfo":
            for table, table_end, _ in _children(data, inner, end, place):
                _texts(data, table, table_end, place, strings)
    second, first, fourth, third, *product = numbers
    return PeVersion(
        file_version=(first, second, third, fourth),
        product_version=(product[1], product[0], product[3], product[2]),
        flags=flags & mask,
        strings=strings,
    )


def _block(data: bytes, at: int, end: int, place: Place) -> tuple[int, int, int, str, int]:
    """Return a block's end, the size of its value, its type, its key, and where its value begins."""
    if at + _BLOCK.size > end:
        raise ParseError(place, f"a block of a version wanted at byte {at}, the end found")
    size, value_size, kind = _BLOCK.unpack_from(data, at)
    if size < _BLOCK.size or at + size > end:
        raise ParseError(place, f"a block of {_BLOCK.size} to {end - at} bytes wanted at byte {at}, {size} found")
    block_end = at + size
    start = at + _BLOCK.size
    key = data[start : start + (block_end - start & ~1)].decode("utf-16-le", "surrogatepass").partition("\0")[0]
    return block_end, value_size, kind, key, _aligned(start + 2 * _units(key) + 2)


def _children(data: bytes, at: int, end: int, place: Place) -> Iterator[tuple[int, int, str]]:
    """Give where each block within a block begins behind its key, where it ends, and its key."""
    at = _aligned(at)
    while at + _BLOCK.size <= end:
        block_end, _, _, key, inner = _block(data, at, end, place)
        yield inner, block_end, key
        at = _aligned(block_end)


def _texts(data: bytes, at: int, end: int, place: Place, into: dict[str, str]) -> None:
    for value, value_end, name in _children(data, at, end, place):
        if len(into) >= MAX_TEXTS:
            return
        raw = data[value : value + (max(0, value_end - value) & ~1)]
        into.setdefault(name, raw.decode("utf-16-le", "surrogatepass").partition("\0")[0])


def _aligned(at: int) -> int:
    return -(-at // 4) * 4


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
