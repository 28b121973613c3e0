"""Collects `BootConfig`, `DefaultKernel` and `Kernels`."""

from __future__ import annotations

import re
from typing import Final

from inspector.boot.grub2 import CONFIGS, bios_menus, uefi_menus
from inspector.boot.grub_devices import GrubDevices
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig, BootFile, DefaultKernel, InstalledKernel, Kernels
from inspector.facts.platform import BootModes
from inspector.guest import Guest, NotFound
from inspector.storage import Storage
from parsers.boot.default_grub import DefaultGrub, parse_default_grub
from parsers.boot.kernel import KernelImage, parse_kernel_image
from parsers.boot.menu import LoadedFile
from parsers.place import ParseError, Problem

SETTINGS: Final = "/etc/default/grub"
_OTHERS: Final = (
    "/boot/loader/loader.conf",
    "/boot/efi/loader/loader.conf",
    "/efi/loader/loader.conf",
    "/boot/extlinux/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
    "/boot/extlinux.conf",
    "/boot/grub/menu.lst",
    "/boot/grub/grub.conf",
    "/etc/lilo.conf",
)
_IMAGE: Final = re.compile(r"(?:vmlinu[xz]|kernel|linux|bzImage|Image)-(.+)")
_INITRAMFS: Final = (
    "initrd.img-{0}", "initramfs-{0}.img", "initrd-{0}", "initrd-{0}.img", "initrd-{0}.gz", "initramfs-{0}",
)  # fmt: skip


def collect_boot_config(facts: Facts) -> BootConfig:
    """Evaluate the configuration of GRUB, once for each file that a loader of the image begins with."""
    guest, storage = facts[Guest], facts[Storage]
    devices = GrubDevices(storage, guest)
    menus = [*bios_menus(guest, devices), *uefi_menus(storage.system_disk, devices)]
    if len(menus) > 1 and _mode(facts) == "uefi":
        menus.sort(key=lambda menu: menu.firmware != "uefi" or not menu.leads_somewhere)
    sought = tuple(guest.place(path) for path in CONFIGS)
    others = tuple(guest.place(path) for path in _OTHERS if guest.exists(path))
    return BootConfig(tuple(menus), _settings(guest), others, sought)


def _mode(facts: Facts) -> str | None:
    try:
        return facts[BootModes].mode
    except UnknownFact:
        return "none"


def _settings(guest: Guest) -> DefaultGrub | None:
    settings: DefaultGrub | None = None
    for path in (SETTINGS, *guest.glob(f"{SETTINGS}.d/*.cfg")):
        try:
            settings = parse_default_grub(guest.read_text(path), path, settings)
        except NotFound:
            continue
    return settings


def collect_default_kernel(facts: Facts) -> DefaultKernel:
    """Follow the default entry of the menu to the files that it loads."""
    boot, storage, guest = facts[BootConfig], facts[Storage], facts[Guest]
    menu = boot.menu
    entry = menu.entry
    if entry is None or entry.linux is None:
        what = "boots no Linux kernel" if entry else "is not there"
        place = entry.place if entry else menu.start
        raise UnknownFact(f"the default entry of {menu.start.path} {what}", place)
    devices = GrubDevices(storage, guest)
    image = _boot_file(devices, entry.linux)
    initramfs = tuple(_boot_file(devices, file) for file in entry.initrds)
    header, flaw = _header(devices, image, entry.linux)
    version = (header.version if header else None) or _named_version(entry.linux)
    line = entry.linux.line_of_arguments
    return DefaultKernel(version, image, initramfs, entry.linux.arguments, line, menu, menu.title, header, flaw)


def _boot_file(devices: GrubDevices, file: LoadedFile) -> BootFile:
    named = f"({file.device}){file.path}" if file.device else file.path
    volume = devices.volume(file.device)
    if volume is None:
        return BootFile(file.place, named, None, None, mounted=False, size=None)
    size = devices.size(file.device, file.path)
    guest_path = devices.guest_path(file.device, file.path)
    return BootFile(
        file.place,
        named,
        guest_path or file.path,
        volume.name,
        mounted=guest_path is not None,
        size=None if size is None or size < 0 else size,
    )


def _header(devices: GrubDevices, image: BootFile, file: LoadedFile) -> tuple[KernelImage | None, Problem | None]:
    """What the image says of itself, or why it is none."""
    if not image.exists:
        return None, None
    try:
        return parse_kernel_image(devices.open(file.device, file.path), image.path or file.path), None
    except ParseError as error:
        return None, Problem(image.file_place, error.message)


def _named_version(file: LoadedFile) -> str | None:
    match = _IMAGE.fullmatch(file.path.rpartition("/")[2])
    return match.group(1) if match else None


def collect_kernels(facts: Facts) -> Kernels:
    """List the kernels that have an image in /boot or a directory of modules."""
    guest = facts[Guest]
    images: dict[str, str] = {}
    for pattern in ("/boot/vmlinu[xz]-*", "/boot/Image-*", "/boot/kernel-*"):
        for path in guest.glob(pattern):
            if (match := _IMAGE.fullmatch(path.rpartition("/")[2])) and guest.is_file(path):
                images[match.group(1)] = path
    top = _modules_top(guest)
    modules = {path.rpartition("/")[2]: path for path in guest.glob(f"{top}/*") if _holds_modules(guest, path)}
    installed = (
        InstalledKernel(
            version,
            images.get(version),
            _first(guest, *(f"/boot/{name.format(version)}" for name in _INITRAMFS)),
            _first(guest, f"/boot/config-{version}", f"{top}/{version}/config"),
            modules.get(version),
        )
        for version in sorted({*images, *modules}, key=_version_key)
    )
    return Kernels(tuple(installed))


def _modules_top(guest: Guest) -> str:
    try:
        return guest.realpath("/lib/modules")
    except NotFound:
        return "/usr/lib/modules" if guest.is_dir("/usr/lib") else "/lib/modules"


def _holds_modules(guest: Guest, path: str) -> bool:
    return any(guest.exists(f"{path}/{name}") for name in ("modules.dep", "modules.builtin", "kernel"))


def _first(guest: Guest, *paths: str) -> str | None:
    return next((path for path in paths if guest.is_file(path)), None)


def _version_key(version: str) -> tuple[list[tuple[int, str]], str]:
    """Order versions by their numbers, then by their text."""
    pieces = re.findall(r"\d{1,18}|[^\d]+", version)
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces], version
