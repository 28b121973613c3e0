"""What the volume of the root is made of, and what a kernel needs at boot to put it together.

Drivers: Linux kernel, Documentation/admin-guide/device-mapper, md(4); the programs are what initial RAM disks call:
lvm(8) activates groups, mdadm(8) assembles arrays, cryptsetup(8) or systemd-cryptsetup(8) opens what is encrypted.
The kernel alone assembles arrays of version 0.90 where md is part of it (Documentation/admin-guide/md.rst, "Boot time
autodetection of RAID arrays"). Deliberately not done: the modules of ciphers, and programs that check thin pools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from inspector.disks.disk import LUKS, Volume
from inspector.disks.storage import Storage

if TYPE_CHECKING:
    from parsers.volume.lvm2 import LogicalVolume
    from parsers.volume.mdraid import Array

_TARGETS: Final = {
    "mirror": "dm_mirror", "thin": "dm_thin_pool", "snapshot": "dm_snapshot", "cache": "dm_cache",
    "writecache": "dm_writecache", "integrity": "dm_integrity",
}  # fmt: skip
"""Type of a logical volume -> the module that has it; dm_mod itself has linear and striped ones."""
_PERSONALITIES: Final = {
    "linear": "linear", "raid0": "raid0", "raid1": "raid1", "raid10": "raid10",
    **dict.fromkeys(("raid4", "raid5", "raid6"), "raid456"),
}  # fmt: skip
_OPENERS: Final = ("cryptsetup", "systemd-cryptsetup")


class Layer(msgspec.Struct, frozen=True):
    """A logical volume, an array or an encrypted volume that the root lies on.

    Attributes:
        what: as a message calls it ("LVM volume").
        name: of the volume.
        drivers: modules as lsmod gives them.
        programs: any of these puts it together, by the name of its file.
        alone: the driver that does so by itself where it is part of the kernel.
    """

    what: str
    name: str
    drivers: tuple[str, ...]
    programs: tuple[str, ...]
    alone: str | None = None


def layers_of(storage: Storage, volume: Volume | None) -> tuple[Layer, ...]:
    """Return what lies between a volume and the partitions, from the top down; nothing for a partition."""
    layers: list[Layer] = []
    names = [volume.name] if volume else []
    for name in names:  # grows meanwhile; what was met with once is not followed again
        layer, members = _layer(storage, name)
        if layer:
            layers.append(layer)
            names += [member for member in members if member not in names]
    return tuple(layers)


def _layer(storage: Storage, name: str) -> tuple[Layer | None, tuple[str, ...]]:
    for group in storage.stack.groups:
        for logical in group.volumes:
            if logical.name == name:
                return _logical(logical), group.members  # all of them: a group is not activated in part
    array = next((array for array in storage.stack.arrays if array.name == name), None)
    if array:
        return _array(array), array.members
    volume = storage.volume(name)
    below = [storage.volume(member) for member in volume.members] if volume else []
    if volume and any(member and member.type == LUKS for member in below):
        return Layer("encrypted volume", name, ("dm_crypt", "dm_mod"), _OPENERS), volume.members
    return None, ()


def _logical(volume: LogicalVolume) -> Layer:
    target = "dm_raid" if volume.type.startswith("raid") else _TARGETS.get(volume.type)
    return Layer("LVM volume", volume.name, (*([target] if target else ()), "dm_mod"), ("lvm",))


def _array(array: Array) -> Layer:
    alone = "md_mod" if array.version == "0.90" else None
    return Layer("md array", array.name, (_PERSONALITIES[array.level], "md_mod"), ("mdadm",), alone)
