"""How full a file system is, as statfs(2) of the kernel counts it, and by profile.

The kernel takes what the block groups use, adds what could still be allocated on the devices, and keeps back the
global block reserve. The size of that reserve is worked out when mounting, and differs from kernel to kernel; here
it is the size of the extent, checksum, free-space and block-group trees, within the bounds that Linux 6.x uses, so
that `free` may differ from what another kernel says by some MiB. btrfs has no limit of inodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

import msgspec

from parsers.filesystem.btrfs.chunks import KINDS, STRIPE, Chunk, Group
from parsers.filesystem.btrfs.roots import (
    BLOCK_GROUP_TREE,
    CHECKSUM_TREE,
    EXTENT_TREE,
    FREE_SPACE_TREE,
    Roots,
)
from parsers.filesystem.btrfs.superblock import CompatRo, DeviceItem, Incompat
from parsers.filesystem.btrfs.volume import Volume
from parsers.filesystem.tree import Usage
from parsers.place import ParseError, Place

_BLOCK_GROUP: Final = 192
_ITEM = Struct("<QQQ")
_MAX_GROUPS: Final = 1 << 16
_RESERVED: Final = 1 << 20  # at the start of each device
_MOST_KEPT_BACK: Final = 512 << 20
# In nodes, as Linux 6.x reckons what the removal of a file may need at worst.
_LEAST_KEPT_BACK: Final = 240
_LEAST_WITH_FREE_SPACE_TREE: Final = 352
# By profile: how many devices a chunk of data takes, how many there have to be, and stripes on each.
_ALLOCATION: Final = {
    "single": (1, 1, 1),
    "DUP": (1, 1, 2),
    "RAID1": (2, 2, 1),
    "RAID1C3": (3, 3, 1),
    "RAID1C4": (4, 4, 1),
    "RAID10": (4, 2, 1),
}


class ProfileUsage(msgspec.Struct, frozen=True):
    """What the chunks of one kind and profile hold, as `btrfs filesystem df` says it; in bytes, each counted once.

    Attributes:
        kind: "data", "metadata", "system" or "data+metadata" (mixed).
        profile: "single", "DUP", "RAID1", ...
    """

    kind: str
    profile: str
    total: int
    used: int


def measure_profiles(volume: Volume, roots: Roots) -> tuple[ProfileUsage, ...]:
    """Return the usage by kind and profile. Raises `ParseError`."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for chunk, used in _groups(volume, roots):
        key = (_kind(chunk), chunk.profile)
        total, before = found.get(key, (0, 0))
        found[key] = (total + chunk.length, before + used)
    return tuple(ProfileUsage(kind, profile, *found[kind, profile]) for kind, profile in sorted(found))


def measure_usage(volume: Volume, roots: Roots, devices: list[DeviceItem]) -> Usage:
    """Return the usage. Raises `ParseError`."""
    used = data_free = 0
    # With the feature mixed-bg the kernel counts chunks of data and of metadata as one, mixed or not.
    mixed = volume.superblock.incompat & Incompat.MIXED_GROUPS
    of_data = Group.DATA | Group.METADATA if mixed else Group.DATA
    strongest, factor, profile = 0, 1, "single"
    for chunk, group_used in _groups(volume, roots):
        used += group_used * chunk.copies
        if chunk.type & of_data:
            data_free += (chunk.length - group_used) * chunk.copies
            if chunk.type & ~KINDS >= strongest:
                strongest, factor, profile = chunk.type & ~KINDS, chunk.copies, chunk.profile
    unallocated = _allocatable(devices, profile)
    total = volume.superblock.total_bytes // factor
    free = total - used // factor - _reserve(volume, roots)
    return Usage(total=total, free=max(free, 0), available=max((data_free + unallocated) // factor, 0))


def _groups(volume: Volume, roots: Roots) -> Iterator[tuple[Chunk, int]]:
    """Give each chunk and how many of its bytes are used."""
    in_own_tree = volume.superblock.compat_ro & CompatRo.BLOCK_GROUP_TREE
    tree = roots.tree(BLOCK_GROUP_TREE if in_own_tree else EXTENT_TREE)
    if len(volume.chunks) > _MAX_GROUPS:
        raise ParseError(Place(volume.name), f"at most {_MAX_GROUPS} block groups wanted, {len(volume.chunks)} found")
    for chunk in volume.chunks:
        item = tree.get((chunk.start, _BLOCK_GROUP, chunk.length))
        if item is None:  # a chunk in which nothing has been allocated yet
            continue
        if len(item) < _ITEM.size:
            raise volume.error(chunk.start, f"a block group of {_ITEM.size} bytes wanted, {len(item)} found")
        used = _ITEM.unpack_from(item)[0]
        if used > chunk.length:
            raise volume.error(chunk.start, f"a block group of {chunk.length} bytes wanted, {used} in use found")
        yield chunk, used


def _kind(chunk: Chunk) -> str:
    kinds = Group(chunk.type & KINDS)
    return "+".join(str(kind.name).lower() for kind in (Group.DATA, Group.METADATA, Group.SYSTEM) if kind in kinds)


def _reserve(volume: Volume, roots: Roots) -> int:
    """Return the size of the global block reserve."""
    trees = [EXTENT_TREE, CHECKSUM_TREE]
    least = _LEAST_KEPT_BACK
    if volume.superblock.compat_ro & CompatRo.FREE_SPACE_TREE:
        trees.append(FREE_SPACE_TREE)
        least = _LEAST_WITH_FREE_SPACE_TREE
    if volume.superblock.compat_ro & CompatRo.BLOCK_GROUP_TREE:
        trees.append(BLOCK_GROUP_TREE)
    used = sum(root.used for number in trees if (root := roots.root(number)))
    return min(max(used, least * volume.superblock.node_size), _MOST_KEPT_BACK)


def _allocatable(devices: list[DeviceItem], profile: str) -> int:
    """Return how many bytes of the devices could still become chunks of data; copies are counted."""
    copies, least, per_device = _ALLOCATION.get(profile, (len(devices), 1, 1))
    smallest = per_device * STRIPE
    left = [max(device.total_bytes - device.bytes_used, 0) // STRIPE * STRIPE for device in devices]
    free = sorted((size - _RESERVED for size in left if size > _RESERVED + smallest), reverse=True)
    found = 0
    while len(free) >= least and free:
        copies = min(copies, len(free))
        size = free.pop()
        if size >= smallest:
            found += size * copies
            for index in range(len(free) + 1 - copies, len(free)):
                free[index] -= size
    return found
