"""What the arguments of dracut do with volumes: which they wait for, and whether the root's own are among them.

Arguments: dracut.cmdline(7); in CentOS 6 they are written `rd_LVM_LV=`, `rd_NO_LVM`. dracut activates, assembles or
opens everything where no argument of a kind is given; where some are, only what they name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from inspector.boot.root_layers import layers_of
from inspector.disks.device import resolve
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts.boot import DefaultKernel

_DEVICES: Final = {
    "rd.lvm.lv": "/dev/{}",
    "rd.lvm.vg": "/dev/mapper/{}",
    "rd.luks.uuid": "UUID={}",
    "rd.md.uuid": "/dev/disk/by-id/md-uuid-{}",
}
"""Each with the device that its value means; that of a group is looked up by name."""
_OLD: Final = {
    "rd.lvm.lv": "rd_LVM_LV", "rd.lvm.vg": "rd_LVM_VG", "rd.luks.uuid": "rd_LUKS_UUID", "rd.md.uuid": "rd_MD_UUID",
}  # fmt: skip
_KINDS: Final = {
    "LVM volume": ("rd.lvm", "rd_NO_LVM", ("rd.lvm.lv", "rd.lvm.vg")),
    "encrypted volume": ("rd.luks", "rd_NO_LUKS", ("rd.luks.uuid",)),
    "md array": ("rd.md", "rd_NO_MD", ("rd.md.uuid",)),
}
"""What the root may lie on -> the switch, its old spelling, and the arguments that name such volumes."""


def asked_for(kernel: DefaultKernel) -> list[tuple[str, str]]:
    """Return the volumes that the arguments name: argument ("rd.lvm.lv") and value."""
    return [(name, value) for name in _DEVICES for value in _values(kernel, name)]


def _values(kernel: DefaultKernel, name: str) -> list[str]:
    return [value for value in (*kernel.values(name), *kernel.values(_OLD[name])) if value]


def is_there(name: str, value: str, storage: Storage) -> bool:
    """Tell whether a volume that an argument names is in the image."""
    if name == "rd.lvm.vg" and any(group.name == value for group in storage.stack.groups):
        return True
    return resolve(_DEVICES[name].format(value.removeprefix("luks-")), storage.volumes) is not None


def left_out(kernel: DefaultKernel, storage: Storage, root: Volume | None) -> Iterator[str]:
    """Say of each volume that the root lies on and that the arguments keep from being put together, why."""
    for layer in layers_of(storage, root):
        switch, old, names = _KINDS[layer.what]
        if kernel.value(switch) == "0" or kernel.has(old):
            yield f"{switch}=0 leaves out {layer.name}, which the root lies on"
            continue
        given = [(name, value) for name in names for value in _values(kernel, name)]
        if given and not any(_NAMES[name](value, layer.name, storage) for name, value in given):
            seen = " ".join(f"{name}={value}" for name, value in given)
            yield f"{seen} leaves out {layer.name}, which the root lies on"


def _is_luks(value: str, name: str, storage: Storage) -> bool:
    """Compare with the start of a UUID, of which dracut takes any."""
    volume = storage.volume(name)
    below = [storage.volume(member) for member in volume.members] if volume else []
    wanted = value.removeprefix("luks-").replace("-", "").lower()
    return any(
        member.superblock.uuid.replace("-", "").lower().startswith(wanted)
        for member in below
        if member and member.superblock and member.superblock.uuid
    )


def _is_array(value: str, name: str, storage: Storage) -> bool:
    wanted = value.replace("-", "").replace(":", "").lower()
    uuids = (array.uuid for array in storage.stack.arrays if array.name == name)
    return any(uuid.replace("-", "").replace(":", "").lower() == wanted for uuid in uuids)


_NAMES: Final[dict[str, Callable[[str, str, Storage], bool]]] = {
    "rd.lvm.lv": lambda value, name, _: value == name,
    "rd.lvm.vg": lambda value, name, _: value == name.partition("/")[0],
    "rd.luks.uuid": _is_luks,
    "rd.md.uuid": _is_array,
}
"""Each with what tells whether its value means the volume of that name."""
