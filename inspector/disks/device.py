"""Which volume a device specification of fstab or of the kernel command line means.

Names are compared as udev and systemd do it: to the letter. A UUID in another case names no device.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from inspector.disks.disk import CONTAINERS, Volume, disk_name
from inspector.facts import UnknownFact

_KERNEL_NAME: Final = re.compile(
    r"/dev/(?:(?:sd|vd|hd|xvd)([a-z]+)(\d*)|(?:nvme(\d{1,3})n1|mmcblk(\d{1,3}))(?:p(\d+))?)"
)
_STACKED: Final = re.compile(r"/dev/(?:mapper/|md|dm-|bcache|vg|disk/by-id/(?:dm|lvm|md)-)|/dev/[^/]+/[^/]+$")
_NUMBERED: Final = re.compile(r"/dev/(?:md|dm-)\d+")
_LINKS: Final = {
    "/dev/disk/by-uuid/": "UUID",
    "/dev/disk/by-label/": "LABEL",
    "/dev/disk/by-partuuid/": "PARTUUID",
    "/dev/disk/by-partlabel/": "PARTLABEL",
}


def is_kernel_name(spec: str) -> bool:
    """Tell whether `spec` is a name that the kernel gives in the order of discovery (/dev/sda1, /dev/vda1)."""
    return _KERNEL_NAME.fullmatch(spec) is not None


def resolve(spec: str, volumes: Iterable[Volume]) -> Volume | None:
    """Return the volume of the image that `spec` means, or None where the image certainly holds none.

    Raise `UnknownFact` where it may lie in something that is not read (LVM, an encrypted volume).
    """
    volumes = tuple(volume for volume in volumes if not volume.dormant)
    found = _resolve(spec, volumes)
    if found and found.holder and found.type not in CONTAINERS:  # any device of a file system stands for all of them
        return next((volume for volume in volumes if volume.name == found.holder), found)
    return found


def _resolve(spec: str, volumes: tuple[Volume, ...]) -> Volume | None:
    if match := _KERNEL_NAME.fullmatch(spec):
        return _by_kernel_name(match, volumes)
    if named := next((volume for volume in volumes if spec in volume.aliases), None):
        return named
    key, value = _tag(spec)
    found = next((volume for volume in volumes if value and _value(volume, key) == value), None)
    if found is None and (key in {"UUID", "LABEL"} or _STACKED.match(spec)):
        _raise_if_hidden(spec, volumes)
        _raise_if_numbered(spec, volumes)
    return found


def another(spec: str, first: Volume, volumes: Iterable[Volume]) -> Volume | None:
    """Return a second volume that `spec` means, besides `first`; the devices of one file system are no second one."""
    try:
        return resolve(spec, [volume for volume in volumes if volume is not first and volume.holder != first.name])
    except UnknownFact:  # what an encrypted or LVM volume may hold besides is no reason for doubt
        return None


def _tag(spec: str) -> tuple[str, str]:
    for prefix, key in _LINKS.items():
        if spec.startswith(prefix):
            return key, _unhex(spec.removeprefix(prefix))
    key, separator, value = spec.partition("=")
    return (key, value.strip("\"'")) if separator else ("", "")


def _unhex(name: str) -> str:
    r"""Undo udev's escapes in a link name ("\x20" for a space)."""
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), name)


def _value(volume: Volume, key: str) -> str | None:
    match key:
        case "UUID":
            return volume.uuid
        case "LABEL":
            return volume.label
        case "PARTUUID":
            return volume.partition.uuid if volume.partition else None
        case "PARTLABEL":
            return volume.partition.name if volume.partition else None
    return None


def _by_kernel_name(match: re.Match[str], volumes: tuple[Volume, ...]) -> Volume | None:
    """Disks of any bus go by the order in which the image files were given."""
    letters, number, nvme, mmc, part = match.groups()
    disk = f"sd{letters}" if letters else disk_name(int(nvme or mmc))
    wanted = f"{disk}{number or part or ''}"
    return next((volume for volume in volumes if volume.name == wanted), None)


def _raise_if_hidden(spec: str, volumes: tuple[Volume, ...]) -> None:
    for volume in volumes:
        if volume.hides:
            raise UnknownFact(
                f"{spec} may lie inside {volume.name} ({volume.type or 'unknown'}), which is not read so far"
            )


def _raise_if_numbered(spec: str, volumes: tuple[Volume, ...]) -> None:
    """A number that the kernel gives at boot may mean any volume that is made of others."""
    stacked = [volume.name for volume in volumes if volume.members]
    if stacked and _NUMBERED.fullmatch(spec):
        raise UnknownFact(f"{spec} may mean {' or '.join(stacked)}; the number is given at boot")
