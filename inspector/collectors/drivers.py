"""Collects `DefaultDrivers` and `OtherDrivers`.

One pass over the initial RAM disk serves every rule, so that everything that any of them asks for is sought at once.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from inspector.boot.grub_devices import GrubDevices, open_boot_file
from inspector.boot.root_layers import Layer, layers_of
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootFile, DefaultKernel, InstalledKernel, Kernels
from inspector.facts.drivers import DefaultDrivers, Driver, KernelDrivers, OtherDrivers
from inspector.guest import Guest, NotFound
from inspector.linux.module_blocks import argument_blocks, blocks_of, modprobe_blocks
from parsers.boot.ikconfig import find_ikconfig
from parsers.boot.initramfs import Initramfs, scan_initramfs
from parsers.boot.kernel_config import KernelConfig, parse_kernel_config
from parsers.linux.modules import ModuleList, module_name, parse_modprobe, parse_module_list
from parsers.place import Place, Problem
from parsers.source import Source

ROOT_DRIVERS: Final = ("virtio_blk", "virtio_pci", "nvme")
"""The drivers of disks and of the bus that they hang on; they and what they need are sought in initial RAM disks."""
LATER_DRIVERS: Final = ("virtio_net",)
_NEEDED_ANYWAY: Final = {
    "virtio_blk": ("virtio", "virtio_ring"),
    "virtio_pci": ("virtio", "virtio_ring"),
    "virtio_net": ("virtio", "virtio_ring"),
    "nvme": ("nvme_core",),
}
_OPTIONS: Final = {
    "virtio": "CONFIG_VIRTIO",
    "virtio_ring": "CONFIG_VIRTIO",
    "virtio_pci": "CONFIG_VIRTIO_PCI",
    "virtio_pci_modern_dev": "CONFIG_VIRTIO_PCI_LIB",
    "virtio_pci_legacy_dev": "CONFIG_VIRTIO_PCI_LIB_LEGACY",
    "virtio_blk": "CONFIG_VIRTIO_BLK",
    "virtio_net": "CONFIG_VIRTIO_NET",
    "nvme": "CONFIG_BLK_DEV_NVME",
    "nvme_core": "CONFIG_NVME_CORE",
    "ext2": "CONFIG_EXT2_FS",
    "ext3": "CONFIG_EXT3_FS",
    "ext4": "CONFIG_EXT4_FS",
    "jbd2": "CONFIG_JBD2",
    "xfs": "CONFIG_XFS_FS",
    "btrfs": "CONFIG_BTRFS_FS",
    "f2fs": "CONFIG_F2FS_FS",
    "jfs": "CONFIG_JFS_FS",
    "dm_mod": "CONFIG_BLK_DEV_DM",
    "dm_crypt": "CONFIG_DM_CRYPT",
    "dm_mirror": "CONFIG_DM_MIRROR",
    "dm_raid": "CONFIG_DM_RAID",
    "dm_snapshot": "CONFIG_DM_SNAPSHOT",
    "dm_thin_pool": "CONFIG_DM_THIN_PROVISIONING",
    "md_mod": "CONFIG_BLK_DEV_MD",
    "linear": "CONFIG_MD_LINEAR",
    "raid0": "CONFIG_MD_RAID0",
    "raid1": "CONFIG_MD_RAID1",
    "raid10": "CONFIG_MD_RAID10",
    "raid456": "CONFIG_MD_RAID456",
}
_ROOT_TYPES: Final = {
    "ext2": ("ext2", "ext4"),
    "ext3": ("ext4", "ext3"),
    **{name: (name,) for name in ("ext4", "xfs", "btrfs", "f2fs", "jfs")},
}
"""Type of a file system -> its driver, and another one that mounts it as well."""
_INITCALLS: Final = {
    "virtio_init": "virtio",
    "virtio_pci_driver_init": "virtio_pci",
    "virtio_blk_init": "virtio_blk",
    "virtio_net_driver_init": "virtio_net",
    "nvme_init": "nvme",
    "nvme_core_init": "nvme_core",
    "ext4_init_fs": "ext4",
    "journal_init": "jbd2",
    "init_xfs_fs": "xfs",
    "init_btrfs_fs": "btrfs",
}
"""What `initcall_blacklist=` of kernel-parameters.txt takes: the function that starts a driver."""
MAX_OTHERS: Final = 3
_RESCUE: Final = re.compile(r"rescue|kdump|fallback")
"""Kernels that are there for repair, with every driver or with none; nobody boots an instance with them."""

Open = Callable[[], Source]


class _Root(NamedTuple):
    """The guest, and what its root is made of."""

    guest: Guest
    layers: tuple[Layer, ...]


class _Arguments(NamedTuple):
    """What the kernel's arguments keep from being loaded, and what from starting at all."""

    blocks: tuple[Problem, ...] = ()
    holds: tuple[Problem, ...] = ()


def collect_default_drivers(facts: Facts) -> DefaultDrivers:
    """Look for the drivers of the kernel that boots by default."""
    default = facts[DefaultKernel]
    if default.version is None:
        raise UnknownFact(f"the version of {default.image.named} is not known", default.place)
    devices = GrubDevices(facts[Storage], facts[Guest])
    missing = tuple(file.place for file in default.initramfs if not file.exists)
    files = [(file.file_place, _opener(devices, file)) for file in default.initramfs if file.exists]
    installed = facts[Kernels].get(default.version)
    arguments = _Arguments(argument_blocks(default), _argument_holds(default))
    return DefaultDrivers(_drivers(_root(facts), default.version, installed, files, missing, arguments))


def _root(facts: Facts) -> _Root:
    guest = facts[Guest]
    return _Root(guest, layers_of(facts[Storage], guest.mount_of("/").volume))


def _opener(devices: GrubDevices, file: BootFile) -> Open:
    return lambda: open_boot_file(devices, file)


def collect_other_drivers(facts: Facts) -> OtherDrivers:
    """Look for the drivers of the other kernels with an image, up to `MAX_OTHERS` of them."""
    default, guest = facts[DefaultKernel], facts[Guest]
    others = [
        kernel
        for kernel in reversed(facts[Kernels].installed)
        if kernel.image and kernel.version != default.version and not _RESCUE.search(kernel.version)
    ]
    found = []
    for kernel in others[:MAX_OTHERS]:
        path = kernel.initramfs
        files = [(guest.place(path), _guest_opener(guest, path))] if path else []
        found.append(_drivers(_root(facts), kernel.version, kernel, files, (), _Arguments()))
    return OtherDrivers(tuple(found), tuple(kernel.version for kernel in others[MAX_OTHERS:]))


def _guest_opener(guest: Guest, path: str) -> Open:
    return lambda: guest.open(path)


def _drivers(
    system: _Root,
    version: str,
    installed: InstalledKernel | None,
    files: Iterable[tuple[Place, Open]],
    missing: tuple[Place, ...],
    arguments: _Arguments,
) -> KernelDrivers:
    guest, layers = system
    top = installed.modules if installed and installed.modules else None
    directory = top or f"{_lib(guest)}/modules/{version}"
    listed = _list(guest, f"{directory}/modules.dep")
    builtin = _list(guest, f"{directory}/modules.builtin", frozenset(_OPTIONS))
    config = _config(guest, installed, within=builtin is None)
    root = _root_driver(guest, listed, builtin, config)
    below = (driver for layer in layers for driver in layer.drivers)
    at_boot = tuple(dict.fromkeys((*ROOT_DRIVERS, *([root] if root else []), *below)))
    names = _with_needs((*at_boot, *LATER_DRIVERS), listed, builtin, config)
    at_once = {need for name in at_boot for need in (name, *names[name])}
    wanted = frozenset(name for name in at_once if not _builtin(name, builtin, config))
    scans, unread = _scan(files, version, wanted, frozenset(name for layer in layers for name in layer.programs))
    blocks = (*arguments.blocks, *modprobe_blocks(guest), *_initramfs_blocks(scans))
    drivers = tuple(
        Driver(
            name,
            _builtin(name, builtin, config),
            _in_initramfs(name, version, scans),
            _file(guest, directory, name, listed),
            needs,
            tuple(block for block in blocks if block.place.key == name),
            _disabled(name, config),
            tuple(hold for hold in arguments.holds if hold.place.key == name),
        )
        for name, needs in names.items()
    )
    return KernelDrivers(
        version,
        guest.place(directory),
        top is not None,
        drivers,
        tuple(place for place, _ in files),
        scans,
        unread,
        missing,
        root,
        layers,
    )


def _root_driver(
    guest: Guest, listed: ModuleList | None, builtin: ModuleList | None, config: KernelConfig | None
) -> str | None:
    """Of the drivers for the root's type, the one that the kernel has."""
    volume = guest.mount_of("/").volume
    names = _ROOT_TYPES.get(volume.type or "", ()) if volume else ()
    there = (name for name in names if _builtin(name, builtin, config) or (listed and listed.get(name)))
    return next(there, names[0] if names else None)


def _lib(guest: Guest) -> str:
    try:
        return guest.realpath("/lib")
    except NotFound:
        return "/lib"


def _list(guest: Guest, path: str, wanted: frozenset[str] | None = None) -> ModuleList | None:
    try:
        return parse_module_list(guest.read_text(path), path, wanted)
    except NotFound:
        return None


def _config(guest: Guest, installed: InstalledKernel | None, *, within: bool) -> KernelConfig | None:
    """The configuration in its file; where nothing else tells what is built in, the one `within` the image."""
    if installed is None:
        return None
    path = installed.config or installed.image
    if installed.config:
        text: str | None = guest.read_text(installed.config)
    else:
        text = find_ikconfig(guest.open(installed.image), installed.image) if within and installed.image else None
    return parse_kernel_config(text, path, sorted(set(_OPTIONS.values()))) if text and path else None


def _with_needs(
    wanted: Iterable[str], listed: ModuleList | None, builtin: ModuleList | None, config: KernelConfig | None
) -> dict[str, tuple[str, ...]]:
    """The modules that are sought, each with what it needs: as modules.dep has it; else what is known without."""
    names: dict[str, tuple[str, ...]] = {}
    for name in wanted:
        module = listed.get(name) if listed else None
        if module:
            names[name] = tuple(module_name(path) for path in module.needs)
        else:
            names[name] = () if _builtin(name, builtin, config) else _NEEDED_ANYWAY.get(name, ())
    for needs in list(names.values()):
        for need in needs:
            names.setdefault(need, ())
    return names


def _builtin(name: str, builtin: ModuleList | None, config: KernelConfig | None) -> Place | None:
    listed = builtin.get(name) if builtin else None
    if listed:
        return listed.place
    option = config.get(_OPTIONS[name]) if config and name in _OPTIONS else None
    return option.place if option and option.value == "y" else None


def _disabled(name: str, config: KernelConfig | None) -> Place | None:
    option = config.get(_OPTIONS[name]) if config and name in _OPTIONS else None
    return option.place if option and option.value == "n" else None


def _scan(
    files: Iterable[tuple[Place, Open]], version: str, wanted: frozenset[str], programs: frozenset[str]
) -> tuple[tuple[Initramfs, ...], tuple[Problem, ...]]:
    scans: list[Initramfs] = []
    unread: list[Problem] = []
    for place, opened in files:
        scan = scan_initramfs(opened(), place.path, wanted, version, programs=programs)
        scans.append(scan)
        unread += scan.problems
        wanted -= {module.name for module in scan.modules if module.kernel == version}
        programs -= {program.path.rpartition("/")[2] for program in scan.programs}
    return tuple(scans), tuple(unread)


def _in_initramfs(name: str, version: str, scans: tuple[Initramfs, ...]) -> Place | None:
    for scan in scans:
        if module := scan.module(name, version):
            return Place(scan.path, key=module.path)
    return None


def _file(guest: Guest, directory: str, name: str, listed: ModuleList | None) -> Place | None:
    """The file of a module that modules.dep lists; without it, modprobe finds none."""
    module = listed.get(name) if listed else None
    if module is None:
        return None
    path = posixpath.join(directory, module.path)
    return guest.place(path) if guest.is_file(path) and guest.stat(path).size else None


# -- what keeps modules from being loaded: problems whose place has the module's name as its key


def _argument_holds(default: DefaultKernel) -> tuple[Problem, ...]:
    return tuple(
        Problem(Place(default.place.path, default.place.line, _INITCALLS[call]), f"initcall_blacklist={value}")
        for value in default.values("initcall_blacklist")
        for call in value.split(",")
        if call in _INITCALLS
    )


def _initramfs_blocks(scans: Iterable[Initramfs]) -> list[Problem]:
    blocks: list[Problem] = []
    for scan in scans:
        for file in scan.files:
            if file.path.endswith(".conf"):
                found = blocks_of(parse_modprobe(file.text, scan.path))
                blocks += [Problem(Place(scan.path, key=block.place.key), f"{file.path}: {block.message}")
                           for block in found]  # fmt: skip
    return blocks
