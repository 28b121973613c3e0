"""The boot chain of UEFI: an EFI system partition, and loaders on it that firmware can start.

UEFI 2.10, 3.5.1.1: without a boot entry in its variables, which an image does not carry, firmware starts
EFI/BOOT/BOOT<machine>.EFI of a FAT volume. Loaders of vendors (EFI/debian/grubx64.efi) need such an entry.

Not done: boot entries, Secure Boot signatures, unified kernel images (EFI/Linux), which a boot manager starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec.structs import replace

from inspector.disks.disk import Disk, Volume
from inspector.facts.platform import BootChain, ChainState, EfiLoader, Loader
from inspector.verdict import Evidence
from parsers.boot.pe import parse_pe, parse_pe_sections
from parsers.filesystem.tree import FileType, Tree
from parsers.place import ParseError, Place
from parsers.source import Source

ESP_TYPES: Final = frozenset({"c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef"})
_FALLBACKS: Final = {
    "bootx64.efi": "x86_64",
    "bootaa64.efi": "aarch64",
    "bootia32.efi": "i386",
    "bootarm.efi": "arm",
    "bootriscv64.efi": "riscv64",
    "bootloongarch64.efi": "loongarch64",
}
_LOADER: Final = re.compile(
    r"(grub|shim|systemd-boot|refind|elilo|syslinux|bootmgfw|vmlinuz|limine).*\.efi", re.IGNORECASE
)
_SHIM: Final = re.compile(r"shim(x64|aa64|ia32|riscv64)\.efi", re.IGNORECASE)
_NOT_VENDORS: Final = frozenset({"boot", "linux"})
_BOOT_SECTOR: Final = 512
_MAX_VENDORS: Final = 64
_MAX_LOADERS: Final = 256
_MAGIC: Final = 256
_MAX_FILES: Final = 1024  # of one directory; a real one has a dozen


def uefi_chain(disk: Disk) -> tuple[BootChain, tuple[EfiLoader, ...]]:
    """Look at every EFI system partition; the loaders are returned too, usable or not."""
    partitions = [volume for volume in disk.volumes if volume.partition and volume.partition.type in ESP_TYPES]
    if not partitions:
        return _without_partition(disk), ()
    evidence: list[Evidence] = []
    loaders: list[EfiLoader] = []
    unread = False
    for volume in partitions:
        try:
            loaders += _loaders(volume)
            evidence.append(Evidence(volume.place, f"EFI system partition with {volume.type or 'no file system'}"))
        except ParseError as error:
            unread = True
            evidence.append(Evidence.of(error))
    return _judge(loaders, evidence, unread=unread), tuple(loaders)


def _judge(loaders: list[EfiLoader], evidence: list[Evidence], *, unread: bool) -> BootChain:
    evidence += [Evidence(loader.place, loader.flaw or f"EFI loader for {loader.machine}") for loader in loaders]
    usable = [loader for loader in loaders if not loader.flaw]
    if usable:
        names = ", ".join(loader.place.path for loader in usable[:3])
        message = f"an EFI system partition with {names}"
        return BootChain(ChainState.COMPLETE, message, tuple(evidence), _started(usable))
    if unread:
        return BootChain(ChainState.UNKNOWN, "an EFI system partition that cannot be read", tuple(evidence))
    if loaders:
        return BootChain(ChainState.BROKEN, "no loader on the EFI system partition can be started", tuple(evidence))
    return BootChain(ChainState.BROKEN, "an EFI system partition without a loader", tuple(evidence))


def _started(loaders: list[EfiLoader]) -> Loader | None:
    """Which boot loader firmware comes to: the one at the fallback path; behind a shim, the only one there is."""
    first = next((loader.loader for loader in loaders if loader.fallback and loader.loader), None)
    others = {loader.loader for loader in loaders if loader.loader}
    return first or (others.pop() if len(others) == 1 else None)


def _without_partition(disk: Disk) -> BootChain:
    seen = Evidence(disk.place, f"no EFI system partition; partitions: {len(disk.table.partitions)}")
    for volume in disk.volumes:
        if volume.type != "vfat" or volume.tree is None:
            continue
        try:
            if _find(volume.tree, "EFI", "BOOT") is not None:
                found = Evidence(
                    Place("/EFI/BOOT", volume=volume.name), "loaders, but the partition's type is no ESP's"
                )
                return BootChain(ChainState.BROKEN, "EFI loaders on a partition of another type", (seen, found))
        except ParseError:
            continue
    return BootChain(ChainState.ABSENT, "no EFI system partition", (seen,))


def _loaders(volume: Volume) -> list[EfiLoader]:
    """The loaders of one partition; `ParseError` where it cannot be read."""
    if volume.superblock and volume.superblock.others:
        raise ParseError(volume.place, volume.reason or "several signatures")
    if volume.type != "vfat":
        volume.source.read_at(0, min(_BOOT_SECTOR, volume.size))  # nothing recognised, or nothing readable?
        return []  # firmware reads FAT only
    tree = volume.tree
    if tree is None:
        raise ParseError(volume.place, volume.reason or "FAT that cannot be read")
    efi = _find(tree, "EFI")
    if efi is None:
        return []
    found = list(_fallbacks(volume, tree, efi))
    for name, directory in _vendors(tree, efi):
        found += _vendor(volume, tree, f"/EFI/{name}", directory)
        boot = tree.lookup(directory, "Boot")
        if boot is not None and name.lower() == "microsoft":
            found += _vendor(volume, tree, f"/EFI/{name}/Boot", boot)
    return found[:_MAX_LOADERS]


def _vendors(tree: Tree, efi: int) -> list[tuple[str, int]]:
    directories = [
        (entry.name, entry.inode)
        for entry in islice(tree.entries(efi), _MAX_FILES)
        if entry.name.lower() not in _NOT_VENDORS and tree.stat(entry.inode).type is FileType.DIRECTORY
    ]
    return sorted(directories)[:_MAX_VENDORS]


def _fallbacks(volume: Volume, tree: Tree, efi: int) -> Iterator[EfiLoader]:
    boot = tree.lookup(efi, "BOOT")
    if boot is None:
        return
    for entry in islice(tree.entries(boot), _MAX_FILES):
        if entry.name.lower() in _FALLBACKS:
            wanted = _FALLBACKS[entry.name.lower()]
            yield _loader(volume, tree, f"/EFI/BOOT/{entry.name}", entry.inode, fallback=True, wanted=wanted)


def _vendor(volume: Volume, tree: Tree, path: str, directory: int) -> Iterator[EfiLoader]:
    entries = list(islice(tree.entries(directory), _MAX_FILES))
    names = {entry.name.lower() for entry in entries}
    for entry in entries:
        if not _LOADER.fullmatch(entry.name):
            continue
        loader = _loader(volume, tree, f"{path}/{entry.name}", entry.inode)
        shim = _SHIM.fullmatch(entry.name)
        if shim and not loader.flaw and f"grub{shim[1].lower()}.efi" not in names:
            flaw = f"shim starts grub{shim[1].lower()}.efi beside it, which is not there"
            loader = replace(loader, flaw=flaw)
        yield loader


def _loader(
    volume: Volume, tree: Tree, path: str, inode: int, *, fallback: bool = False, wanted: str | None = None
) -> EfiLoader:
    place = Place(path, volume=volume.name)
    program = tree.open(inode)
    try:
        pe = parse_pe(program)
    except ParseError as error:
        return EfiLoader(place, fallback, None, f"no EFI loader: {error.message}")
    if not pe.is_efi_application:
        return EfiLoader(place, fallback, pe.machine, f"an EFI application wanted, subsystem {pe.subsystem} found")
    if wanted and pe.machine != wanted:
        return EfiLoader(place, fallback, pe.machine, f"a loader for {wanted} wanted, one for {pe.machine} found")
    return EfiLoader(place, fallback, pe.machine, loader=_program(program))


def _program(program: Source) -> Loader | None:
    """Tell a loader by its sections: `mods` of GRUB 2, `.linux` of a unified kernel image, what `.sdmagic` says."""
    try:
        sections = {section.name: section for section in parse_pe_sections(program)}
        if ".linux" in sections:
            return Loader.UKI
        if "mods" in sections:
            return Loader.GRUB2
        magic = sections.get(".sdmagic")
        text = program.read_at(magic.offset, min(magic.size, _MAGIC)) if magic else b""
    except ParseError:
        return None
    return Loader.SYSTEMD_BOOT if b"LoaderInfo: systemd-boot" in text else None


def _find(tree: Tree, *names: str) -> int | None:
    inode: int | None = tree.root
    for name in names:
        if inode is None or tree.stat(inode).type is not FileType.DIRECTORY:
            return None
        inode = tree.lookup(inode, name)
    return inode
