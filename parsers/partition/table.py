"""The one model that every partition-table reader returns.

Offsets and sizes are bytes, so that nothing behind this model needs to know a sector size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from parsers.place import ParseError, Place, Problem
from parsers.source import Source

EXTENDED_TYPES: Final = frozenset({"0x05", "0x0f", "0x85"})


class Scheme(StrEnum):
    """Kind of partition table; NONE: a file system may lie on the whole disk."""

    MBR = "mbr"
    GPT = "gpt"
    NONE = "none"


class Flaw(StrEnum):
    """What kind of thing is wrong in a partition table.

    Attributes:
        STRUCTURE: the table breaks its specification, or is one that is not read.
        CHECKSUM: a GPT checksum does not match.
        BACKUP: the backup GPT is broken, missing, or differs.
        OVERLAP: two partitions share sectors.
        OUTSIDE: something lies past the end of the disk.
        STALE: what is left of another table, which the guest does not use.
        SLACK: the disk has grown since the GPT was written; its backup is not at the end.
    """

    STRUCTURE = "structure"
    CHECKSUM = "checksum"
    BACKUP = "backup"
    OVERLAP = "overlap"
    OUTSIDE = "outside"
    STALE = "stale"
    SLACK = "slack"


class TableProblem(Problem, frozen=True):
    """A problem of a partition table, with its kind."""

    flaw: Flaw


class Partition(msgspec.Struct, frozen=True):
    """One entry of a partition table.

    Attributes:
        number: as Linux numbers it (logical partitions from 5).
        offset, size: bytes.
        type: "0x83" for an MBR entry, a lower-case GUID for a GPT entry.
        uuid: what PARTUUID= names, lower case ("deadbeef-01" on MBR).
        name: GPT partition name (PARTLABEL).
        bootable: the active flag of an MBR entry, or GPT attribute bit 2 (legacy BIOS bootable).
        attributes: all attribute bits of a GPT entry; 0 on MBR.
    """

    number: int
    offset: int
    size: int
    type: str
    uuid: str | None = None
    name: str | None = None
    bootable: bool = False
    attributes: int = 0

    @property
    def end(self) -> int:
        """The byte behind its last one."""
        return self.offset + self.size


class PartitionTable(msgspec.Struct, frozen=True):
    """A partition table as found, with what is wrong in it (overlaps, entries past the end, bad checksums)."""

    scheme: Scheme
    sector_size: int
    disk_id: str | None = None
    partitions: tuple[Partition, ...] = ()
    problems: tuple[TableProblem, ...] = ()
    hybrid: bool = False


def peek(disk: Source, offset: int, size: int) -> bytes:
    """Return bytes of `disk`, or none where they lie outside it or cannot be read (a truncated image)."""
    if offset < 0 or offset + size > disk.size:
        return b""
    try:
        return disk.read_at(offset, size)
    except ParseError:
        return b""


def overlaps(name: str, partitions: Iterable[Partition]) -> Iterator[TableProblem]:
    """Yield a problem for each partition that begins inside one that begins before it; `name` is the disk's."""
    before: Partition | None = None
    for partition in sorted(partitions, key=lambda entry: (entry.offset, entry.number)):
        if before is not None and partition.offset < before.end:
            yield TableProblem(
                Place(name, offset=partition.offset),
                f"partition {partition.number} overlaps partition {before.number}",
                Flaw.OVERLAP,
            )
        if before is None or partition.end > before.end:
            before = partition


def outside(name: str, partitions: Iterable[Partition], disk_size: int) -> Iterator[TableProblem]:
    """Yield a problem for each partition that reaches past the end of the disk."""
    for partition in partitions:
        if partition.end > disk_size:
            yield TableProblem(
                Place(name, offset=partition.offset),
                f"partition {partition.number} ends at byte {partition.end}, the disk at byte {disk_size}",
                Flaw.OUTSIDE,
            )
