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
from inspector.windows.files import flaw_of_file
from inspector.windows.registry import Registry
from parsers.boot.bcd import BcdStore, parse_bcd
from parsers.boot.pe import check_pe_whole, parse_pe
from parsers.place import ParseError, Place

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
        manager_flaw, there = _program_flaw(files, manager, is_efi=firmware == "uefi"), files.is_file(store)
    except ParseError as error:
        return unread(str(error))
    found, flaw, known = _store(files, store) if there else (None, "it does not exist", True)
    return WindowsLoader(
        firmware, volume.name, places[0], manager_flaw, places[1], found, flaw or None, store_absent=not there,
        store_known=known,
    )  # fmt: skip


def _is_packed(files: Guest, path: str) -> bool:
    """Tell whether a file is compressed, by NTFS or by CompactOS."""
    try:
        return not _PACKED.isdisjoint(files.flags(path))
    except UnknownFact:  # a file system without such flags
        return False


def _program_flaw(files: Guest, path: str, *, is_efi: bool) -> str | None:
    """Say what is wrong with a boot manager; that of a BIOS is no PE file as a whole."""
    if flaw := flaw_of_file(files, path):
        return f"it {flaw}"
    source = files.open(path)
    if not any(source.read_at(0, min(_HEAD, source.size))):
        return "it begins with zeros"
    if not is_efi:
        return "it is compressed, which the boot sector does not read" if _is_packed(files, path) else None
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
