r"""The partitions of Windows: their kinds, their sizes, whether they are shown, and who may use the system drive."""

from __future__ import annotations

from typing import Final

from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, unknown, warning
from inspector.windows.system_volumes import started_volumes, system_volume
from parsers.filesystem.bios_parameter_block import parse_bios_parameter_block
from parsers.filesystem.tree import SecurityDescribing
from parsers.partition.table import Scheme
from parsers.place import Place
from parsers.windows.security_descriptor import FULL_ACCESS, file_rights, parse_security_descriptor

_SECTORS: Final = (512, 4096)
_FILE_SYSTEMS: Final = {"uefi": ("vfat",), "bios": ("ntfs", "vfat")}
_SYSTEM: Final = frozenset({"S-1-5-18", "S-1-5-32-544", "S-1-1-0", "S-1-5-11"})
"""SYSTEM, and the groups that it is in: Administrators, Everyone, Authenticated Users."""
_SHOWN_IN_MBR: Final = frozenset({"0x01", "0x04", "0x06", "0x07", "0x0b", "0x0c", "0x0e"})
_BASIC_DATA: Final = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
_ATTRIBUTES: Final = {60: "read-only", 61: "a shadow copy", 62: "hidden", 63: "without a drive letter"}
_NO_BLOCK_IO: Final = 1
_LONGEST: Final = 300


@rule("windows-system-drive-is-ntfs", "The system drive is NTFS, in sectors of 512 or 4096 bytes", "windows")
def windows_system_drive_is_ntfs(facts: Facts) -> Verdict:
    """The file system, and the sectors that its boot sector counts in.

    Why: Windows is installed on NTFS alone, and mounts none whose sectors are not those of a disk.

    Fix: install Windows anew, or restore its backup, onto a partition formatted with NTFS.

    Reads: the boot sector of the system drive

    References: Microsoft, "UEFI/GPT-based hard drive partitions" and "BIOS/MBR-based hard drive partitions".
    """
    volume = system_volume(facts)
    if volume.type != "ntfs":
        return warning("the system drive is not NTFS", Evidence(volume.place, volume.type or "not recognised"))
    size = parse_bios_parameter_block(volume.source).sector_size
    seen = Evidence(volume.place, f"NTFS in sectors of {size} bytes")
    if size not in _SECTORS:
        return warning("the system drive counts in sectors that no disk has", seen)
    return ok("the system drive is NTFS", seen)


@rule("windows-partitions-are-large-enough", "The partitions of Windows have the sizes that it asks for", "windows")
def windows_partitions_are_large_enough(facts: Facts, *, drive: int, started: int) -> Verdict:
    """The system drive, and the partition that the firmware starts where that is another; in bytes.

    Why: on a small system drive updates do not fit, and stop half-way; in a small system partition new boot files do
    not, so that an update fails.

    Fix: enlarge the disk and the partition (`diskpart`, `extend`), then take the image.

    Reads: the partition table

    References: Microsoft, "UEFI/GPT-based hard drive partitions" and "BIOS/MBR-based hard drive partitions": 20 GB for
    Windows of 64 bits, 100 MB for the system partition.
    """
    root = system_volume(facts)
    wanted = {root.name: (root, drive, "the system drive")}
    for loader, volume in started_volumes(facts):
        wanted.setdefault(volume.name, (volume, started, f"what {loader.firmware} starts"))
    small: list[Evidence] = []
    good: list[Evidence] = []
    for volume, least, what in wanted.values():
        if volume.size < least:
            small.append(Evidence(volume.place, f"{what}: {least} bytes wanted, {volume.size} found"))
        else:
            good.append(Evidence(volume.place, f"{what}: {volume.size} bytes"))
    if small:
        return warning("a partition is smaller than Windows asks for", *small)
    return ok("the partitions are large enough", *good)


@rule("windows-system-partition-is-readable", "The firmware and Windows read the partition that is started", "windows")
def windows_system_partition_is_readable(facts: Facts) -> Verdict:
    r"""FAT for UEFI; NTFS or FAT for a BIOS.

    Why: firmware for UEFI reads FAT alone, and the boot code of Windows NTFS and FAT.

    Fix: `format S: /fs:fat32` (UEFI) or `/fs:ntfs` (BIOS), S: being it, and `bcdboot C:\Windows /s S: /f ALL`.

    Reads: the boot sector of the active partition, and of the EFI system partition

    References: Microsoft, "UEFI/GPT-based hard drive partitions" and "BIOS/MBR-based hard drive partitions".
    """
    bad: list[Evidence] = []
    good: list[Evidence] = []
    for loader, volume in started_volumes(facts):
        fits = volume.type in _FILE_SYSTEMS[loader.firmware]
        seen = Evidence(volume.place, f"{volume.type or 'not recognised'}, started by {loader.firmware}")
        (good if fits else bad).append(seen)
    if bad:
        return warning("the partition that is started cannot be read", *bad)
    return ok("the partition that is started can be read", *good)


@rule("windows-partitions-are-shown", "No partition that Windows needs is hidden or read-only", "windows")
def windows_partitions_are_shown(facts: Facts) -> Verdict:
    """The types of MBR partitions, the types and attributes of GPT partitions.

    Why: Windows gives no drive letter to a partition whose type is a hidden one, or which is marked as hidden; firmware
    does not look into one that is marked as without block access. One that is marked as read-only, or as a shadow copy
    of another, is not written to.

    Fix: in `diskpart`, `set id=07` (MBR) or `gpt attributes=0` (GPT) for the partition; the EFI system partition keeps
    its type.

    Reads: the partition table

    References: Microsoft, PARTITION_INFORMATION_GPT and "Disk Partition Types"; UEFI 2.10, 5.3.3.
    """
    root = system_volume(facts)
    volumes = {volume.name: (volume, loader.firmware) for loader, volume in started_volumes(facts)}
    volumes.setdefault(root.name, (root, "bios"))
    hidden: list[Evidence] = []
    good: list[Evidence] = []
    for volume, firmware in volumes.values():
        if volume.partition is None:
            good.append(Evidence(volume.place, "no partition, but a whole disk"))
            continue
        flaw = _hidden(facts, volume, is_efi=firmware == "uefi" and volume is not root)
        seen = Evidence(volume.place, flaw or f"type {volume.partition.type}")
        (hidden if flaw else good).append(seen)
    if hidden:
        return warning("a partition that Windows needs is hidden or read-only", *hidden)
    return ok("no partition that Windows needs is hidden or read-only", *good)


def _hidden(facts: Facts, volume: Volume, *, is_efi: bool) -> str | None:
    """Say why a partition is not seen or written to; None where it is.

    Bits 48 to 63 mean something for basic data alone.
    """
    partition = volume.partition
    disk = facts[Storage].disk_of(volume)
    if partition is None or disk is None:
        return None
    if is_efi:
        return "without block access (attribute 1)" if partition.attributes >> _NO_BLOCK_IO & 1 else None
    if disk.table.scheme is not Scheme.GPT:
        return None if partition.type in _SHOWN_IN_MBR else f"type {partition.type}"
    if partition.type != _BASIC_DATA:
        return f"type {partition.type}, not basic data"
    found = [f"{text} (attribute {bit})" for bit, text in _ATTRIBUTES.items() if partition.attributes >> bit & 1]
    return ", ".join(found) or None


@rule("windows-system-may-use-its-drive", "SYSTEM has all rights to the root of the system drive", "windows")
def windows_system_may_use_its_drive(facts: Facts) -> Verdict:
    r"""The entries of the root's access control list, for SYSTEM and the groups that it is in.

    Why: services, updates and the agents of the cloud run as SYSTEM; what they may not write or list fails.

    Fix: `icacls C:\ /grant "*S-1-5-18:(OI)(CI)F"` (SYSTEM, in every language) as an administrator, and take away
    what denies it.

    Reads: the security descriptor of C:\

    References: [MS-DTYP] 2.4.6 and 2.5.3.2; Alibaba Cloud's troubleshooting of Windows.
    """
    tree = facts[Guest].mount_of("/").tree
    place = Place(facts[Guest].written("\\"), volume=system_volume(facts).name)
    if not isinstance(tree, SecurityDescribing):
        return unknown("who may use the system drive is not known", Evidence(place, "no security descriptors are read"))
    descriptor = parse_security_descriptor(tree.security_descriptor(tree.root), place)
    granted = file_rights(descriptor, _SYSTEM)
    seen = Evidence(place, descriptor.sddl()[:_LONGEST])
    if granted != FULL_ACCESS:
        lacking = f"rights that are lacking: {FULL_ACCESS & ~granted:#x}"
        return warning("SYSTEM lacks rights to the system drive", seen, Evidence(place, lacking))
    return ok("SYSTEM has all rights to the system drive", seen)


RULES = (
    windows_partitions_are_large_enough,
    windows_partitions_are_shown,
    windows_system_drive_is_ntfs,
    windows_system_may_use_its_drive,
    windows_system_partition_is_readable,
)
