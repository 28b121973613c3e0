r"""The system drive: that it grows with the disk of an instance, and has the letter that Windows was set up with.

Source: Microsoft's documentation of diskpart ("extend": the volume is of NTFS or raw, and on a basic disk the free
space follows the partition at once), "Basic and Dynamic Disks" and "UEFI/GPT-based hard drive partitions" (newer
releases put the recovery partition behind Windows by themselves).
"""

from __future__ import annotations

from typing import Final

from inspector.disks.disk import DYNAMIC, Disk, Volume, partition_name
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.registry import CURRENT_VERSION, MOUNTED_DEVICES, Registry
from inspector.windows.system_volumes import system_volume
from parsers.partition.table import Partition, Scheme
from parsers.place import Place

_FIRST_LOGICAL: Final = 5
_RECOVERY: Final = frozenset({"0x27", "de94bba4-06d1-4d40-a16a-bfd50179d6ac"})
_SECTOR: Final = 512
_MBR_REACH: Final = (1 << 32) * _SECTOR
"""Where a partition of an MBR disk with sectors of 512 bytes ends at the latest."""
_WINDOWS: Final = "/windows"


@rule("windows-system-drive-can-grow", "Nothing lies behind the system drive: it can grow with its disk", "windows")
def windows_system_drive_can_grow(facts: Facts) -> Verdict:
    """Its partition, its file system, and what lies behind it on the disk.

    Why: an instance with a larger disk than the image keeps the image's size, and fills up: what Vminit extends at the
    first boot is the system drive, into the free space that follows it.

    Fix: `reagentc /disable`, then delete the recovery partition behind the system drive in diskpart (`delete partition
    override`); the recovery environment goes on from the system drive with `reagentc /enable`. Move other partitions.

    Reads: the partition table, the superblock of the system drive

    References: Microsoft, diskpart extend; Alibaba Cloud, Initialization tools, Vminit (ExtendVolume).
    """
    volume = system_volume(facts)
    own, disk = volume.partition, facts[Storage].disk_of(volume)
    if own is None or disk is None:
        return warning(
            "the system drive lies on no partition of its own", Evidence(volume.place, f"{volume.type} found")
        )
    if flaw := _flaw(volume, own, disk):
        return warning("the system drive does not grow", Evidence(volume.place, flaw))
    behind = sorted((it for it in disk.table.partitions if it.offset >= own.end), key=lambda it: it.offset)
    if behind:
        return warning("partitions lie behind the system drive", *(_seen(disk, it) for it in behind))
    return ok("nothing lies behind the system drive", Evidence(volume.place, f"partition {own.number}, {volume.type}"))


def _flaw(volume: Volume, own: Partition, disk: Disk) -> str | None:
    """Say why Windows cannot extend a partition at all; None where it can."""
    if own.type in DYNAMIC:
        return f"on a disk that is not basic: {DYNAMIC[own.type]}"
    if volume.type != "ntfs":
        return f"ntfs wanted, {volume.type} found"
    if disk.table.scheme is Scheme.MBR and own.number >= _FIRST_LOGICAL:
        return "a logical drive, which ends with its extended partition"
    if disk.table.scheme is Scheme.MBR and disk.table.sector_size == _SECTOR and own.end >= _MBR_REACH:
        return "it ends where the partition table ends, at 2 TiB"
    return None


def _seen(disk: Disk, partition: Partition) -> Evidence:
    name = partition_name(disk.name, partition.number)
    what = "the recovery partition" if partition.type in _RECOVERY else "a partition"
    return Evidence(Place(name, offset=partition.offset, volume=name), f"{what} behind it, {partition.size} bytes")


@rule("windows-system-drive-keeps-its-letter", "The system drive has the letter that it was set up with", "windows")
def windows_system_drive_keeps_its_letter(facts: Facts) -> Verdict:
    r"""`SystemRoot` lies on the drive that has the volume of Windows by `MountedDevices`.

    Why: the paths of the registry begin with the old letter, so that services and the log-on do not find their
    programs: a user who logs on is logged off at once.

    Fix: in the hive SYSTEM of the image, or in a recovery console, rename the value below MountedDevices of the letter
    that the system drive has to that of `SystemRoot`, after renaming what has that name.

    Reads: SYSTEM\MountedDevices, SOFTWARE\Microsoft\Windows NT\CurrentVersion

    References: Microsoft, KB 249321: Unable to log on if the boot partition drive letter has changed; KB 947288 (the
    same of Server 2008, which shows a black screen); KB 223188: How to restore the system/boot drive letter in Windows.
    """
    registry, guest = facts[Registry], facts[Guest]
    folder = registry.text(CURRENT_VERSION, "SystemRoot")
    place = registry.place(CURRENT_VERSION, "SystemRoot")
    if not folder:
        raise UnknownFact("which drive Windows was set up on is not told", place)
    drive = guest.written("\\")[:2]
    seen = Evidence(place, folder)
    if guest.normal(folder).lower() == _WINDOWS:
        return ok(f"the system drive is {drive}", seen)
    letter = Evidence(registry.place(MOUNTED_DEVICES, rf"\DosDevices\{drive}"), "the volume of Windows")
    return failed(f"the system drive is {drive}, and Windows was set up on another", seen, letter)


RULES = (
    windows_system_drive_can_grow,
    windows_system_drive_keeps_its_letter,
)
