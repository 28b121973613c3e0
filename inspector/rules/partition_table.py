"""The partition table of the disk: whole, inside the disk, without overlaps."""

from __future__ import annotations

from typing import Final

from inspector.disks.disk import Disk
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, together, unknown, warning
from parsers.partition.table import Flaw, PartitionTable, Scheme
from parsers.place import Place

_FATAL: Final = frozenset({Flaw.STRUCTURE, Flaw.CHECKSUM})
_HARMLESS: Final = frozenset({Flaw.BACKUP, Flaw.STALE, Flaw.SLACK})
_MAX_EVIDENCE: Final = 20


@rule("partition-table-valid", "The partition table is whole", os="any")
def partition_table_valid(facts: Facts) -> Verdict:
    """Why: firmware and kernel ignore a table whose structure or checksums are wrong.

    A backup GPT that is broken, or not at the end of the disk, stands in the way of growing the disk.

    Fix: rebuild a GPT from its good copy with `sgdisk -e` or gdisk's recovery menu, which also move the backup to the
    end of a grown disk; remove what an older table left behind with `wipefs`; write a missing table anew.
    Reads: the first sectors of the disk, and its last, where GPT keeps a copy
    References: UEFI 2.10, 5.2 and 5.3
    """
    return together(
        {disk.name: _valid(disk, system=disk is facts[Storage].system_disk) for disk in facts[Storage].disks}
    )


def _valid(disk: Disk, *, system: bool) -> Verdict:
    table = disk.table
    if fatal := _seen(table, _FATAL):
        return failed("the partition table is broken", *fatal)
    if table.scheme is Scheme.NONE:
        kind = disk.volumes[0].type if disk.volumes else None
        if not system:
            return _data_disk(disk, kind)
        if kind is None:
            return failed("a partition table wanted, none found", Evidence(Place(disk.name, offset=446), "no table"))
        return warning("a partition table wanted, none found", Evidence(Place(disk.name), f"{kind} on the whole disk"))
    if not table.partitions:
        return failed("at least one partition wanted, none found", Evidence(Place(disk.name), f"empty {table.scheme}"))
    if harmless := _seen(table, _HARMLESS):
        return warning("the partition table can be used, but it is not in order", *harmless)
    return ok("the partition table is whole", _summary(disk))


@rule("partitions-inside-disk", "Every partition lies inside the disk", os="any")
def partitions_inside_disk(facts: Facts) -> Verdict:
    """Why: a partition that reaches past the last sector was cut off: its file system is refused when it is mounted.

    Fix: copy the image again, whole; or give the disk its size back with `qemu-img resize`.
    Reads: the partition table, and the size of the disk
    References: UEFI 2.10, 5.2 and 5.3
    """
    bad, good = "the partition table speaks of sectors past the end of the disk", "every partition lies inside the disk"
    return together({disk.name: _without(Flaw.OUTSIDE, disk, bad, good) for disk in _with_table(facts)})


@rule("partitions-do-not-overlap", "No two partitions share a sector", os="any")
def partitions_do_not_overlap(facts: Facts) -> Verdict:
    """Why: writing to one of two overlapping partitions destroys the other.

    Fix: delete the wrong one of the two, or correct its start or size, with `sfdisk` or `gdisk`.
    Reads: the partition table
    References: UEFI 2.10, 5.2 and 5.3
    """
    bad, good = "partitions overlap", "no partitions overlap"
    return together({disk.name: _without(Flaw.OVERLAP, disk, bad, good) for disk in _with_table(facts)})


@rule(
    "partition-table-fits-sectors",
    "The partition table counts in sectors of the size that the cloud's disks have",
    os="any",
)
def partition_table_fits_sectors(facts: Facts, *, sector_size: int) -> Verdict:
    """Why: a table counts in sectors: on a disk of another sector size firmware and kernel find no table at all.

    Fix: copy the partitions, byte for byte, to a disk of 512-byte sectors whose table was written for it.
    Reads: the partition table, and where its header lies
    References: UEFI specification 2.10, 5.3.2
    """
    return together({disk.name: _in_sectors(disk, sector_size) for disk in _with_table(facts)})


def _in_sectors(disk: Disk, sector_size: int) -> Verdict:
    found = Evidence(Place(disk.name), f"{disk.table.scheme} in sectors of {disk.table.sector_size} bytes")
    if disk.table.sector_size != sector_size:
        return failed(f"sectors of {sector_size} bytes wanted, of {disk.table.sector_size} found", found)
    return ok("the partition table counts in the cloud's sectors", found)


def _with_table(facts: Facts) -> list[Disk]:
    disks = [disk for disk in facts[Storage].disks if disk.table.scheme is not Scheme.NONE]
    if not disks:
        raise NotApplicable("the disk has no partition table")
    return disks


def _without(flaw: Flaw, disk: Disk, bad: str, good: str) -> Verdict:
    seen = _seen(disk.table, frozenset({flaw}))
    return failed(bad, *seen) if seen else ok(good, _summary(disk))


def _seen(table: PartitionTable, flaws: frozenset[Flaw]) -> list[Evidence]:
    return [Evidence.of(p) for p in table.problems if p.flaw in flaws][:_MAX_EVIDENCE]


def _summary(disk: Disk) -> Evidence:
    return Evidence(Place(disk.name), f"{disk.table.scheme}, partitions: {len(disk.table.partitions)}")


def _data_disk(disk: Disk, kind: str | None) -> Verdict:
    """A disk that nothing boots from needs no table, where something else tells what is on it."""
    if kind is None:
        return unknown("neither a partition table nor a file system found", Evidence(Place(disk.name), "no table"))
    return ok("the disk is used whole", Evidence(Place(disk.name), f"{kind} on the whole disk"))


RULES = (partition_table_valid, partitions_inside_disk, partitions_do_not_overlap, partition_table_fits_sectors)
