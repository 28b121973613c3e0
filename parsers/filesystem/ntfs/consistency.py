"""What stands on the volume twice, or is told by two things: that they agree, as far as that is cheap to see.

Layout: libfsntfs' documentation of the format, "The volume header", "The metadata files" ($MFTMirr holds a copy of at
least the first four records of the master file table) and "$Bitmap". A check of the whole volume is chkdsk's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parsers.filesystem.ntfs.attribute import Type
from parsers.filesystem.ntfs.boot import BootSector, parse_copy
from parsers.filesystem.ntfs.content import open_attribute
from parsers.filesystem.ntfs.records import Records
from parsers.filesystem.ntfs.volume import Volume
from parsers.place import ParseError, Place, Problem

_MIRRORED: Final = 4
_LEAST_SECTOR: Final = 512  # Windows knows no smaller ones, and mkntfs puts the copy elsewhere then
_BITMAP: Final = 6
_MAGIC: Final = b"FILE"


def contradictions(records: Records) -> tuple[Problem, ...]:
    """Return what does not agree: the boot sector and its copy, $MFT and $MFTMirr, $Bitmap and what is in use."""
    volume = records.volume
    found = (*_of_boot_sector(volume), *_of_mirror(volume), *_of_bitmap(records))
    return tuple(Problem(Place(volume.name, offset=offset), message) for offset, message in found)


def _of_boot_sector(volume: Volume) -> Iterator[tuple[int, str]]:
    boot = volume.boot
    end = boot.sectors * boot.sector_size
    if boot.problems or boot.sector_size < _LEAST_SECTOR or end > volume.source.size:
        return  # the copy was read instead, or the file system is cut off: that is told already
    try:
        copy = parse_copy(volume.source, end)
    except ParseError as error:
        at = end if end < volume.source.size else 0  # a problem at the end tells that the volume is cut off
        yield at, f"the copy of the boot sector is not there: {error.message}"
        return
    differing = [
        name
        for name in BootSector.__struct_fields__
        if name != "problems" and getattr(copy, name) != getattr(boot, name)
    ]
    if differing:
        yield end, f"the copy of the boot sector differs in: {', '.join(differing)}"


def _of_mirror(volume: Volume) -> Iterator[tuple[int, str]]:
    boot = volume.boot
    size = boot.record_size
    start, copies = boot.mft * boot.cluster_size, boot.mirror * boot.cluster_size
    for number in range(_MIRRORED):
        at = copies + number * size
        try:
            record = _content(volume, start + number * size)
        except ParseError:
            continue  # who reads the record says so
        try:
            copy = _content(volume, at)
        except ParseError as error:
            yield at, f"the copy of record {number} in $MFTMirr cannot be read: {error.message}"
            continue
        if copy != record:
            yield at, f"the copy of record {number} in $MFTMirr differs from the one in $MFT"


def _content(volume: Volume, offset: int) -> bytes:
    """Return what a record says, without the values that mark how it was written."""
    size = volume.boot.record_size
    raw = volume.source.read_at(offset, size) if offset + size <= volume.source.size else b""
    if len(raw) < size:
        raise volume.error(offset, f"{size} bytes wanted, the volume ends before")
    data = volume.whole(raw, offset, _MAGIC)
    array, count = (int.from_bytes(data[at : at + 2], "little") for at in (4, 6))
    used = int.from_bytes(data[24:28], "little")
    return data[:array] + data[array + 2 * count : used]


def _of_bitmap(records: Records) -> Iterator[tuple[int, str]]:
    volume, boot = records.volume, records.volume.boot
    try:
        inode = records.get(_BITMAP)
        data = inode.find(Type.DATA)
        bitmap = open_attribute(records, inode, data) if data else None
        if bitmap is None:
            raise volume.error(inode.record.offset, "$Bitmap: its data wanted, none found")
        for name, cluster in (("the boot sector", 0), ("$MFT", boot.mft), ("$MFTMirr", boot.mirror)):
            if not bitmap.read_at(cluster // 8, 1)[0] >> cluster % 8 & 1:
                yield cluster * boot.cluster_size, f"{name} lies in cluster {cluster}, which $Bitmap calls free"
    except ParseError as error:
        yield error.place.offset or 0, f"$Bitmap cannot be read: {error.message}"
