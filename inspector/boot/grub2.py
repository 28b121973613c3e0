"""The menus of GRUB 2: its configuration, evaluated once for each file that a loader of the image begins with."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from inspector.boot.grub_devices import GrubDevices
from inspector.boot.uefi import ESP_TYPES
from inspector.disks.disk import Disk
from inspector.facts.boot import BootMenu, Default, Wait
from inspector.facts.platform import Loader
from inspector.guest import Guest
from inspector.verdict import Evidence
from parsers.boot.grub import GrubConfig, parse_grub_config
from parsers.place import Place

CONFIGS: Final = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
_MAX_STUBS: Final = 8
_NOTES: Final = "save_env initrdfail"
_NUMBER: Final = re.compile(r"\s*(0[xX][0-9a-fA-F]{1,8}|\d{1,10})")


def bios_menus(guest: Guest, devices: GrubDevices) -> Iterator[BootMenu]:
    """Give the menus that begin in the guest's /boot."""
    for path in CONFIGS:
        if not guest.is_file(path):
            continue
        text = guest.read_text(path)
        variables = {"grub_platform": "pc"} | _start(devices, path, relative="btrfs_relative_path" in text)
        yield _menu("bios", guest.place(path), _evaluated(text, path, devices, variables))


def _evaluated(text: str, path: str, devices: GrubDevices, variables: dict[str, str]) -> GrubConfig:
    """Evaluate a configuration, and again where the entry that boots is only the first try of two.

    Ubuntu's cloud images boot without a RAM disk at first (GRUB_FORCE_PARTUUID). The kernel panics where the driver of
    the disk is a module, `panic=-1` restarts it, and by what was noted in grubenv before, GRUB loads the RAM disk then.
    """
    config = parse_grub_config(text, path, surroundings=devices, variables=variables)
    entry = config.chosen[-1] if config.chosen else None
    first = entry is not None and entry.linux is not None and "panic=-1" in entry.linux.arguments and not entry.initrds
    if not first or not (config.variable("partuuid") and config.variable("have_grubenv")):
        return config
    included = [devices.read(item.file.device, item.file.path) for item in config.includes if item.found]
    if not any(_NOTES in one for one in (text, *(read[0] for read in included if read))):
        return config  # GRUB cannot write where the file lies, and grub-mkconfig knew that
    again = parse_grub_config(text, path, surroundings=devices, variables={**variables, "initrdfail": "1"})
    return again if again.chosen and again.chosen[-1].initrds else config


def _start(devices: GrubDevices, path: str, *, relative: bool) -> dict[str, str]:
    """Variables that grub-install writes into the core image: where its directory is.

    Where paths are relative to the default subvolume of btrfs, they are so from the start.
    """
    located = devices.of_guest(path)
    if located is None:
        return {}
    device, below = located
    if relative and (top := devices.default_subvolume(device)):
        below = below.removeprefix(f"/{top}")
    variables = {"root": device, "prefix": f"({device}){posixpath.dirname(below)}"}
    return variables | {"btrfs_relative_path": "y"} if relative else variables


def uefi_menus(disk: Disk, devices: GrubDevices) -> Iterator[BootMenu]:
    """Give the menus that begin on an EFI system partition."""
    for volume in disk.volumes:
        if volume.partition is None or volume.partition.type not in ESP_TYPES or volume.tree is None:
            continue
        files = devices.files(volume.name)
        paths = files.glob("/EFI/*/grub.cfg")[:_MAX_STUBS] if files else []
        for path in paths:
            read = devices.read(volume.name, path)
            if read is None:
                continue
            text, label = read
            variables = {
                "grub_platform": "efi",
                "root": volume.name,
                "prefix": f"({volume.name}){path.rpartition('/')[0]}",
            }
            yield _menu("uefi", Place(label, volume=volume.name), _evaluated(text, label, devices, variables))


def _menu(firmware: str, start: Place, config: GrubConfig) -> BootMenu:
    users = config.variable("superusers")
    asks = Evidence(config.place_of("superusers") or start, f"superusers={users}") if users else None
    return BootMenu(
        Loader.GRUB2,
        firmware,
        start,
        config.entries,
        config.chosen,
        Default(config.default or None, _default_place(config) or start, config.default_found),
        _wait(config, start),
        asks,
        config.searches,
        tuple(_lost(config)) if not config.entries else (),
        config.problems,
        config.not_evaluated,
        bool(config.blscfg),
    )


def _default_place(config: GrubConfig) -> Place | None:
    """Where the default is named: in the environment block, where the configuration takes it from there."""
    if config.default and config.default == config.variable("saved_entry"):
        return config.place_of("saved_entry")
    return config.default_place


def _wait(config: GrubConfig, start: Place) -> Wait:
    timeout = config.variable("timeout") or ""
    number = _NUMBER.match(timeout)  # what is no number counts as none was set
    seconds = int(number[1], 16 if number[1][:2] in {"0x", "0X"} else 10) if number else None
    return Wait(seconds, Evidence(config.place_of("timeout") or start, f"timeout={timeout}"))


def _lost(config: GrubConfig) -> Iterator[Evidence]:
    for include in config.includes:
        if not include.found:
            yield Evidence(include.file.place, f"{include.file.path} is not there")
    for place in config.blscfg:
        yield Evidence(place, "blscfg finds no boot loader entry that names a kernel")
