"""Master boot record: four primary slots, and the chain of extended boot records behind one of them.

Layout: UEFI 2.10, 5.2.1; the chain as Linux follows it. Little-endian, in sectors of the disk; CHS fields are not
used. Nothing in an MBR says how long a sector is: 512 bytes, unless only 4096 makes sense of what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

import msgspec

from parsers.partition.boot_sector import begins_volume
from parsers.partition.table import Flaw, Partition, TableProblem, peek
from parsers.place import Place
from parsers.source import Source

PROTECTIVE_TYPE: Final = 0xEE
EXTENDED: Final = frozenset({0x05, 0x0F, 0x85})
MAX_LOGICAL: Final = 256
SIGNATURE: Final = b"\x55\xaa"

_MBR: Final = Struct("<440xI2x64s2s")  # disk id, slots, signature
_SLOT: Final = Struct("<B3xB3xII")  # status, type, first LBA, sectors


class MbrSlot(msgspec.Struct, frozen=True):
    """One of the four slots of a boot record; `number` from 1."""

    number: int
    bootable: bool
    type: int
    first_lba: int
    sectors: int

    @property
    def used(self) -> bool:
        """Linux makes a partition of every slot with a length, and of no other."""
        return self.sectors > 0 and self.type != 0


class Mbr(msgspec.Struct, frozen=True):
    """The master boot record as it stands; empty slots included."""

    disk_id: int
    slots: tuple[MbrSlot, ...]

    @property
    def used(self) -> tuple[MbrSlot, ...]:
        """The slots that hold a partition."""
        return tuple(slot for slot in self.slots if slot.used)

    @property
    def protective(self) -> bool:
        """The disk has, or had, a GPT."""
        return any(slot.type == PROTECTIVE_TYPE for slot in self.slots)


def parse_mbr(disk: Source) -> Mbr | None:
    """Decode sector 0; None where the signature or a slot's status says that it is no MBR."""
    return _record(disk.read_at(0, 512))


def _record(sector: bytes) -> Mbr | None:
    if len(sector) < 512:
        return None
    disk_id, raw, signature = _MBR.unpack(sector)
    slots = list(_SLOT.iter_unpack(raw))
    if signature != SIGNATURE or any(status & 0x7F for status, *_ in slots):
        return None
    return Mbr(
        disk_id,
        tuple(MbrSlot(number, status == 0x80, *fields) for number, (status, *fields) in enumerate(slots, start=1)),
    )


def mbr_sector_size(disk: Source, mbr: Mbr) -> int:
    """Return 512, or 4096 where partitions begin with something known only when counted so."""
    slots = mbr.used
    if any(_begins(disk, slot, 512) for slot in slots):
        return 512
    return 4096 if any(_begins(disk, slot, 4096) for slot in slots) else 512


def _begins(disk: Source, slot: MbrSlot, sector_size: int) -> bool:
    start = slot.first_lba * sector_size
    if start == 0 or start + slot.sectors * sector_size > disk.size:
        return False
    if slot.type in EXTENDED:
        return _record(peek(disk, start, 512)) is not None
    return begins_volume(disk, start)


def mbr_partitions(
    disk: Source, mbr: Mbr, sector_size: int
) -> tuple[list[Partition], list[Partition], list[TableProblem]]:
    """Return the primary partitions (extended ones included), the logical ones, and the problems."""
    primary = [_partition(mbr, slot.number, slot.first_lba, slot, sector_size) for slot in mbr.used]
    logical: list[Partition] = []
    problems: list[TableProblem] = []
    for slot in mbr.used:
        if slot.type not in EXTENDED:
            continue
        number = 5 + len(logical)
        for item in _chain(disk, slot, sector_size):
            if isinstance(item, TableProblem):
                problems.append(item)
            else:
                logical.append(_partition(mbr, number, item[0], item[1], sector_size))
                number += 1
    problems += _outside_extended(disk, primary, logical)
    active = [slot.number for slot in mbr.used if slot.bootable]
    if len(active) > 1:
        numbers = ", ".join(map(str, active))
        problems.append(
            TableProblem(
                Place(disk.name, offset=446), f"at most one active partition wanted, {numbers} found", Flaw.STRUCTURE
            )
        )
    return primary, logical, problems


def _partition(mbr: Mbr, number: int, first_lba: int, slot: MbrSlot, sector_size: int) -> Partition:
    return Partition(
        number=number,
        offset=first_lba * sector_size,
        size=slot.sectors * sector_size,
        type=f"{slot.type:#04x}",
        uuid=f"{mbr.disk_id:08x}-{number:02x}",
        bootable=slot.bootable,
    )


def _chain(disk: Source, extended: MbrSlot, sector_size: int) -> Iterator[tuple[int, MbrSlot] | TableProblem]:
    """Follow the extended boot records, yielding each logical partition with its first sector on the disk.

    A link counts from the start of the extended partition, a logical partition from its own boot record.
    """
    at = extended.first_lba
    visited: set[int] = set()
    while True:
        place = Place(disk.name, offset=at * sector_size)
        if at in visited:
            yield TableProblem(place, "a chain of boot records without a loop wanted, a loop found", Flaw.STRUCTURE)
            return
        if len(visited) >= MAX_LOGICAL:
            yield TableProblem(place, f"at most {MAX_LOGICAL} extended boot records wanted", Flaw.STRUCTURE)
            return
        visited.add(at)
        if at * sector_size + 512 > disk.size:
            yield TableProblem(place, f"an extended boot record lies past the end, {disk.size}", Flaw.OUTSIDE)
            return
        record = _record(peek(disk, at * sector_size, 512))
        if record is None:
            yield TableProblem(place, "an extended boot record wanted, none found", Flaw.STRUCTURE)
            return
        for slot in record.used:
            if slot.type not in EXTENDED and _belongs(slot, at, extended):
                yield at + slot.first_lba, slot
        link = next((slot for slot in record.used if slot.type in EXTENDED), None)
        if link is None:
            return
        at = extended.first_lba + link.first_lba


def _belongs(slot: MbrSlot, record: int, extended: MbrSlot) -> bool:
    """The first two slots always count; old OS/2 tools left junk in the others, which counts only if it fits."""
    if slot.number <= 2:
        return True
    first = record + slot.first_lba
    end = extended.first_lba + extended.sectors
    return extended.first_lba <= first and first + slot.sectors <= end


def _outside_extended(disk: Source, primary: list[Partition], logical: list[Partition]) -> Iterator[TableProblem]:
    frames = [p for p in primary if int(p.type, 16) in EXTENDED]
    for partition in logical:
        if not any(frame.offset <= partition.offset and partition.end <= frame.end for frame in frames):
            yield TableProblem(
                Place(disk.name, offset=partition.offset),
                f"logical partition {partition.number} reaches out of its extended partition",
                Flaw.OVERLAP,
            )
