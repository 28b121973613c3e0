"""Boot sector of NTFS: sizes, and where the master file table lies.

Layout: libfsntfs' documentation of the format, "The volume header". The boot sector has a copy in the last sector of
the volume, behind the sectors that it counts.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from parsers.filesystem.superblock.model import power_of_two
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

_FIELDS: Final = struct.Struct("<3x8sHB26xQQQb3xb3xQ")
"""Signature, sector, sectors per cluster; sectors, MFT, its mirror; file record, index block, serial number."""
_SECTORS: Final = (256, 512, 1024, 2048, 4096)
_MAX_CLUSTER: Final = 2 << 20
_MAX_RECORD: Final = 64 << 10
_COPY: Final = 512
_NEGATIVE: Final = 0xF0  # from here on the count of sectors is the logarithm of a large one


class BootSector(msgspec.Struct, frozen=True):
    """Geometry of a volume.

    Attributes:
        sector_size, cluster_size, record_size: bytes; a record is one of the master file table.
        sectors: sectors in all, without the copy of the boot sector.
        mft, mirror: the first cluster of the master file table, and of the copy of its first records.
        serial: serial number of the volume, as blkid spells its UUID.
        problems: what is wrong with the first boot sector, where the copy was read instead.
    """

    sector_size: int
    cluster_size: int
    sectors: int
    mft: int
    mirror: int
    record_size: int
    serial: str
    problems: tuple[Problem, ...] = ()

    @property
    def clusters(self) -> int:
        """Clusters in all."""
        return self.sectors * self.sector_size // self.cluster_size


def parse_boot_sector(source: Source) -> BootSector:
    """Read the boot sector, or its copy where it is broken; raise its `ParseError` where both are."""
    try:
        return _parse(source, 0)
    except ParseError as error:
        for size in _SECTORS:
            copy = _copy(source, size)
            if copy is not None:
                problem = Problem(error.place, f"{error.message}; its copy at the end of the volume was read instead")
                return msgspec.structs.replace(copy, problems=(problem,))
        raise


def parse_copy(source: Source, offset: int) -> BootSector:
    """Read the copy of the boot sector at a byte of the volume; raise `ParseError` where there is none."""
    if offset + _COPY > source.size:
        raise ParseError(Place(source.name, offset=offset), "the volume ends before it")
    return _parse(source, offset)


def _copy(source: Source, size: int) -> BootSector | None:
    try:
        copy = _parse(source, source.size - size)
    except ParseError:
        return None
    return copy if copy.sector_size == size else None


def _parse(source: Source, offset: int) -> BootSector:
    def want(at: int, wanted: str, found: object, *, good: bool) -> None:
        if not good:
            raise ParseError(Place(source.name, offset=offset + at), f"{wanted} wanted, {found} found")

    head = source.read_at(offset, min(512, max(source.size - offset, 256)))
    signature, sector, per_cluster, sectors, mft, mirror, record, block, serial = _FIELDS.unpack_from(head)
    want(3, "the signature of NTFS", signature.hex(), good=signature == b"NTFS    ")
    want(11, "sectors of 256 to 4096 bytes", sector, good=sector in _SECTORS)
    count = 1 << 256 - per_cluster if per_cluster >= _NEGATIVE else per_cluster
    cluster = count * sector
    good = power_of_two(count, 1, _MAX_CLUSTER) and cluster <= _MAX_CLUSTER
    want(13, f"clusters of up to {_MAX_CLUSTER} bytes", f"{per_cluster} sectors", good=good)
    record_size, block_size = (value * cluster if value > 0 else 1 << min(-value, 63) for value in (record, block))
    want(64, f"file records of 256 to {_MAX_RECORD} bytes", record, good=power_of_two(record_size, 256, _MAX_RECORD))
    want(68, f"index blocks of 256 to {_MAX_CLUSTER} bytes", block, good=power_of_two(block_size, 256, _MAX_CLUSTER))
    clusters = sectors * sector // cluster
    want(40, "a volume of 1 to 2^63 bytes", f"{sectors} sectors", good=clusters > 0 and sectors * sector < 1 << 63)
    want(48, f"the master file table in {clusters} clusters", mft, good=0 < mft < clusters)
    return BootSector(sector, cluster, sectors, mft, mirror, record_size, f"{serial:016X}")
