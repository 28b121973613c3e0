"""The one model that every partition-table reader returns.

Offsets and sizes are bytes, so that nothing behind this model needs to know a sector size.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from parsers.place import Problem


class Scheme(StrEnum):
    """Kind of partition table; NONE: a file system may lie on the whole disk."""

    MBR = "mbr"
    GPT = "gpt"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of a partition table.

    Attributes:
        number: as Linux numbers it (logical partitions from 5).
        offset, size: bytes.
        type: "0x83" for an MBR entry, a lower-case GUID for a GPT entry.
        uuid: what PARTUUID= names, lower case ("deadbeef-01" on MBR).
        name: GPT partition name (PARTLABEL).
        bootable: the active flag of an MBR entry, or GPT attribute bit 2 (legacy BIOS bootable).
    """

    number: int
    offset: int
    size: int
    type: str
    uuid: str | None = None
    name: str | None = None
    bootable: bool = False


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """A partition table as found, with what is wrong in it (overlaps, entries past the end, bad checksums)."""

    scheme: Scheme
    sector_size: int
    disk_id: str | None = None
    partitions: tuple[Partition, ...] = ()
    problems: tuple[Problem, ...] = ()
    hybrid: bool = False
