"""Menus of the boot loaders that read one file system: GRUB Legacy, Syslinux, systemd-boot, unified kernel images.

What such a loader names without a device lies where its own configuration lies.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from inspector.boot.grub_devices import GrubDevices
from inspector.boot.uefi import ESP_TYPES
from inspector.disks.disk import Disk, Volume, disk_name
from inspector.facts.boot import BootMenu, Default, Wait
from inspector.facts.platform import Loader
from inspector.guest import Guest, NotFound
from inspector.verdict import Evidence
from parsers.boot.bls import parse_bls_entry
from parsers.boot.grub_legacy import GrubLegacyConfig, parse_grub_legacy
from parsers.boot.menu import LoadedFile, MenuEntry, Search
from parsers.boot.syslinux import SyslinuxConfig, parse_syslinux
from parsers.boot.systemd_boot import (
    SystemdBootEntry,
    SystemdBootMenu,
    parse_loader_conf,
    systemd_boot_menu,
    type1_entry,
    type2_entry,
)
from parsers.boot.uki import parse_uki
from parsers.place import ParseError, Place, Problem

Devices = Callable[[str | None], str | None]
"""Takes a device as a loader calls it; returns it as `GrubDevices` does."""

XBOOTLDR_TYPES: Final = frozenset({"bc13c2ff-59e6-4262-a352-b275fd6f7172", "0xea"})
ROOT_TYPES: Final = frozenset(
    {
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "b921b045-1df0-41c3-af44-4c6f280d3fae",
        "44479540-f297-41b2-9af7-d131d5f0458a", "69dad710-2ce4-4e3c-b16c-21a1d49abed3",
        "72ec70a6-cf74-40e6-bd49-4bda08e8f224", "77055800-792c-4f94-b39a-98c91b762bb6",
    }
)  # fmt: skip
"""Partition types of a root: UAPI.2 Discoverable Partitions Specification."""
LEGACY: Final = ("/boot/grub/grub.conf", "/boot/grub/menu.lst")
_SYSLINUX: Final = (
    "/boot/extlinux/extlinux.conf",
    "/boot/extlinux.conf",
    "/boot/syslinux/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/extlinux/extlinux.conf",
    "/extlinux.conf",
    "/syslinux/syslinux.cfg",
    "/syslinux.cfg",
)
_UEFI_SYSLINUX: Final = ("/EFI/syslinux/syslinux.cfg", "/EFI/BOOT/syslinux.cfg")
_FALLBACKS: Final = ("BOOTX64.EFI", "BOOTAA64.EFI", "BOOTIA32.EFI", "BOOTRISCV64.EFI")
_X86: Final = frozenset({"x86_64", "i386", "x32"})
_MAX_ENTRIES: Final = 500
_LEGACY_DRIVE: Final = re.compile(r"hd(\d{1,2})(?:,(\d{1,3}))?")


def _placed(entry: MenuEntry, device: Devices) -> MenuEntry:
    """Give every file of an entry its device in the image."""

    def file(loaded: LoadedFile) -> LoadedFile:
        return replace(loaded, device=device(loaded.device))

    return replace(
        entry,
        entries=tuple(_placed(inner, device) for inner in entry.entries),
        linux=file(entry.linux) if entry.linux else None,
        initrds=tuple(map(file, entry.initrds)),
        loaders=tuple(map(file, entry.loaders)),
    )


# -- GRUB Legacy


def grub_legacy_menus(guest: Guest, disk: Disk, devices: GrubDevices) -> Iterator[BootMenu]:
    """Give the menus of GRUB Legacy, in the guest's /boot and on EFI system partitions."""
    seen: set[str] = set()
    for path in LEGACY:
        if guest.is_file(path) and (real := guest.realpath(path)) not in seen:
            seen.add(real)
            located = devices.of_guest(path)
            saved = _text(guest, posixpath.join(posixpath.dirname(real), "default"))
            config = parse_grub_legacy(guest.read_text(path), path, saved)
            yield _legacy_menu("bios", guest.place(path), config, devices, located[0] if located else None)
    for volume in _of_types(disk, ESP_TYPES):
        files = devices.files(volume.name)
        for path in files.glob("/EFI/*/grub.conf") if files else ():
            if read := devices.read(volume.name, path):
                start = Place(read[1], volume=volume.name)
                yield _legacy_menu("uefi", start, parse_grub_legacy(*read), devices, volume.name)


def _text(guest: Guest, path: str) -> str | None:
    try:
        return guest.read_text(path)
    except NotFound:
        return None


def _legacy_menu(
    firmware: str, start: Place, config: GrubLegacyConfig, devices: GrubDevices, home: str | None
) -> BootMenu:
    def device(name: str | None) -> str | None:
        if name is None:
            return home
        if name.startswith("fs-uuid/"):
            return devices.search("fs-uuid", name.removeprefix("fs-uuid/")) or name
        match = _LEGACY_DRIVE.fullmatch(name)
        if match is None:
            return name
        return disk_name(int(match[1])) + (str(int(match[2]) + 1) if match[2] else "")

    def searched(entry: MenuEntry) -> MenuEntry:
        found = (replace(search, device=devices.search(search.kind, search.value)) for search in entry.searches)
        searches: tuple[Search, ...] = tuple(found)
        return replace(entry, searches=searches)

    timeout, default = config.setting("timeout"), config.setting("default")
    password = config.setting("password")
    return BootMenu(
        Loader.GRUB_LEGACY,
        firmware,
        start,
        tuple(_placed(searched(entry), device) for entry in config.entries),
        tuple(_placed(searched(entry), device) for entry in config.chosen),
        Default(default.value if default else None, default.place if default else start, config.default_found),
        Wait(
            config.timeout, Evidence(timeout.place if timeout else start, f"timeout={timeout.value if timeout else ''}")
        ),
        Evidence(password.place if password else start, "password"),
        problems=config.problems,
    )


# -- Syslinux, EXTLINUX, U-Boot


def syslinux_menus(guest: Guest, disk: Disk, devices: GrubDevices, machine: str | None) -> Iterator[BootMenu]:
    """Give the menu of Syslinux: the configuration beside its `ldlinux.sys`, or else the first that is there."""
    there = [path for path in _SYSLINUX if guest.is_file(path)]
    there.sort(key=lambda path: not guest.exists(posixpath.join(posixpath.dirname(path), "ldlinux.sys")))
    for path in there[:1]:
        located = devices.of_guest(path) or (None, path)
        yield _syslinux_menu("bios", guest.place(path), (guest.read_text(path), path), located, devices, machine)
    for volume in _of_types(disk, ESP_TYPES):
        for path in _UEFI_SYSLINUX:
            if read := devices.read(volume.name, path):
                start = Place(read[1], volume=volume.name)
                yield _syslinux_menu("uefi", start, read, (volume.name, path), devices, machine)


def _syslinux_menu(
    firmware: str,
    start: Place,
    read: tuple[str, str],
    located: tuple[str | None, str],
    devices: GrubDevices,
    machine: str | None,
) -> BootMenu:
    home, path = located
    config = parse_syslinux(*read, posixpath.dirname(path), lambda name: devices.read(home, name))
    entries = tuple(_placed(entry, lambda name: name or home) for entry in config.entries)
    chosen = tuple(_placed(entry, lambda name: name or home) for entry in config.chosen)
    if not chosen and not config.default and machine and machine not in _X86:
        chosen = entries[:1]  # U-Boot goes on with the first label
    default = config.default
    return BootMenu(
        Loader.SYSLINUX,
        firmware,
        start,
        entries,
        chosen,
        Default(default.value if default else None, default.place if default else start, config.default_found),
        _syslinux_wait(config, start),
        Evidence(start, "MENU PASSWD") if config.menu else None,
        lost=tuple(
            Evidence(include.file.place, f"{include.file.path} is not there")
            for include in config.includes
            if not include.found
        ),
        unmet=_without_menu(config, posixpath.dirname(path), lambda name: devices.size(home, name)),
        problems=config.problems,
    )


def _without_menu(config: SyslinuxConfig, folder: str, size: Callable[[str], int | None]) -> tuple[Evidence, ...]:
    """Say that the program that shows the menu is gone: Syslinux stops at its prompt then."""
    shown = config.setting("ui") or config.setting("default")
    if not config.menu or shown is None or config.setting("path"):
        return ()
    name = (shown.value.split() or [""])[0]
    if any(size(posixpath.join(where, name)) for where in (folder, "/")):
        return ()
    return (Evidence(shown.place, f"{name} is not there, and Syslinux waits at its prompt"),)


def _syslinux_wait(config: SyslinuxConfig, start: Place) -> Wait:
    timeout = config.setting("timeout") or config.setting("totaltimeout")
    seen = Evidence(timeout.place, f"{timeout.name} {timeout.value}") if timeout else Evidence(start, "no timeout")
    if config.waits:
        return Wait(None, seen)
    prompt = config.setting("prompt")
    shown = config.menu or (prompt is not None and prompt.value.strip() != "0")
    return Wait(config.timeout / 10 if shown else 0, seen)


# -- systemd-boot and unified kernel images


def systemd_boot_menus(disk: Disk, devices: GrubDevices, machine: str | None) -> Iterator[BootMenu]:
    """Give the menus of systemd-boot, one for each EFI system partition that holds it or its configuration."""
    for volume in _of_types(disk, ESP_TYPES):
        conf = devices.read(volume.name, "/loader/loader.conf")
        if conf is None and not _names(devices, volume.name, "/EFI/systemd", ".efi"):
            continue
        problems: list[Problem] = []
        entries = [
            entry
            for home in (volume, *_of_types(disk, XBOOTLDR_TYPES))
            for entry in _systemd_boot_entries(home, devices, machine, problems)
        ]
        start = Place(conf[1] if conf else "/EFI/systemd", volume=volume.name)
        menu = systemd_boot_menu(
            entries, parse_loader_conf(*conf) if conf else None, lambda file: _exists(devices, file)
        )
        yield _systemd_menu(start, menu, problems)


def _systemd_boot_entries(
    home: Volume, devices: GrubDevices, machine: str | None, problems: list[Problem]
) -> Iterator[SystemdBootEntry]:
    for name in _names(devices, home.name, "/loader/entries", ".conf"):
        read = devices.read(home.name, f"/loader/entries/{name}")
        entry = type1_entry(parse_bls_entry(*read), home.name, machine) if read else None
        if isinstance(entry, Problem):
            problems.append(entry)
        elif entry:
            yield entry
    for name in _names(devices, home.name, "/EFI/Linux", ".efi"):
        path = f"/EFI/Linux/{name}"
        label = devices.label(home.name, path)
        try:
            yield type2_entry(parse_uki(devices.open(home.name, path), label), path, home.name)
        except ParseError as error:
            problems.append(Problem(Place(label, offset=error.place.offset), error.message))


def _names(devices: GrubDevices, device: str, path: str, suffix: str) -> list[str]:
    """The names in a directory of a FAT file system, which takes no notice of case."""
    return sorted(name for name in devices.names(device, path) if name.lower().endswith(suffix))[:_MAX_ENTRIES]


def _exists(devices: GrubDevices, file: LoadedFile) -> bool:
    return (devices.size(file.device, file.path) or 0) > 0


def _systemd_menu(start: Place, menu: SystemdBootMenu, problems: list[Problem]) -> BootMenu:
    tired = [
        Problem(entry.place, "every try of the entry that boots is used up") for entry in menu.chosen if menu.is_bad
    ]
    default, timeout = menu.default, menu.timeout
    seen = Evidence(timeout.place, f"timeout {timeout.value}") if timeout else Evidence(start, "no timeout: no menu")
    digits = timeout is not None and timeout.value.isascii() and timeout.value[:9].isdigit()
    return BootMenu(
        Loader.SYSTEMD_BOOT,
        "uefi",
        start,
        menu.entries,
        menu.chosen,
        Default(default.value if default else None, default.place if default else start, menu.default_found),
        Wait(None if menu.waits else int(timeout.value[:9]) if timeout and digits else 0, seen),
        problems=(*problems, *menu.problems, *tired),
        options_in_entries=True,
    )


def unified_kernel_menus(disk: Disk, devices: GrubDevices) -> Iterator[BootMenu]:
    """Give a menu of one entry for each unified kernel image that firmware starts by itself."""
    for volume in _of_types(disk, ESP_TYPES):
        for name in _FALLBACKS:
            path = f"/EFI/BOOT/{name}"
            if (devices.size(volume.name, path) or 0) <= 0:
                continue
            try:
                uki = parse_uki(devices.open(volume.name, path), devices.label(volume.name, path))
            except ParseError:
                continue  # another loader
            start = Place(uki.path, volume=volume.name)
            entry = type2_entry(uki, path, volume.name).menu_entry
            wait = Wait(0, Evidence(start, "no menu"))
            yield BootMenu(Loader.UKI, "uefi", start, (entry,), (entry,), Default(None, start), wait)


def _of_types(disk: Disk, types: frozenset[str]) -> list[Volume]:
    """The volumes that can be read of the partitions with these types."""
    return [volume for volume in disk.volumes if volume.partition and volume.partition.type in types and volume.tree]
