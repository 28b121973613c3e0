"""How full a file system is, as statfs(2) of the kernel counts it when it is mounted for reading.

The capacity is without the log. Of the free blocks the kernel keeps some of each group back, so that the b-trees
of free space can always grow, and those that these b-trees hold. Inodes are made when they are wanted: their
number is what there are and what there is room for, up to the share that the superblock allows. The counters of
the superblock are right after an unmount; else those of the groups are summed up, as the kernel does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from parsers.filesystem.tree import Usage
from parsers.filesystem.xfs.groups import Group
from parsers.filesystem.xfs.superblock import RoCompat, Superblock

_KEPT_BACK: Final = 8  # blocks of each group
_CHUNK: Final = 64  # inodes
_MAX_INODES: Final = (1 << 56) - 1


def measure_usage(superblock: Superblock, groups: Sequence[Group], *, clean: bool) -> Usage:
    """Return capacity, free space and inodes. `groups` may be empty only where it is `clean`."""
    inodes, free_inodes, free = superblock.inodes, superblock.free_inodes, superblock.free_blocks
    if not _plausible(superblock) or (superblock.has_lazy_counters and not clean):
        inodes = sum(group.inodes for group in groups)
        free_inodes = sum(group.free_inodes for group in groups)
        free = sum(group.free + group.reserved + group.btrees for group in groups)
    log = superblock.log_blocks if superblock.log_start else 0
    free = max(0, free - superblock.agcount * _KEPT_BACK - _held(superblock, groups))
    total = max(0, superblock.blocks - log)
    possible = min(inodes + (free << superblock.inodes_per_block_log), _MAX_INODES)
    most = _most_inodes(superblock)
    if most:
        possible = min(possible, most)
    possible = max(possible, inodes)
    size = superblock.block_size
    return Usage(
        total=total * size,
        free=free * size,
        available=free * size,
        inodes=possible,
        inodes_free=max(0, possible - (inodes - free_inodes)),
    )


def _plausible(superblock: Superblock) -> bool:
    return superblock.free_blocks <= superblock.blocks and superblock.free_inodes <= superblock.inodes


def _held(superblock: Superblock, groups: Sequence[Group]) -> int:
    """Return the blocks that the b-trees of free space hold besides their roots."""
    rmap = bool(superblock.ro_compat & RoCompat.RMAPBT)
    return sum(max(0, group.btrees - (group.rmap - 1 if rmap else 0)) for group in groups)


def _most_inodes(superblock: Superblock) -> int:
    chunk = max(_CHUNK, superblock.inodes_per_block) >> superblock.inodes_per_block_log
    blocks = superblock.blocks * superblock.inode_percent // 100
    return blocks // chunk * chunk << superblock.inodes_per_block_log
