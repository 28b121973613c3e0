"""Allocation groups: the headers of their free space (AGF) and of their inodes (AGI).

Specification: "XFS Algorithms & Data Structures", "AG Free Space Management", "AG Inode Management". Only the
counters are used, so that the b-trees behind them are not walked.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

import msgspec

from parsers.filesystem.xfs.volume import Layout, Volume
from parsers.place import ParseError

MAX_GROUPS: Final = 4096
_AGF = Struct(">4sIII 32x III")  # magic, version, number, length; flcount, freeblks, longest
_AGI = Struct(">4sIII III I")  # magic, version, number, length; count, root, level, freecount
_BTREE_BLOCKS: Final = 60
_RMAP_BLOCKS: Final = 80
_AGF_LAYOUT: Final = Layout("free space header", checksum=216, uuid=64)
_AGI_LAYOUT: Final = Layout("inode header", checksum=312, uuid=296)


class Group(msgspec.Struct, frozen=True):
    """The counters of one group, in blocks and inodes.

    Attributes:
        free: free blocks.
        reserved: free blocks that are set aside for the group's own b-trees.
        btrees: blocks of the b-trees of free space and of the reverse mapping, their roots not counted.
        rmap: blocks of the reverse mapping.
    """

    free: int
    reserved: int
    btrees: int
    rmap: int
    inodes: int
    free_inodes: int


def read_groups(volume: Volume) -> tuple[Group, ...]:
    """Read all groups; raise `ParseError` where one is broken, or where they are more than `MAX_GROUPS`."""
    superblock = volume.superblock
    if superblock.agcount > MAX_GROUPS:
        raise volume.error(88, f"at most {MAX_GROUPS} allocation groups wanted, {superblock.agcount} found")
    groups: list[Group] = []
    broken: ParseError | None = None
    for number in range(superblock.agcount):
        try:
            groups.append(_read_group(volume, number))
        except ParseError as error:
            volume.report(error.place.offset or 0, error.message)
            broken = broken or error
    if broken:
        raise broken
    return tuple(groups)


def _read_group(volume: Volume, number: int) -> Group:
    superblock = volume.superblock
    sector = superblock.sector_size
    offset = number * superblock.agblocks * superblock.block_size
    data = volume.source.read_at(offset + sector, 2 * sector)
    length = min(superblock.agblocks, superblock.blocks - number * superblock.agblocks)
    free_space, inodes = data[:sector], data[sector:]
    for found, magic, at, noun in ((free_space, b"XAGF", 1, "free space"), (inodes, b"XAGI", 2, "inode")):
        place = offset + at * sector
        wanted = magic, 1, number, length
        seen = _AGI.unpack_from(found)[:4]
        if seen != wanted:
            raise volume.error(place, f"{noun} header {wanted} of group {number} wanted, {seen} found")
    volume.verify(free_space, offset + sector, _AGF_LAYOUT)
    volume.verify(inodes, offset + 2 * sector, _AGI_LAYOUT)
    _, _, _, _, reserved, free, _longest = _AGF.unpack_from(free_space)
    group = Group(
        free=free,
        reserved=reserved,
        btrees=int.from_bytes(free_space[_BTREE_BLOCKS : _BTREE_BLOCKS + 4], "big"),
        rmap=int.from_bytes(free_space[_RMAP_BLOCKS : _RMAP_BLOCKS + 4], "big"),
        inodes=int.from_bytes(inodes[16:20], "big"),
        free_inodes=int.from_bytes(inodes[28:32], "big"),
    )
    if group.free + group.reserved > length or group.free_inodes > group.inodes:
        raise volume.error(offset + sector, f"counters within {length} blocks wanted, {group} found")
    return group
