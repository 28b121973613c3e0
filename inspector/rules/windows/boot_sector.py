r"""The first sector of the partition that a BIOS starts: whose code it is, and where it takes itself to be."""

from __future__ import annotations

from typing import Final

from inspector.disks.disk import Volume
from inspector.facts import Facts
from inspector.facts.windows_boot import WindowsBoot
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from inspector.windows.system_volumes import started_volumes
from parsers.boot.boot_code import BootCode, parse_boot_sector
from parsers.filesystem.bios_parameter_block import parse_bios_parameter_block

_NOTHING: Final = frozenset({BootCode.EMPTY, BootCode.NTLDR, BootCode.REFUSAL})
"""Code that does not start the boot manager of Windows Vista and later."""


def _started(facts: Facts) -> list[Volume]:
    """Return what a BIOS starts; raise `NotApplicable` where that is nothing."""
    found = [volume for loader, volume in started_volumes(facts) if loader.firmware == "bios"]
    if not found:
        raise NotApplicable("no BIOS starts this image")
    return found


def _bad(facts: Facts, message: str, evidence: list[Evidence]) -> Verdict:
    """Fail where nothing but a BIOS can start the image, and warn where UEFI can."""
    others = [it for it in facts[WindowsBoot].loaders if it.firmware == "uefi" and not it.manager_flaw and it.store]
    return warning(message, *evidence) if others else failed(message, *evidence)


@rule("windows-boot-sector-starts-the-boot-manager", "The active partition's code starts bootmgr", "windows")
def windows_boot_sector_starts_the_boot_manager(facts: Facts) -> Verdict:
    r"""Of the partition that a BIOS starts; the code of the disk's first sector is the matter of boot-loader-installed.

    That may be of any release: what Windows Server 2003 wrote there starts the active partition as well.

    Why: code of Windows XP and Server 2003 looks for NTLDR, and stops with "NTLDR is missing".

    Fix: `bootsect /nt60 S:` from the recovery console, S: being the active partition.

    Reads: the first sector of the active partition

    References: Microsoft, Bootsect Command-Line Options; Alibaba Cloud's troubleshooting of Windows (VBR).
    """
    bad: list[Evidence] = []
    odd: list[Evidence] = []
    good: list[Evidence] = []
    for volume in _started(facts):
        code = parse_boot_sector(volume.source).code
        kind = bad if code in _NOTHING else good if code is BootCode.BOOTMGR else odd
        kind.append(Evidence(volume.place, f"boot code: {code}"))
    if bad:
        return _bad(facts, "the code of the active partition does not start the boot manager", bad)
    if odd:
        return unknown("what the code of the active partition starts is not known", *odd)
    return ok("the code of the active partition starts the boot manager", *good)


@rule(
    "windows-boot-sector-knows-its-place", "The active partition's code looks for the rest of itself there", "windows"
)
def windows_boot_sector_knows_its_place(facts: Facts) -> Verdict:
    r"""The hidden sectors of the parameter block are those in front of the partition, and its geometry is set.

    Of the partition that a BIOS starts alone, for nothing else reads them.

    Why: that code reads the sectors behind it, and the file system, at the place that stands there: after the partition
    was moved or cloned to another start, it stops with "A disk read error occurred".

    Fix: write the number of the partition's first sector (four bytes, little-endian) to byte 0x1c of its first sector
    and, on NTFS, of the copy in its last sector; or move the partition to where it takes itself to be.

    Reads: the first sector of the active partition, the partition table

    References: Microsoft, FAT File System Specification (BPB_HiddSec); mkntfs(8), --partition-start; the code itself,
    which adds them to the number of each sector that it reads.
    """
    wrong: list[Evidence] = []
    odd: list[Evidence] = []
    good: list[Evidence] = []
    for volume in _started(facts):
        sector = parse_boot_sector(volume.source)
        if sector.code is not BootCode.BOOTMGR:
            raise NotApplicable(f"the boot code of the active partition is not that of Windows: {sector.code}")
        block = parse_bios_parameter_block(volume.source)
        start = (volume.offset or 0) // block.sector_size
        if block.hidden_sectors != start:
            wrong.append(Evidence(volume.place, f"{start} hidden sectors wanted, {block.hidden_sectors} found"))
        elif not (block.heads and block.sectors_per_track):
            geometry = f"{block.heads} heads, {block.sectors_per_track} sectors per track"
            odd.append(Evidence(volume.place, geometry))
        else:
            good.append(Evidence(volume.place, f"hidden sectors: {start}"))
    if wrong:
        return _bad(facts, "the boot code looks for itself at another place of the disk", wrong)
    if odd:
        return warning("the boot code is not told the geometry of the disk", *odd)
    return ok("the boot code knows where it lies", *good)


RULES = (windows_boot_sector_knows_its_place, windows_boot_sector_starts_the_boot_manager)
