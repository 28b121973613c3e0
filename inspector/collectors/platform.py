"""Collects `Architecture`, `BootModes`, `Roots` and `DiskContent`."""

from __future__ import annotations

from typing import Final

from inspector.boot.bios import bios_chain
from inspector.boot.uefi import ESP_TYPES, uefi_chain
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import Architecture, BootModes, ChainState, DiskContent
from inspector.guest import Guest, Mount, NotFound
from inspector.mounts import Roots, find_roots
from inspector.roots.root import holds_windows
from inspector.verdict import Evidence
from parsers.boot.boot_code import BootCode
from parsers.boot.pe import parse_pe
from parsers.filesystem.superblock import identify
from parsers.filesystem.tree import SecurityDescribing, Tree
from parsers.linux.elf import parse_elf
from parsers.place import ParseError, Place
from parsers.source import Source

# What every Linux guest runs first; a script, or a link to nothing, is passed over.
_PROGRAMS: Final = (
    "/sbin/init",
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/bin/bash",
    "/bin/sh",
    "/bin/busybox",
    "/usr/bin/env",
    "/bin/ls",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
)
_KERNEL: Final = r"\Windows\System32\ntoskrnl.exe"
_MEDIA: Final = frozenset({"iso9660", "udf"})
_LOOKED_AT: Final = 64 << 10


def collect_architecture(facts: Facts) -> Architecture:
    """Read the head of the first program that every guest has."""
    guest = facts[Guest]
    if guest.family == "windows":
        machine = parse_pe(guest.open(_KERNEL)).machine
        return Architecture(machine, 64 if "64" in machine else 32, guest.place(_KERNEL))
    flaws: list[str] = []
    for path in _PROGRAMS:
        try:
            elf = parse_elf(guest.open(path))
        except NotFound:
            continue
        except ParseError as error:
            flaws.append(f"{path}: {error.message}")
            continue
        return Architecture(elf.machine, elf.bits, guest.place(path))
    reason = "no program tells the architecture"
    raise UnknownFact(f"{reason} ({'; '.join(flaws)})" if flaws else reason, *map(Place, _PROGRAMS[:5]))


def collect_boot_modes(facts: Facts) -> BootModes:
    """Follow the chain of each kind of firmware."""
    disk = facts[Storage].system_disk
    bios, sector = bios_chain(disk)
    uefi, loaders = uefi_chain(disk)
    grub = sector is not None and sector.code is BootCode.GRUB2 and bios.state is ChainState.COMPLETE
    has_partition = any(partition.type in ESP_TYPES for partition in disk.table.partitions)
    return BootModes(bios, uefi, loaders, grub, has_partition)


def collect_roots(facts: Facts) -> Roots:
    """Find the roots, where the guest was not found by them already."""
    return find_roots(facts[Storage])


def collect_disk_content(facts: Facts) -> DiskContent:
    """Sort the volumes by what they hold; says an optical medium by its signature, whatever table it carries."""
    storage = facts[Storage]
    mounts = facts[Roots]
    roots = [_root(mount) for mount in mounts]
    holding = [mount.volume for mount in mounts]
    unread: list[Evidence] = []
    others: list[Evidence] = []
    for volume in storage.volumes:
        if volume in holding:
            continue
        if volume.tree is not None:
            others.append(_without_system(volume, volume.tree))
        elif (seen := _without_files(volume)) is not None:
            others.append(Evidence(volume.place, seen))
        else:
            unread.append(Evidence(volume.place, volume.reason or "it cannot be read"))
    others += [
        Evidence(disk.place, "a partition table without partitions") for disk in storage.disks if not disk.volumes
    ]
    return DiskContent(tuple(roots), _medium(storage.system_disk.image.source), tuple(unread), tuple(others))


def _root(mount: Mount) -> Evidence:
    name, kind = (mount.volume.name, mount.volume.type) if mount.volume else (None, None)
    where = f" in the subvolume /{mount.subvolume}" if mount.subvolume else ""
    if mount.tree is not None and holds_windows(mount.tree):
        return Evidence(Place(r"\Windows", volume=name), f"the system drive of Windows on {kind}")
    return Evidence(Place("/etc", volume=name), f"the root of a system on {kind}{where}")


def _without_system(volume: Volume, tree: Tree) -> Evidence:
    """What is on a volume with files, but no system: of a Windows, what it lacks."""
    try:
        torn = isinstance(tree, SecurityDescribing) and tree.lookup(tree.root, "Windows") is not None
    except ParseError:
        torn = False
    if torn:
        return Evidence(
            Place(r"\Windows", volume=volume.name), r"Windows without System32\config, which holds its registry"
        )
    return Evidence(volume.place, f"{volume.type} without a system")


def _without_files(volume: Volume) -> str | None:
    """What a volume holds that certainly holds no system; None where it may hold one."""
    if volume.reason is None:
        return volume.type or "boot code or reserved room"
    if volume.type in _MEDIA:
        return f"{volume.type}, an optical medium"
    if volume.type is None and _is_empty(volume.source):
        return "empty: zeros at its start, middle and end"
    return None


def _is_empty(source: Source) -> bool:
    size = min(_LOOKED_AT, source.size)
    spots = {0, (source.size - size) // 2, source.size - size, min(1 << 20, source.size - size)}
    try:
        return not any(any(source.read_at(spot, size)) for spot in spots)
    except ParseError:
        return False


def _medium(source: Source) -> Evidence | None:
    try:
        found = identify(source)
    except ParseError:
        return None
    if found is None:
        return None
    kinds = [kind for kind in (found.type, *found.others) if kind in _MEDIA]
    return (
        Evidence(Place(source.name, offset=found.offset), f"an image of an optical medium ({kinds[0]})")
        if kinds
        else None
    )
