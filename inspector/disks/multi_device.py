"""File systems that lie on several volumes: those of btrfs, any of which the kernel takes for all of them.

The first volume in the order of the disks stands for the file system, and the others are its members.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspector.disks.disk import Volume
from parsers.filesystem.btrfs.superblock import Superblock, read_superblock
from parsers.place import ParseError

BTRFS = "btrfs"


def join_devices(volumes: Sequence[Volume]) -> None:
    """Tell the first device of each file system of the others, and those of whom they are.

    Copies of one device are left alone: nobody can tell which of them is meant.
    """
    by_uuid: dict[str, list[Volume]] = {}
    for volume in volumes:
        if volume.type == BTRFS and volume.uuid:
            by_uuid.setdefault(volume.uuid, []).append(volume)
    for devices in by_uuid.values():
        if len(devices) > 1 and _are_of_one(devices):
            first, *others = devices
            first.others = tuple(volume.source for volume in others)
            for volume in others:
                volume.holder = first.name


def _are_of_one(devices: list[Volume]) -> bool:
    """Tell whether these are different devices of a file system that says to have several."""
    found = [superblock for volume in devices if (superblock := _superblock(volume))]
    numbers = {superblock.device.uuid for superblock in found}
    return len(numbers) == len(devices) and any(superblock.devices > 1 for superblock in found)


def _superblock(volume: Volume) -> Superblock | None:
    try:
        return read_superblock(volume.source)[0]
    except ParseError:
        return None
