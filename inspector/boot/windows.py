r"""The Windows boot manager of each kind of firmware: its program and its store, on the volume that is started.

Source: Microsoft's documentation, "Boot and UEFI", "BCDboot Command-Line Options": a BIOS starts `\bootmgr` of the
active partition, with the store `\Boot\BCD`, and the boot sector of NTFS reads no compressed file ("BOOTMGR is
compressed"); UEFI starts `\EFI\Microsoft\Boot\bootmgfw.efi`, with the store beside it.
The store is a hive like those of the registry, with logs beside it (`BCD.LOG`, `BCD.LOG1`, `BCD.LOG2`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from inspector.boot.uefi import ESP_TYPES
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import UnknownFact
from inspector.facts.windows_boot import WindowsLoader
from inspector.guest import Guest
from inspector.windows.drives import files_of
from inspector.windows.registry import Registry
from parsers.boot.bcd import BcdStore, parse_bcd
from parsers.boot.pe import check_pe_whole, parse_pe
from parsers.place import ParseError, Place
from parsers.source import Source

_BIOS: Final = (r"\bootmgr", r"\Boot\BCD")
_PACKED: Final = frozenset({"compressed", "reparse-point"})
_HEAD: Final = 512
_UEFI: Final = (r"\EFI\Microsoft\Boot\bootmgfw.efi", r"\EFI\Microsoft\Boot\BCD")


def windows_loaders(storage: Storage) -> Iterator[WindowsLoader]:
    """Give what each firmware would start from the system disk."""
    for volume in storage.system_disk.volumes:
        partition = volume.partition
        if partition is None:
            continue
        if partition.type in ESP_TYPES:
            yield _loader("uefi", volume, *_UEFI)
        elif partition.bootable:
            yield _loader("bios", volume, *_BIOS)


def _loader(firmware: Literal["bios", "uefi"], volume: Volume, manager: str, store: str) -> WindowsLoader:
    places = Place(manager, volume=volume.name), Place(store, volume=volume.name)

    def unread(reason: str) -> WindowsLoader:
        return WindowsLoader(
            firmware, volume.name, places[0], reason, places[1], None, reason, store_known=False, unread=True
        )

    if volume.tree is None:
        return unread(f"{volume.name} cannot be read: {volume.reason or 'it holds no files'}")
    files = files_of(volume)
    try:
        program, content = _file(files, manager), _file(files, store)
    except ParseError as error:
        return unread(str(error))
    is_efi = firmware == "uefi"
    manager_flaw = _program_flaw(program, is_efi=is_efi)
    if not manager_flaw and not is_efi and _is_packed(files, manager):
        manager_flaw = "it is compressed, which the boot sector does not read"
    found: BcdStore | None = None
    flaw, known = "it does not exist", True
    if content is not None:
        found, flaw, known = _store(files, store)
    return WindowsLoader(
        firmware, volume.name, places[0], manager_flaw, places[1], found, flaw or None, store_absent=content is None,
        store_known=known,
    )  # fmt: skip


def _file(files: Guest, path: str) -> Source | None:
    return files.open(path) if files.is_file(path) else None


def _is_packed(files: Guest, path: str) -> bool:
    """Tell whether a file is compressed, by NTFS or by CompactOS."""
    try:
        return not _PACKED.isdisjoint(files.flags(path))
    except UnknownFact:  # a file system without such flags
        return False


def _program_flaw(source: Source | None, *, is_efi: bool) -> str | None:
    """Say what is wrong with a boot manager; that of a BIOS is no PE file as a whole."""
    if source is None:
        return "it does not exist"
    if not source.size:
        return "it is empty"
    if not any(source.read_at(0, min(_HEAD, source.size))):
        return "it begins with zeros"
    if not is_efi:
        return None
    try:
        check_pe_whole(source)
        return None if parse_pe(source).is_efi_application else "it is no EFI application"
    except ParseError as error:
        return f"it is no program, or cut off: {error.message}"


def _store(files: Guest, path: str) -> tuple[BcdStore | None, str, bool]:
    """Return the store, or what is wrong with it and whether that is certain; its logs are replayed first."""
    try:
        hive = Registry(files, whole_only=True).open(path)
        hive.check_ends(hive.base.bins_size)
        return parse_bcd(hive), "", True
    except UnknownFact as error:
        return None, str(error), False
    except ParseError as error:
        return None, str(error), True
