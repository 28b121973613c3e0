"""The boot chain of a BIOS: code in the first sector of the disk, and what that code goes on to load."""

from __future__ import annotations

from typing import Final

from inspector.disks.disk import Disk
from inspector.facts.platform import BootChain, ChainState, Loader
from inspector.verdict import Evidence
from parsers.boot.boot_code import (
    CHAINLOADERS,
    SECTOR,
    BootCode,
    BootSector,
    parse_boot_sector,
    parse_core_image,
    parse_stage_1_5,
)
from parsers.partition.table import Partition, Scheme
from parsers.place import ParseError, Place
from parsers.source import Window

BIOS_BOOT: Final = "21686148-6449-6e6f-744e-656564454649"
_GRUB: Final = frozenset({BootCode.GRUB2, BootCode.GRUB_LEGACY})
_LOADERS: Final = {
    BootCode.GRUB2: Loader.GRUB2,
    BootCode.GRUB_LEGACY: Loader.GRUB_LEGACY,
    BootCode.SYSLINUX: Loader.SYSLINUX,
}
_NO_CODE: Final = frozenset({BootCode.EMPTY, BootCode.REFUSAL})


def bios_chain(disk: Disk) -> tuple[BootChain, BootSector | None]:
    """Follow the boot code of the disk; the boot sector is returned too, where it can be read."""
    source = disk.image.source
    try:
        sector = parse_boot_sector(source)
    except ParseError as error:
        return BootChain(ChainState.UNKNOWN, "the first sector cannot be read", (Evidence.of(error),)), None
    return _chain(disk, sector), sector


def _chain(disk: Disk, sector: BootSector) -> BootChain:
    seen = Evidence(sector.place, f"boot code: {sector.code}")
    idle = sector.code is BootCode.WINDOWS and disk.table.scheme is Scheme.GPT  # Windows writes it to every disk
    if idle or sector.code in _NO_CODE:
        return _without_code(disk, Evidence(seen.place, f"{seen.seen}, for MBR only") if idle else seen)
    if not sector.signed:
        return BootChain(ChainState.BROKEN, "the first sector is not signed with 55 aa", (seen,))
    if sector.code in _GRUB:
        return _grub(disk, sector, (seen,))
    if disk.table.scheme is Scheme.NONE:
        return _volume_code(sector.code, (seen,))
    if sector.code in CHAINLOADERS:
        return _active(disk, [part for part in disk.table.partitions if part.bootable], "an active partition", seen)
    if sector.code is BootCode.SYSLINUX_GPT:
        bootable = [part for part in disk.table.partitions if part.bootable]
        return _active(disk, bootable, "a partition with the attribute legacy BIOS bootable", seen)
    if sector.code in (BootCode.LILO, BootCode.ISOLINUX):
        return BootChain(ChainState.UNKNOWN, f"what {sector.code} goes on to load is not followed", (seen,))
    return BootChain(ChainState.UNKNOWN, "the boot code of the first sector is not known", (seen,))


def _without_code(disk: Disk, seen: Evidence) -> BootChain:
    prepared = [part for part in disk.table.partitions if part.type == BIOS_BOOT]
    if not prepared:
        return BootChain(ChainState.ABSENT, "no boot code for a BIOS", (seen,))
    evidence = tuple(_partition(disk, part, "BIOS boot partition") for part in prepared)
    return BootChain(
        ChainState.BROKEN, "a BIOS boot partition, but no boot code in the first sector", (seen, *evidence)
    )


def _grub(disk: Disk, sector: BootSector, seen: tuple[Evidence, ...]) -> BootChain:
    """Follow GRUB's boot sector, of the disk or of a partition; it names a sector of the disk either way."""
    following = sector.next_sector or 0
    read = parse_core_image if sector.code is BootCode.GRUB2 else parse_stage_1_5
    try:
        core = read(disk.image.source, following)
    except ParseError as error:
        message = f"{sector.code}'s boot code, but not what it loads from sector {following}"
        return BootChain(ChainState.BROKEN, message, (*seen, Evidence.of(error)))
    where = next(
        (f"partition {part.number}" for part in disk.table.partitions if part.offset <= core.offset < _end(part)),
        "the gap behind the boot sector",
    )
    found = Evidence(core.place, f"GRUB's core image, {core.size // SECTOR} sectors in {where}")
    message = f"{sector.code} with its core image in {where}"
    return BootChain(ChainState.COMPLETE, message, (*seen, found), _LOADERS.get(sector.code))


def _end(partition: Partition) -> int:
    return partition.offset + partition.size


def _active(disk: Disk, partitions: list[Partition], wanted: str, seen: Evidence) -> BootChain:
    if len(partitions) != 1:
        found = tuple(_partition(disk, part, "marked as active") for part in partitions)
        message = f"one partition to start wanted ({wanted}), {len(partitions)} found"
        return BootChain(ChainState.BROKEN, message, (seen, *found))
    (partition,) = partitions
    try:
        volume = Window(disk.image.source, partition.offset, partition.size, f"partition {partition.number}")
        code = parse_boot_sector(volume)
    except ParseError as error:
        return BootChain(
            ChainState.BROKEN, f"partition {partition.number} cannot be started", (seen, Evidence.of(error))
        )
    evidence = (seen, _partition(disk, partition, f"boot code: {code.code}"))
    if not code.signed:
        return BootChain(ChainState.BROKEN, "the active partition's first sector is not signed with 55 aa", evidence)
    if code.code in _GRUB:
        return _grub(disk, code, evidence)
    return _volume_code(code.code, evidence)


def _volume_code(code: BootCode, evidence: tuple[Evidence, ...]) -> BootChain:
    """Judge the code of a volume's own boot sector."""
    if code in _NO_CODE:
        return BootChain(ChainState.BROKEN, "no boot code in the partition that is to be started", evidence)
    if code in (BootCode.BOOTMGR, BootCode.NTLDR, BootCode.SYSLINUX):
        message = f"boot code of {code} in the partition that is started"
        return BootChain(ChainState.COMPLETE, message, evidence, _LOADERS.get(code))
    return BootChain(ChainState.UNKNOWN, f"boot code of the partition that is started: {code}", evidence)


def _partition(disk: Disk, partition: Partition, seen: str) -> Evidence:
    return Evidence(Place(disk.name, key=f"partition {partition.number}", offset=partition.offset), seen)
