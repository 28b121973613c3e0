"""How full a file system is, as statfs(2) of the kernel counts it.

The kernel takes the free clusters from the group descriptors, not from the superblock, subtracts from the
capacity what the metadata take (superblocks, descriptors, bitmaps, inode tables, the journal), and keeps back
from ordinary users the reserved blocks and, with extents, two per cent up to 4096 clusters.
With bigalloc the kernel takes the overhead that mke2fs wrote down, and only where that is missing counts the
clusters that metadata touch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parsers.filesystem.ext4.groups import Groups
from parsers.filesystem.ext4.superblock import Compat, Incompat, RoCompat, Superblock
from parsers.filesystem.ext4.volume import Volume
from parsers.filesystem.tree import Usage

_MAX_GROUPS: Final = 1 << 16  # 8 TiB of 4 KiB blocks; beyond, the superblock's own counts have to do
_MAX_KEPT_BACK: Final = 4096


def measure_usage(volume: Volume, groups: Groups, journal_size: int) -> Usage:
    """Return the usage; `journal_size` is the size of the internal journal in bytes. Raises `ParseError`."""
    superblock = volume.superblock
    block_size = volume.block_size
    free_blocks, free_inodes = _free(superblock, groups)
    total = superblock.blocks - _overhead(superblock, groups, journal_size // block_size)
    kept = superblock.reserved_blocks + _kept_back(superblock)
    return Usage(
        total=max(total, 0) * block_size,
        free=free_blocks * block_size,
        available=max(free_blocks - kept, 0) * block_size,
        inodes=superblock.inodes,
        inodes_free=free_inodes,
    )


def _free(superblock: Superblock, groups: Groups) -> tuple[int, int]:
    if groups.count > _MAX_GROUPS:
        return superblock.free_blocks, superblock.free_inodes
    clusters = inodes = 0
    for group in range(groups.count):
        descriptor = groups.get(group)
        clusters += descriptor.free_clusters
        inodes += descriptor.free_inodes
    return clusters * (superblock.cluster_size // superblock.block_size), inodes


def _kept_back(superblock: Superblock) -> int:
    if not superblock.incompat & Incompat.EXTENTS:
        return 0
    ratio = superblock.cluster_size // superblock.block_size
    return min(superblock.blocks // ratio // 50, _MAX_KEPT_BACK) * ratio


def _overhead(superblock: Superblock, groups: Groups, journal_blocks: int) -> int:
    """Return the blocks that hold metadata."""
    ratio = superblock.cluster_size // superblock.block_size
    if superblock.ro_compat & RoCompat.BIGALLOC and 0 < superblock.overhead_clusters <= superblock.blocks:
        return superblock.overhead_clusters * ratio
    table = -(-superblock.inodes_per_group * superblock.inode_size // superblock.block_size)
    journal = journal_blocks if superblock.compat & Compat.HAS_JOURNAL and superblock.journal_inode else 0
    counted = range(groups.count if groups.count <= _MAX_GROUPS else 0)
    if superblock.ro_compat & RoCompat.BIGALLOC:
        touched = {block // ratio for group in counted for block in _metadata(superblock, groups, group, table, ratio)}
        return (len(touched) + -(-journal // ratio)) * ratio
    copies = sum(_copies(superblock, groups, group, reserved=True) for group in counted)
    return superblock.first_data_block + groups.count * (table + 2) + copies + journal


def _metadata(superblock: Superblock, groups: Groups, group: int, table: int, step: int) -> Iterator[int]:
    """Give blocks of a group's metadata, at least one of each cluster of `step` blocks."""
    first = superblock.first_data_block + group * superblock.blocks_per_group
    descriptor = groups.get(group)
    yield descriptor.block_bitmap
    yield descriptor.inode_bitmap
    yield from range(descriptor.inode_table, descriptor.inode_table + table, step)
    yield descriptor.inode_table + table - 1
    yield from range(first, first + _copies(superblock, groups, group, reserved=False))


def _copies(superblock: Superblock, groups: Groups, group: int, *, reserved: bool) -> int:
    """Return the blocks that a group gives to copies of the superblock and of the descriptors."""
    has_super = superblock.has_super(group)
    per_block = superblock.block_size // superblock.descriptor_size
    if superblock.incompat & Incompat.META_BG and group // per_block >= superblock.first_meta_bg:
        return int(has_super) + int(group % per_block in (0, 1, per_block - 1))
    if not has_super:
        return 0
    in_one_run = superblock.first_meta_bg if superblock.incompat & Incompat.META_BG else groups.descriptor_blocks
    return 1 + in_one_run + (superblock.reserved_gdt_blocks if reserved else 0)
