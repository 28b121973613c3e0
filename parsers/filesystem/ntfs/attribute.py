"""Attributes of file records: their headers, the values of resident ones, and where the others lie.

Layout: libfsntfs' documentation of the format, "The MFT attribute" and "Data runs".
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Final

import msgspec

from parsers.filesystem.ntfs.name import decode_name
from parsers.filesystem.ntfs.volume import Volume

_HEADER: Final = struct.Struct("<IIBBHHH")
_VALUE: Final = struct.Struct("<IH")
_EXTENT: Final = struct.Struct("<QQHB5xQQQ")
_END: Final = 0xFFFFFFFF
_RESIDENT: Final = 24  # bytes of a header, without its name
_NON_RESIDENT: Final = 64
_PADDING: Final = bytes(_RESIDENT)  # so that the header of the end, which is shorter, is read like the others
_MAX_UNIT: Final = 16  # log2 of the clusters of a compression unit; Windows knows 4

COMPRESSED: Final = 0x00FF
ENCRYPTED: Final = 0x4000


class Type:
    """Types of attributes that are read. No enumeration, since they are compared for each attribute of each record."""

    STANDARD_INFORMATION: Final = 0x10
    ATTRIBUTE_LIST: Final = 0x20
    FILE_NAME: Final = 0x30
    VOLUME_NAME: Final = 0x60
    VOLUME_INFORMATION: Final = 0x70
    DATA: Final = 0x80
    INDEX_ROOT: Final = 0x90
    INDEX_ALLOCATION: Final = 0xA0
    REPARSE_POINT: Final = 0xC0


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """An attribute, or the piece of one that its record holds.

    Attributes:
        resident: whether the value lies in the record itself.
        data: the bytes of the attribute, its header included.
        place: where they begin on the volume.
    """

    type: int
    name: str
    id: int
    flags: int
    resident: bool
    data: bytes
    place: int


class Extent(msgspec.Struct, frozen=True, gc=False):
    """Header of a value that lies in clusters. The sizes stand in the first piece, the one from cluster 0 on.

    Attributes:
        lowest, highest: the clusters of the value that this piece maps; of an empty one `highest` is before `lowest`.
        unit: clusters that are compressed together; 1 where none are.
        size: bytes of the value.
        initialised: bytes that were written; those behind read as zeros.
    """

    lowest: int
    highest: int
    unit: int
    allocated: int
    size: int
    initialised: int


def parse_attributes(volume: Volume, record: bytes, at: int, size: int, offset: int) -> tuple[Attribute, ...]:
    """Return the attributes of a record that begins at `offset` of the volume.

    The first one is at its byte `at`, the last one ends within `size` bytes.
    """
    record += _PADDING
    found: list[Attribute] = []
    header = _HEADER.unpack_from
    while at + 8 <= size:
        kind, length, non_resident, name_length, name_at, flags, number = header(record, at)
        if kind == _END:
            return tuple(found)
        least = _NON_RESIDENT if non_resident else _RESIDENT
        if not least <= length <= size - at or (name_length and name_at + 2 * name_length > length):
            raise volume.error(offset + at, f"an attribute of up to {size - at} bytes wanted, {length} found")
        data = record[at : at + length]
        name = decode_name(data[name_at : name_at + 2 * name_length]) if name_length else ""
        found.append(Attribute(kind, name, number, flags, not non_resident, data, offset + at))
        at += length
    raise volume.error(offset + at, "an end of the attributes wanted, none found")


def value_of(volume: Volume, attribute: Attribute) -> bytes:
    """Return the value of a resident attribute."""
    if not attribute.resident:
        raise volume.error(attribute.place + 8, f"a resident attribute {attribute.type:#x} wanted, another found")
    size, at = _VALUE.unpack_from(attribute.data, 16)
    if at + size > len(attribute.data):
        raise volume.error(attribute.place + 16, f"a value within {len(attribute.data)} bytes wanted, {size} found")
    return attribute.data[at : at + size]


def extent_of(volume: Volume, attribute: Attribute) -> Extent:
    """Return the header of a value that lies in clusters."""
    lowest, last, _, unit, allocated, size, initialised = _EXTENT.unpack_from(attribute.data, 16)
    highest = last if last < 1 << 63 else -1
    if unit > _MAX_UNIT or (lowest | size | initialised) >> 63:
        raise volume.error(attribute.place + 16, f"a value of less than 2^63 bytes wanted, {size} found")
    return Extent(lowest, highest, 1 << unit, allocated, size, initialised)


def size_of(volume: Volume, attribute: Attribute) -> int:
    """Return the length of a value."""
    if attribute.resident:
        return _VALUE.unpack_from(attribute.data, 16)[0]  # type: ignore[no-any-return]  # struct has no types
    return extent_of(volume, attribute).size


class Runs:
    """Where the clusters of a piece of a value lie. Sparse ones lie nowhere."""

    def __init__(self, volume: Volume, attribute: Attribute) -> None:
        extent = extent_of(volume, attribute)
        self.first = extent.lowest
        self._starts: list[int] = []
        self._clusters: list[int | None] = []
        self.end = self.first
        self._decode(volume, attribute)
        if self.end != max(extent.highest + 1, extent.lowest):
            wanted = f"runs up to cluster {extent.highest} wanted"
            raise volume.error(attribute.place, f"{wanted}, {self.end - 1} found")

    def find(self, cluster: int) -> tuple[int | None, int]:
        """Return where a cluster of the value lies, and how many follow it in step; it has to be one of this piece."""
        index = bisect_right(self._starts, cluster) - 1
        end = self._starts[index + 1] if index + 1 < len(self._starts) else self.end
        start = self._clusters[index]
        return None if start is None else start + cluster - self._starts[index], end - cluster

    def _decode(self, volume: Volume, attribute: Attribute) -> None:
        data = attribute.data
        at = int.from_bytes(data[32:34], "little")
        cluster = 0
        while at < len(data) and data[at]:
            sizes = data[at]
            middle = at + 1 + (sizes & 15)
            end = middle + (sizes >> 4)
            count = int.from_bytes(data[at + 1 : middle], "little", signed=True)
            if end > len(data) or count <= 0 or self.end + count >= 1 << 63:
                raise volume.error(attribute.place + at, f"a run of clusters wanted, {data[at:end].hex()} found")
            place = None
            if middle != end:
                cluster += int.from_bytes(data[middle:end], "little", signed=True)
                place = cluster if cluster != -1 else None  # how Windows NT 4 wrote sparse clusters
            if place is not None and not 0 <= place <= volume.blocks - count:
                raise volume.error(attribute.place + at, f"clusters within {volume.blocks} wanted, {place} found")
            self._starts.append(self.end)
            self._clusters.append(place)
            self.end += count
            at = end
