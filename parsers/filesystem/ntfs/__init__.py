"""NTFS, complete for reading.

Written from Microsoft's [MS-FSCC] (times, flags, reparse points) and [MS-XCA] (LZNT1, XPRESS), and from libfsntfs'
documentation of the format. Deliberately not done: writing, replaying $LogFile (that this would be needed stands
among the problems of the tree), deciding whom a security descriptor lets in, quotas, the change journal, object
identifiers, decrypting of EFS, and content that other drivers of Windows give (deduplication, hierarchical storage,
WIMBoot), which the error names.
"""

from __future__ import annotations

from parsers.filesystem.ntfs.boot import parse_boot_sector
from parsers.filesystem.ntfs.tree import NtfsTree
from parsers.source import Source

__all__ = ["NtfsTree", "open_ntfs"]


def open_ntfs(source: Source) -> NtfsTree:
    """Open the file system on a volume. Raises `ParseError` where it is none, or none that can be read."""
    return NtfsTree(source, parse_boot_sector(source))
