"""XFS, versions 4 and 5, complete for reading.

Written from "XFS Algorithms & Data Structures" of the kernel's XFS documentation. Deliberately not done: writing,
replaying the log (that this would be needed stands among the problems of the tree), the realtime device (its files
raise `ParseError`), zoned volumes, quotas, walks of the b-trees of free space, inodes, reverse mapping and
references (nothing that is read depends on them), and reading from a copy of the superblock, which the error names.
"""

from __future__ import annotations

from parsers.filesystem.xfs.superblock import parse_superblock
from parsers.filesystem.xfs.tree import XfsTree
from parsers.source import Source

__all__ = ["XfsTree", "open_xfs"]


def open_xfs(source: Source) -> XfsTree:
    """Open the file system on a volume. Raises `ParseError` where it is none, or none that can be read."""
    return XfsTree(source, parse_superblock(source))
