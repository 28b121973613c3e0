"""Boot code of a BIOS: what the first sector of a disk or of a partition would run, and GRUB's core image behind it.

Recognised by facts that their documentation gives: GRUB 2 manual, "BIOS installation" and the constants of its boot
protocol (kernel sector at 0x5c of boot.img, block list at the end of the core image's first sector); GRUB Legacy
(stage 2 sector at 0x44); LILO's name at byte 6; the messages of the Syslinux, Windows and mkfs.fat sectors. Those of
Windows are in its language, but for the names of what it starts, and what it asks of the firmware.
Whether code that is recognised would also run is not checked: its bytes are not compared with any release.

Not done: boot code of the BSDs, boot managers of vendors; they are "unknown", which is neither good nor bad.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.source import Source

SECTOR: Final = 512
_CODE: Final = 440  # of a disk's first sector; then its id and the partition table
_KERNEL_SECTOR: Final = 0x5C
_STAGE2_SECTOR: Final = 0x44
_BLOCK_LIST: Final = 0x1F4
_SHORT_JUMP: Final = 0xEB
_BACKWARDS: Final = 0x80
_MAX_CORE: Final = 4096  # sectors; what a BIOS boot partition of 2 MiB holds, and several times what is installed


class BootCode(StrEnum):
    """Whose boot code it is."""

    EMPTY = "empty"
    GRUB2 = "GRUB 2"
    GRUB_LEGACY = "GRUB Legacy"
    SYSLINUX = "Syslinux"
    SYSLINUX_GPT = "Syslinux for GPT"
    ISOLINUX = "ISOLINUX"
    LILO = "LILO"
    WINDOWS = "Windows"
    BOOTMGR = "Windows Boot Manager"
    NTLDR = "NTLDR"
    REFUSAL = "a message that the disk does not boot"
    UNKNOWN = "unknown"


CHAINLOADERS: Final = frozenset({BootCode.SYSLINUX, BootCode.WINDOWS})
"""Code that starts the first sector of the active partition."""

# In this order: Syslinux and Windows share one message.
_MESSAGES: Final = (
    (b"isolinux.bin missing or corrupt", BootCode.ISOLINUX),
    (b"GRUB \0Geom\0", BootCode.GRUB2),
    (b"Missing OS\r\n", BootCode.SYSLINUX_GPT),
    (b"Operating system load error", BootCode.SYSLINUX),
    (b"Invalid partition table", BootCode.WINDOWS),
    (b"BOOTMGR", BootCode.BOOTMGR),  # a message of NTFS' code in any language, or the file that FAT's looks for
    (b"NTLDR", BootCode.NTLDR),
    (b"\x66\x81\xfbTCPA", BootCode.WINDOWS),  # it asks for a TPM, since Vista, whatever language its messages are in
    (b"This is not a bootable disk", BootCode.REFUSAL),
)


class BootSector(msgspec.Struct, frozen=True):
    """The boot code of one sector.

    Attributes:
        place: where the sector stands.
        signed: whether it ends with 55 aa, without which a BIOS does not run it.
        next_sector: for GRUB, the sector of the disk (of 512 bytes) whose code it loads.
    """

    place: Place
    code: BootCode
    signed: bool
    next_sector: int | None = None


class CoreImage(msgspec.Struct, frozen=True):
    """GRUB's core image (of GRUB Legacy: its stage 1.5) as its first sector describes it; offset and size in bytes."""

    place: Place
    offset: int
    size: int


def parse_boot_sector(source: Source) -> BootSector:
    """Recognise the boot code of the first sector of a disk or a partition."""
    raw = source.read_at(0, SECTOR)
    code = _recognise(raw)
    following = None
    if code is BootCode.GRUB2:
        following = int.from_bytes(raw[_KERNEL_SECTOR : _KERNEL_SECTOR + 8], "little")
    elif code is BootCode.GRUB_LEGACY:
        following = int.from_bytes(raw[_STAGE2_SECTOR : _STAGE2_SECTOR + 4], "little")
    return BootSector(Place(source.name, offset=0), code, raw[510:512] == b"\x55\xaa", following)


def _recognise(raw: bytes) -> BootCode:
    if not any(raw[:_CODE]):
        return BootCode.EMPTY
    if raw[6:10] == b"LILO":
        return BootCode.LILO
    if raw[3:11] in (b"SYSLINUX", b"EXTLINUX"):
        return BootCode.SYSLINUX
    code = raw[_start(raw) : SECTOR - 2]  # a label is no message
    found = next((whose for message, whose in _MESSAGES if message in code), BootCode.UNKNOWN)
    # GRUB 2 has grown past what GRUB Legacy's jump steps over: eb 48 (or eb 4c) is legacy or a GRUB 2 before 1.97.
    if found is BootCode.GRUB2 and raw[0] == 0xEB and raw[1] in (0x48, 0x4C):
        return BootCode.GRUB_LEGACY
    if found is BootCode.UNKNOWN and not any(code[: _CODE - _start(raw)]):
        return BootCode.EMPTY
    return found


def _start(raw: bytes) -> int:
    """Return where code runs first: behind what a short jump leaves out, such as the parameters of a file system."""
    return 2 + raw[1] if raw[0] == _SHORT_JUMP and raw[1] < _BACKWARDS else 0


def parse_core_image(disk: Source, sector: int) -> CoreImage:
    """Return GRUB 2's core image, whose first sector is `sector` (of 512 bytes) of the disk.

    Raises ParseError where that sector is no start of one, or names sectors that are not there or hold nothing.
    """
    offset = sector * SECTOR
    place = Place(disk.name, offset=offset)
    if sector < 1:
        raise ParseError(place, "a sector behind the boot sector wanted for GRUB's core image, 0 found")
    head = disk.read_at(offset, SECTOR)
    if b"loading" not in head or b"Geom" not in head:
        found = "zeros" if not any(head) else head[:8].hex(" ")
        raise ParseError(place, f"the first sector of GRUB's core image wanted, {found} found")
    start = int.from_bytes(head[_BLOCK_LIST : _BLOCK_LIST + 8], "little")
    count = int.from_bytes(head[_BLOCK_LIST + 8 : _BLOCK_LIST + 10], "little")
    if not count:
        raise ParseError(place, "a list of the core image's sectors wanted, an empty one found")
    if count > _MAX_CORE:
        raise ParseError(place, f"at most {_MAX_CORE} sectors of a core image wanted, {count} found")
    body = disk.read_at(start * SECTOR, count * SECTOR)
    for at in range(0, len(body), SECTOR):  # compressed data has no sector of zeros
        if not any(body[at : at + SECTOR]):
            raise ParseError(Place(disk.name, offset=start * SECTOR + at), "GRUB's core image wanted, zeros found")
    return CoreImage(place, offset, (count + 1) * SECTOR)


def parse_stage_1_5(disk: Source, sector: int) -> CoreImage:
    """Return what GRUB Legacy's boot sector loads (stage 1.5 or 2); ParseError where there is nothing."""
    place = Place(disk.name, offset=sector * SECTOR)
    head = disk.read_at(sector * SECTOR, SECTOR)
    if sector < 1 or b"oading" not in head:
        raise ParseError(place, "the first sector of GRUB's stage 1.5 or 2 wanted, something else found")
    return CoreImage(place, sector * SECTOR, SECTOR)
