"""What the partitions of the system disk are used for: none of them for swap space, for dynamic disks or pools."""

from __future__ import annotations

from typing import Final

from inspector.disks.disk import DYNAMIC, FILELESS, Disk, Volume, partition_name
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from parsers.partition.table import Partition, Scheme
from parsers.place import Place

_SWAP: Final = frozenset({"swap", "swsuspend"})


@rule("system-disk-is-basic", "The system disk is neither a dynamic disk nor part of a storage pool", os="any")
def system_disk_is_basic(facts: Facts) -> Verdict:
    """Why: Windows does not boot from a storage pool, and volumes of a dynamic disk may continue on disks elsewhere.

    Fix: back the system up and restore it onto a basic disk; Windows cannot convert the disk that it boots from.

    Reads: the types of the partitions

    References: Microsoft, "Basic and Dynamic Disks" and PARTITION_INFORMATION_GPT
    """
    disk = _partitioned(facts)
    dynamic = [_seen(disk, part, DYNAMIC[part.type]) for part in disk.table.partitions if part.type in DYNAMIC]
    if dynamic:
        return failed("the system disk is not a basic disk", *dynamic)
    return ok("the system disk is a basic disk", _summary(disk))


@rule("system-disk-has-no-swap-partition", "No partition of the system disk is swap space")
def system_disk_has_no_swap_partition(facts: Facts) -> Verdict:
    """Swap space on a logical volume, or in a file, is no matter of this rule.

    Why: a swap partition keeps the root partition in front of it from growing, and the vendor asks for none.

    Fix: take its line out of /etc/fstab, delete the partition, and use a swap file where swap space is wanted.

    Reads: the partition table, the superblocks

    References: the vendor's specification of Linux images, "Swap partition"
    """
    disk = _partitioned(facts)
    swap = [
        Evidence(volume.place, f"{volume.type}, {volume.size} bytes") for volume in disk.volumes if volume.type in _SWAP
    ]
    if swap:
        return warning("the system disk has swap partitions", *swap)
    return ok("the system disk has no swap partition", _summary(disk))


def _partitioned(facts: Facts) -> Disk:
    disk = facts[Storage].system_disk
    if disk.table.scheme is Scheme.NONE:
        raise NotApplicable("the system disk has no partition table")
    return disk


def _seen(disk: Disk, partition: Partition, seen: str) -> Evidence:
    name = partition_name(disk.name, partition.number)
    return Evidence(Place(name, offset=partition.offset, volume=name), seen)


def _summary(disk: Disk) -> Evidence:
    kinds = ", ".join(dict.fromkeys(map(_kind, disk.volumes))) or "nothing"
    return Evidence(disk.place, f"on its partitions: {kinds}")


def _kind(volume: Volume) -> str:
    if volume.type is None and volume.partition:
        return FILELESS.get(volume.partition.type, "unknown")
    return volume.type or "unknown"


RULES = (system_disk_has_no_swap_partition, system_disk_is_basic)
