"""An LVM2 physical volume: its label, its header, and the metadata areas with the text of its group.

Written from what pvcreate(8), pvck(8) --dump headers and vgcfgbackup(8) show of the format: a label in one of the first
four sectors; lists of data and metadata areas; an area's header in its first sector and a ring buffer behind it.
Every checksum is CRC-32 with LVM's own start value.

Not done: format 1 of LVM, and metadata that vgcreate was told to keep in files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.source import Source
from parsers.volume.lvm2_text import Section, parse_lvm2_text

SECTOR: Final = 512
_LABEL: Final = struct.Struct("<8sQII8s")
_AREA: Final = struct.Struct("<QQ")
_LOCATION: Final = struct.Struct("<QQII")
_AREA_HEADER: Final = struct.Struct("<I16sIQQ")
_AREA_MAGIC: Final = b" LVM2 x[5A%r0N*>"
_IGNORED: Final = 1
_MAX_TEXT: Final = 8 << 20


class PhysicalVolume(msgspec.Struct, frozen=True):
    """What a physical volume says about itself.

    Attributes:
        uuid: without dashes, as the metadata's ids are compared.
        size: bytes of the device as LVM knows it.
        metadata: the texts of its metadata areas, newest first; none where another member of the group has them.
        problems: areas that could not be read, or that do not agree.
    """

    source: Source
    uuid: str
    size: int
    metadata: tuple[Section, ...]
    problems: tuple[Problem, ...]


def lvm_crc(data: bytes) -> int:
    """CRC-32 as LVM computes it: another start value, and no inversion."""
    return zlib.crc32(data, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def spell_uuid(uuid: str) -> str:
    """Put the dashes into an LVM UUID of 32 characters (6-4-4-4-4-4-6)."""
    cuts = (0, 6, 10, 14, 18, 22, 26, len(uuid))
    return "-".join(uuid[start:end] for start, end in pairwise(cuts))


def parse_physical_volume(source: Source, known: dict[bytes, Section] | None = None) -> PhysicalVolume:
    """Read the label and every metadata area of a physical volume.

    `known` are texts that were parsed before, by their bytes: every member of a group carries the same.

    Raises:
        ParseError: no sector holds a label that is whole.
    """
    raw = _label(source)
    offset = int.from_bytes(raw[20:24], "little")
    uuid = raw[offset : offset + 32].decode("ascii", "replace")
    size = int.from_bytes(raw[offset + 32 : offset + 40], "little")
    position = offset + 40
    _, position = _areas(source, raw, position)
    areas, _ = _areas(source, raw, position)
    metadata: list[Section] = []
    problems: list[Problem] = []
    for start, length in areas:
        try:
            metadata += _texts(source, start, length, {} if known is None else known)
        except ParseError as error:
            problems.append(Problem(error.place, error.message))
    metadata.sort(key=sequence, reverse=True)
    if metadata and sequence(metadata[-1]) != sequence(metadata[0]):
        message = f"copies of one age wanted, {sequence(metadata[0])} and {sequence(metadata[-1])} found"
        problems.append(Problem(Place(source.name), message))
    return PhysicalVolume(source, uuid, size, tuple(metadata), tuple(problems))


def sequence(text: Section) -> int:
    """The number of the change that a text describes, the higher the newer; -1 where it has none."""
    for group in text.values():
        if isinstance(group, dict) and isinstance(number := group.get("seqno"), int):
            return number
    return -1


def _label(source: Source) -> bytes:
    for sector in range(min(4, source.size // SECTOR)):
        raw = source.read_at(sector * SECTOR, SECTOR)
        magic, number, crc, offset, kind = _LABEL.unpack_from(raw)
        if magic != b"LABELONE" or kind != b"LVM2 001" or number != sector or lvm_crc(raw[20:]) != crc:
            continue
        if _LABEL.size <= offset <= SECTOR - 72:
            return raw
    raise ParseError(Place(source.name), "a label of LVM2 with a good checksum wanted in sectors 0 to 3, none found")


def _areas(source: Source, raw: bytes, position: int) -> tuple[list[tuple[int, int]], int]:
    areas: list[tuple[int, int]] = []
    while position + _AREA.size <= SECTOR:
        start, length = _AREA.unpack_from(raw, position)
        position += _AREA.size
        if not start:
            return areas, position
        areas.append((start, length))
    raise ParseError(Place(source.name), "a list of areas that ends within its sector wanted, none found")


def _texts(source: Source, start: int, length: int, known: dict[bytes, Section]) -> Iterator[Section]:
    place = Place(source.name, offset=start)
    if length <= SECTOR or start + length > source.size:
        raise ParseError(place, f"a metadata area inside {source.size} bytes wanted, {length} at {start} found")
    raw = source.read_at(start, SECTOR)
    crc, magic, version, own_start, own_length = _AREA_HEADER.unpack_from(raw)
    if magic != _AREA_MAGIC or version != 1:
        raise ParseError(place, "the header of a metadata area wanted, none found")
    if lvm_crc(raw[4:]) != crc:
        raise ParseError(place, f"checksum {lvm_crc(raw[4:]):#010x} wanted, {crc:#010x} found")
    if (own_start, own_length) != (start, length):
        raise ParseError(place, f"an area of {length} bytes at {start} wanted, {own_length} at {own_start} found")
    # The first location is the text in force; the second one, of a change that was never committed.
    offset, size, text_crc, flags = _LOCATION.unpack_from(raw, _AREA_HEADER.size)
    if not offset or flags & _IGNORED:
        return
    text = _ring(source, place, length, offset, size)
    if lvm_crc(text) != text_crc:
        raise ParseError(place, f"checksum {lvm_crc(text):#010x} of the text wanted, {text_crc:#010x} found")
    if text not in known:
        known[text] = parse_lvm2_text(text.decode("utf-8", "surrogateescape").rstrip("\0"), source.name)
    yield known[text]


def _ring(source: Source, area: Place, length: int, offset: int, size: int) -> bytes:
    """The text at `offset` of the area; what passes its end goes on behind the header."""
    start = area.offset or 0
    if not SECTOR <= offset < length or size > min(length - SECTOR, _MAX_TEXT):
        raise ParseError(area, f"a text inside an area of {length} bytes wanted, {size} at {offset} found")
    first = min(size, length - offset)
    return source.read_at(start + offset, first) + source.read_at(start + SECTOR, size - first)
