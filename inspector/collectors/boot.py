"""Collects `BootConfig`, `DefaultKernel` and `Kernels`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from inspector.boot.grub2 import CONFIGS, bios_menus, uefi_menus
from inspector.boot.grub_devices import GrubDevices, open_boot_file
from inspector.boot.menus import (
    LEGACY,
    grub_legacy_menus,
    syslinux_menus,
    systemd_boot_menus,
    unified_kernel_menus,
)
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig, BootFile, Decision, DefaultKernel, InstalledKernel, Kernels
from inspector.facts.platform import Architecture, BootChain, BootModes, Loader
from inspector.guest import Guest, NotFound
from parsers.boot.default_grub import DefaultGrub, parse_default_grub
from parsers.boot.kernel import KernelImage, parse_kernel_image
from parsers.boot.menu import LoadedFile
from parsers.boot.uki import Uki, parse_uki
from parsers.place import ParseError, Problem

SETTINGS: Final = "/etc/default/grub"
_OTHERS: Final = (
    "/boot/loader/loader.conf",
    "/boot/refind_linux.conf",
    "/boot/efi/EFI/refind/refind.conf",
    "/boot/efi/limine.conf",
    "/boot/limine.conf",
    "/boot/efi/EFI/limine/limine.conf",
    "/etc/lilo.conf",
    "/etc/elilo.conf",
    "/etc/zipl.conf",
    "/etc/yaboot.conf",
    "/boot/boot.scr",
    "/boot/armbianEnv.txt",
)
_IMAGE: Final = re.compile(r"(?:vmlinu[xz]|kernel|linux|bzImage|Image)-(.+)")
_MAX_NAME: Final = 4096
_INITRAMFS: Final = (
    "initrd.img-{0}", "initramfs-{0}.img", "initrd-{0}", "initrd-{0}.img", "initrd-{0}.gz", "initramfs-{0}",
)  # fmt: skip


def collect_boot_config(facts: Facts) -> BootConfig:
    """Read the menus of every boot loader; the one that the firmware comes to stands first, as far as that is told."""
    guest, storage = facts[Guest], facts[Storage]
    devices, disk, machine = GrubDevices(storage, guest), storage.system_disk, _machine(facts)
    menus = [
        *bios_menus(guest, devices),
        *uefi_menus(disk, devices),
        *systemd_boot_menus(disk, devices, machine),
        *unified_kernel_menus(disk, devices),
        *grub_legacy_menus(guest, disk, devices),
        *syslinux_menus(guest, disk, devices, machine),
    ]
    mode, chain = _chain(facts)
    loader = chain.loader if chain else None
    if loader is Loader.GRUB_LEGACY and all(menu.loader != loader for menu in menus):
        loader = None  # the boot sectors of GRUB 2 before 1.97 look the same
    menus.sort(
        key=lambda menu: (
            loader is not None and menu.loader != loader,
            not menu.leads_somewhere,
            mode == "uefi" and menu.firmware != "uefi",
        )
    )
    legacy = chain is not None and chain.loader is Loader.GRUB_LEGACY
    sought = tuple(guest.place(path) for path in (LEGACY if legacy else CONFIGS))
    others = tuple(guest.place(path) for path in _OTHERS if _is_there(guest, path, certain=not menus))
    decided = Decision(loader, f"{loader}: {chain.message}", chain.evidence[0].place) if chain and loader else None
    return BootConfig(tuple(menus), _settings(guest), others, sought, decided)


def _is_there(guest: Guest, path: str, *, certain: bool) -> bool:
    """Whether there is a file. Below a mount that cannot be read that matters only where it has to be `certain`."""
    try:
        return guest.exists(path)
    except UnknownFact:
        if certain:
            raise
        return False


def _chain(facts: Facts) -> tuple[str | None, BootChain | None]:
    """The boot mode, and the chain that decides: of two that are complete, that of a BIOS."""
    try:
        modes = facts[BootModes]
    except UnknownFact:
        return None, None
    mode = modes.mode
    return mode, {"uefi": modes.uefi, "bios": modes.bios, "both": modes.bios}.get(mode or "")


def _machine(facts: Facts) -> str | None:
    try:
        return facts[Architecture].machine
    except UnknownFact:
        return None


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
    linux = entry.linux
    uki = _unified(devices, linux)
    arguments = linux.arguments or tuple((uki.cmdline or "").split() if uki else ())
    initramfs = [_boot_file(devices, file) for file in entry.initrds]
    image = _boot_file(devices, linux, ".linux" if linux.command == "uki" else None)
    if uki and uki.section(".initrd"):
        initramfs.insert(0, _boot_file(devices, linux, ".initrd"))
    header, flaw = _header(devices, image, linux)
    version = (
        (header.version if header else None)
        or (uki.uname if uki else None)
        or next((kernel.version for kernel in facts[Kernels].installed if kernel.image == image.path), None)
        or _named_version(linux)
    )
    place = linux.line_of_arguments
    return DefaultKernel(version, image, tuple(initramfs), arguments, place, menu, menu.title, header, flaw)


def _unified(devices: GrubDevices, file: LoadedFile) -> Uki | None:
    """Read the image of an entry that loads a unified kernel image; None where it is none or not there."""
    if file.command != "uki" or not (devices.size(file.device, file.path) or 0) > 0:
        return None
    try:
        return parse_uki(devices.open(file.device, file.path), devices.label(file.device, file.path))
    except ParseError:
        return None


def _boot_file(devices: GrubDevices, file: LoadedFile, section: str | None = None) -> BootFile:
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
        section=section,
    )


def _header(devices: GrubDevices, image: BootFile, file: LoadedFile) -> tuple[KernelImage | None, Problem | None]:
    """What the image says of itself, or why it is none."""
    if not image.exists:
        return None, None
    try:
        return parse_kernel_image(open_boot_file(devices, image), image.path or file.path), None
    except ParseError as error:
        return None, Problem(image.file_place, error.message)


def _named_version(file: LoadedFile) -> str | None:
    folder, _, name = file.path.rpartition("/")
    if name == "linux":  # of kernel-install, in a directory of the version
        return folder.rpartition("/")[2] or None
    match = _IMAGE.fullmatch(name)
    return match.group(1) if match else None


def collect_kernels(facts: Facts) -> Kernels:
    """List the kernels that have an image in /boot or a directory of modules."""
    guest = facts[Guest]
    top = _modules_top(guest)
    modules = {path.rpartition("/")[2]: path for path in guest.glob(f"{top}/*") if _holds_modules(guest, path)}
    images: dict[str, tuple[str, str]] = {}
    for pattern in ("/boot/vmlinu[xz]-*", "/boot/Image-*", "/boot/kernel-*"):
        for path in guest.glob(pattern):
            if (match := _IMAGE.fullmatch(path.rpartition("/")[2])) and guest.is_file(path):
                images[_image_version(guest, path, match.group(1), modules)] = (path, match.group(1))
    installed = (
        InstalledKernel(
            version,
            images[version][0] if version in images else None,
            _first(guest, *(f"/boot/{name.format(images.get(version, ('', version))[1])}" for name in _INITRAMFS)),
            _first(guest, f"/boot/config-{version}", f"{top}/{version}/config"),
            modules.get(version),
        )
        for version in sorted({*images, *modules}, key=_version_key)
    )
    return Kernels(tuple(installed))


def _image_version(guest: Guest, path: str, named: str, modules: Mapping[str, str]) -> str:
    """The version of an image that is named for its flavour ("vmlinuz-linux", "vmlinuz-virt"), not for its version."""
    if named in modules or named[:1].isdigit():
        return named
    try:
        found = parse_kernel_image(guest.open(path), path).version
    except ParseError:
        found = None
    flavours = [version for version in modules if version.endswith(f"-{named}")]
    packages = [version for version, folder in modules.items() if _package(guest, folder) == named]
    return found or next(iter([*packages, *flavours]), named)


def _package(guest: Guest, folder: str) -> str | None:
    """The package that a directory of modules belongs to, as mkinitcpio's hook finds it."""
    try:
        return guest.read_text(f"{folder}/pkgbase", _MAX_NAME).strip()
    except NotFound:
        return None


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
