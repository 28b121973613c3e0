"""ext2, ext3 and ext4, complete for reading.

Written from Linux Documentation/filesystems/ext4 ("ext4 Data Structures and Algorithms"). Deliberately not
done: writing, decryption, fs-verity's Merkle trees, compressed files (an old patch that no kernel carries),
and reading from a backup superblock, which the error names.
"""

from __future__ import annotations

from parsers.filesystem.ext4.superblock import parse_superblock
from parsers.filesystem.ext4.tree import Ext4Tree
from parsers.source import Source

__all__ = ["Ext4Tree", "open_ext4"]


def open_ext4(source: Source) -> Ext4Tree:
    """Open the file system on a volume. Raises `ParseError` where it is none, or none that can be read."""
    superblock = parse_superblock(source)
    return Ext4Tree(source, superblock, unreplayed_journal=superblock.needs_recovery)
