"""Tell the boot sector of a file system from a master boot record, and see where a volume begins.

Both end in 55 aa. FAT, exFAT and NTFS boot sectors open with a jump and a BIOS parameter block (Microsoft's FAT
specification, section 3); an ext4 disk may carry extlinux's boot sector, as Alpine's BIOS images do.
Only signatures are compared here: what the volume is in full is the business of its superblock's parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from parsers.partition.table import peek
from parsers.source import Source

if TYPE_CHECKING:
    from parsers.partition.mbr import Mbr

_NAMED: Final = (b"NTFS    ", b"EXFAT   ")
_SIZES: Final = frozenset({512, 1024, 2048, 4096})
_SIGNATURES: Final = (
    (0x438, b"\x53\xef"),  # ext2, ext3, ext4
    (0, b"XFSB"),
    (0x10040, b"_BHRfS_M"),
    (0, b"LUKS\xba\xbe"),
    (0x218, b"LVM2 001"),
    (0xFF6, b"SWAPSPACE2"),
    (0x400, b"\x10\x20\xf5\xf2"),  # f2fs
)


def is_volume_boot_sector(disk: Source, mbr: Mbr) -> bool:
    """Tell whether sector 0, though it could be an MBR, belongs to a file system on the whole disk.

    Slots that make sense decide for the MBR: it was written over an older file system, or has a parameter block.
    """
    slots = mbr.used
    sensible = [slot for slot in slots if slot.first_lba > 0 and (slot.first_lba + slot.sectors) * 512 <= disk.size]
    if slots and len(sensible) == len(slots):
        return False
    if is_parameter_block(disk.read_at(0, 512)):
        return True
    return not sensible and begins_volume(disk, 0)


def is_parameter_block(sector: bytes) -> bool:
    """Tell whether a sector opens like a FAT, exFAT or NTFS boot sector."""
    if sector[510:512] != b"\x55\xaa" or sector[0] not in (0xEB, 0xE9):
        return False
    if sector[3:11] in _NAMED:
        return True
    per_cluster, reserved, fats, media = sector[13], int.from_bytes(sector[14:16], "little"), sector[16], sector[21]
    return (
        int.from_bytes(sector[11:13], "little") in _SIZES
        and per_cluster > 0
        and per_cluster & (per_cluster - 1) == 0
        and reserved > 0
        and fats > 0
        and (media >= 0xF8 or media == 0xF0)
    )


def begins_volume(disk: Source, start: int) -> bool:
    """Tell whether a known file system, or a volume of another kind, begins at byte `start` of `disk`."""
    if is_parameter_block(peek(disk, start, 512)):
        return True
    return any(peek(disk, start + at, len(magic)) == magic for at, magic in _SIGNATURES)
