"""The disk label: which partition table a disk has, and its partitions.

A disk with a protective MBR (type 0xee) has a GPT, whose backup is used where the primary is broken. A sector with
the signature 55 aa may also be the boot sector of a file system that lies on the whole disk.
Which table counts is decided as Linux does it, because that is what the guest will see: a GPT counts behind a
protective entry only, and an MBR without one hides whatever GPT is left on the disk.
Not done: tables of other machines (Sun, SGI, Apple, BSD, Atari, LDM); the first three are named in a problem.
"""

from __future__ import annotations

from typing import Final

from parsers.partition.boot_sector import begins_volume, is_volume_boot_sector
from parsers.partition.gpt import GptHeader, find_gpt, parse_gpt
from parsers.partition.mbr import SIGNATURE, Mbr, mbr_partitions, mbr_sector_size, parse_mbr
from parsers.partition.table import Flaw, PartitionTable, Scheme, TableProblem, outside, overlaps, peek
from parsers.place import Place
from parsers.source import Source

SECTOR: Final = 512
_FOREIGN: Final = (
    (508, b"\xda\xbe", "Sun disk label"),
    (0, b"\x0b\xe5\xa9\x41", "SGI volume header"),
    (512, b"PM\0\0", "Apple partition map"),
)


def parse_partition_table(disk: Source) -> PartitionTable:
    """Return the partition table of `disk`; `Scheme.NONE` where there is none.

    What is wrong with a table is in its `problems`; `ParseError` means that the disk could not be read.
    """
    if disk.size < SECTOR:
        return PartitionTable(Scheme.NONE, SECTOR)
    mbr = parse_mbr(disk)
    if mbr is not None and mbr.protective:
        return _behind_protective_mbr(disk, mbr)
    if mbr is None or is_volume_boot_sector(disk, mbr):
        return _without_mbr(disk, mbr is None)
    return _mbr_table(disk, mbr)


def _behind_protective_mbr(disk: Source, mbr: Mbr) -> PartitionTable:
    found = find_gpt(disk)
    if found.header is None:
        problem = _problem(disk, SECTOR, "a GPT behind the protective MBR wanted, none found", Flaw.STRUCTURE)
        return PartitionTable(Scheme.GPT, SECTOR, problems=(*found.problems, problem))
    table = parse_gpt(disk, found.header, found.problems)
    hybrid = any(slot.type not in (0, 0xEE) for slot in mbr.slots)
    return PartitionTable(table.scheme, table.sector_size, table.disk_id, table.partitions, table.problems, hybrid)


def _without_mbr(disk: Source, unsigned: bool) -> PartitionTable:  # noqa: FBT001 - two callers, named there
    """Nothing, unless a GPT has lost its protective MBR, or another machine's table is there."""
    header = _lone_gpt(disk) if unsigned else None
    if header is not None:
        lost = _problem(disk, 510, "a protective MBR wanted, none found: Linux does not use this GPT", Flaw.STRUCTURE)
        return parse_gpt(disk, header, (lost,))
    problems = [
        _problem(disk, at, f"{name}: this kind of partition table is not read", Flaw.STRUCTURE)
        for at, magic, name in _FOREIGN
        if peek(disk, at, len(magic)) == magic
    ]
    if unsigned and disk.read_at(510, 2) == SIGNATURE and not begins_volume(disk, 0):
        problems.append(
            _problem(disk, 446, "a status of 00 or 80 in each slot of the MBR wanted, another found", Flaw.STRUCTURE)
        )
    return PartitionTable(Scheme.NONE, SECTOR, problems=tuple(problems))


def _lone_gpt(disk: Source) -> GptHeader | None:
    """A primary GPT header counts without an MBR; a mere backup is what an older table left behind."""
    return find_gpt(disk, primary_only=True).header


def _mbr_table(disk: Source, mbr: Mbr) -> PartitionTable:
    sector_size = mbr_sector_size(disk, mbr)
    primary, logical, problems = mbr_partitions(disk, mbr, sector_size)
    everything = tuple(sorted((*primary, *logical), key=lambda partition: partition.number))
    stale = find_gpt(disk, primary_only=True).header
    if stale is not None:
        problems.append(
            _problem(
                disk, stale.offset, "no GPT wanted beside an MBR without a protective entry, one found", Flaw.STALE
            )
        )
    problems += overlaps(disk.name, primary)
    problems += overlaps(disk.name, logical)
    problems += outside(disk.name, everything, disk.size)
    return PartitionTable(Scheme.MBR, sector_size, f"{mbr.disk_id:08x}", everything, tuple(problems))


def _problem(disk: Source, offset: int, message: str, flaw: Flaw) -> TableProblem:
    return TableProblem(Place(disk.name, offset=offset), message, flaw)
