r"""The Windows boot manager of each kind of firmware: its program and its store, on the volume that is started.

Source: Microsoft's documentation, "Boot and UEFI", "BCDboot Command-Line Options": a BIOS starts `\bootmgr` of the
active partition, with the store `\Boot\BCD`; UEFI starts `\EFI\Microsoft\Boot\bootmgfw.efi`, with the store beside it.
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
from inspector.guest import Guest, Mount, NotFound
from inspector.windows.paths import windows_paths
from inspector.windows.registry import Registry
from parsers.boot.bcd import BcdStore, parse_bcd
from parsers.boot.pe import parse_pe
from parsers.place import ParseError, Place
from parsers.source import Source

_BIOS: Final = (r"\bootmgr", r"\Boot\BCD")
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
    files = Guest([Mount("/", volume, volume.tree, volume.tree.root)], "windows", windows_paths(""))
    try:
        program, content = _file(files, manager), _file(files, store)
    except ParseError as error:
        return unread(str(error))
    found: BcdStore | None = None
    flaw, known = "it does not exist", True
    if content is not None:
        found, flaw, known = _store(files, store)
    return WindowsLoader(
        firmware, volume.name, places[0], _program_flaw(program, is_efi=firmware == "uefi"), places[1], found,
        flaw or None, store_absent=content is None, store_known=known,
    )  # fmt: skip


def _file(files: Guest, path: str) -> Source | None:
    try:
        return files.open(path)
    except NotFound:
        return None


def _program_flaw(source: Source | None, *, is_efi: bool) -> str | None:
    """Say what is wrong with a boot manager; that of a BIOS is no PE file as a whole."""
    if source is None:
        return "it does not exist"
    if not source.size:
        return "it is empty"
    try:
        return "it is no EFI application" if is_efi and not parse_pe(source).is_efi_application else None
    except ParseError as error:
        return f"it is no program: {error.message}"


def _store(files: Guest, path: str) -> tuple[BcdStore | None, str, bool]:
    """Return the store, or what is wrong with it and whether that is certain; its logs are replayed first."""
    try:
        return parse_bcd(Registry(files, whole_only=True).open(path)), "", True
    except UnknownFact as error:
        return None, str(error), False
    except ParseError as error:
        return None, str(error), True
