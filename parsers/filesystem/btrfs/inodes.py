"""Inodes: their fields, flags and times.

Specification: btrfs on-disk format, "INODE_ITEM"; btrfs(5), "File attributes". How a file is stored (nodatasum,
prealloc) is not among its flags.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from parsers.filesystem.tree import TYPES_BY_MODE, FileType, Stat

SIZE: Final = 160
STUB: Final = 2  # number of the empty directory in place of a subvolume that is not there
NO_CHECKSUMS: Final = 1
FLAG_NAMES: Final = {
    1 << 1: "nocow",
    1 << 3: "nocompress",
    1 << 5: "sync",
    1 << 6: "immutable",
    1 << 7: "append",
    1 << 8: "nodump",
    1 << 9: "noatime",
    1 << 10: "dirsync",
    1 << 11: "compressed",
    1 << 32: "verity",
}
_NAMED: Final = sum(FLAG_NAMES)
_ITEM = Struct("<QQQQQIIIIQQQ32xqIqIqIqI")
_SECOND: Final = 1_000_000_000


class Inode:
    """One inode of a subvolume; `number` is its number in the whole file system."""

    __slots__ = ("fields", "flags", "number", "size", "subvolume", "type", "within")

    def __init__(self, number: int, subvolume: int, within: int, item: bytes) -> None:
        fields = _ITEM.unpack_from(item)
        self.number = number
        self.subvolume = subvolume
        self.within = within
        self.fields = fields
        self.size: int = fields[2]
        self.flags: int = fields[10]
        self.type = TYPES_BY_MODE.get(fields[8] & 0xF000, FileType.UNKNOWN)

    def stat(self) -> Stat:
        """Return the metadata in the terms of `Tree`."""
        fields = self.fields
        kind = self.type
        return Stat(
            self.number,
            kind,
            fields[8] & 0o7777,
            fields[6],
            fields[7],
            fields[2],
            fields[5],
            fields[16] * _SECOND + fields[17],
            fields[12] * _SECOND + fields[13],
            fields[14] * _SECOND + fields[15],
            fields[18] * _SECOND + fields[19],
            (fields[9] >> 20, fields[9] & 0xFFFFF) if kind is FileType.CHAR or kind is FileType.BLOCK else None,
            _flag_names(fields[10]) if fields[10] & _NAMED else (),
        )


def make_stub(number: int, directory: Inode) -> Inode:
    """Make the empty directory that the kernel shows in place of a subvolume, in the image of the one around it.

    For the kernel it was changed when it was first looked at; here it is as old as the directory around it.
    """
    fields = list(directory.fields)
    fields[2], fields[5], fields[8], fields[9], fields[10] = 0, 1, 0o40755, 0, 0
    fields[18:20] = fields[16:18]
    return Inode(number, directory.subvolume, STUB, _ITEM.pack(*fields))


def _flag_names(flags: int) -> tuple[str, ...]:
    return tuple(sorted(name for bit, name in FLAG_NAMES.items() if flags & bit))
