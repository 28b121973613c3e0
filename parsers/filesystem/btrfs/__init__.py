"""btrfs, complete for reading.

Written from the btrfs documentation ("On-disk Format", btrfs(5), mkfs.btrfs(8)) and from the structures in
linux/btrfs_tree.h, the kernel's interface to programs. Every node of a tree is verified before it is believed, and
another copy tried where one is broken; data are verified on demand. Deliberately not done: writing, replaying the
log tree (that there is one is said), reading by the backup roots, reckoning missing stripes of RAID5 and RAID6 from
parity, zoned devices, extent tree v2 and the RAID stripe tree (refused by name), fs-verity's Merkle trees.
"""

from __future__ import annotations

from parsers.filesystem.btrfs.btree import BTree, Nodes
from parsers.filesystem.btrfs.chunk_tree import load_chunks
from parsers.filesystem.btrfs.data import Data
from parsers.filesystem.btrfs.roots import CHECKSUM_TREE, Roots
from parsers.filesystem.btrfs.tree import BtrfsTree
from parsers.filesystem.btrfs.volume import Volume
from parsers.place import ParseError
from parsers.source import Source

__all__ = ["BtrfsTree", "open_btrfs"]


def open_btrfs(
    source: Source, *others: Source, subvolume: int | str | None = None, verify_data: bool = False
) -> BtrfsTree:
    """Open the file system on a volume and the other devices that belong to it.

    `subvolume` is a number (`subvolid=`; 0 is the top level), a path from the top level (`subvol=`), or None for the
    default one. With `verify_data` the content of files is compared with its checksums, and another copy read where
    they differ. Devices that are missing are among the problems. Raises `ParseError` where this is no btrfs, or none
    that can be read.
    """
    volume = Volume(source, others)
    nodes = Nodes(volume)
    devices = load_chunks(volume, nodes)
    roots = Roots(nodes)
    data = Data(volume, _checksums(volume, roots) if verify_data else None)
    return BtrfsTree(volume, roots, devices, subvolume, data)


def _checksums(volume: Volume, roots: Roots) -> BTree | None:
    """Return the tree of checksums; where there is none, that data cannot be verified is a problem."""
    try:
        return roots.tree(CHECKSUM_TREE)
    except ParseError as error:
        volume.report(error.place, f"data cannot be verified: {error.message}")
        return None
