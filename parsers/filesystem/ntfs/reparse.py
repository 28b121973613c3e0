"""Reparse points: symbolic links, junctions, and files whose content another driver of Windows gives.

Layout: [MS-FSCC] 2.1.2 (tags, symbolic links, mount points); Microsoft's reference of WOF_EXTERNAL_INFO and
FILE_PROVIDER_EXTERNAL_INFO_V1; for links of the subsystem for Linux, the kernel's header of ntfs3.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from parsers.filesystem.ntfs.name import decode_units
from parsers.filesystem.tree import FileType

_HEADER: Final = struct.Struct("<IHH")
_NAMES: Final = struct.Struct("<HHHH")
_WOF: Final = struct.Struct("<IIII")
_RELATIVE: Final = 1

SYMLINK: Final = 0xA000000C
MOUNT_POINT: Final = 0xA0000003
LINUX_SYMLINK: Final = 0xA000001D
WOF: Final = 0x80000017
TYPES: Final = {
    SYMLINK: FileType.SYMLINK,
    MOUNT_POINT: FileType.SYMLINK,
    LINUX_SYMLINK: FileType.SYMLINK,
    0x80000023: FileType.SOCKET,
    0x80000024: FileType.FIFO,
    0x80000025: FileType.CHAR,
    0x80000026: FileType.BLOCK,
}
"""What a tag makes of a file, where that is more than a file or a directory."""
_NAMED: Final = {
    0x80000013: "deduplication",
    0x80000014: "NFS",
    0x80000018: "Windows containers",
    0x8000001B: "application links",
    0x9000001C: "the projected file system",
    0xC0000004: "hierarchical storage",
    0x80000006: "hierarchical storage",
}
_CLOUD: Final = 0x9000001A  # and with any of the four bits 12 to 15
PLAIN: Final = frozenset({0x8000001B, 0x80000021, *(_CLOUD | number << 12 for number in range(16))})
"""Tags of files whose content lies in the file, unless its flags say that it is elsewhere."""


class ReparsePoint(msgspec.Struct, frozen=True):
    r"""What a reparse point says.

    Attributes:
        target: of a link, where it leads, in the words of Windows ("C:\Users", "..\other"); None: no link, or broken.
        shown: of a link, the target that Explorer shows.
        relative: whether the target is looked for from the link's own directory.
        algorithm: of a CompactOS file, the number of its compression; None: none.
    """

    tag: int
    target: str | None = None
    shown: str | None = None
    relative: bool = False
    algorithm: int | None = None

    @property
    def kind(self) -> str:
        """Whom the tag belongs to, in words."""
        if self.tag & ~0xF000 == _CLOUD:
            return "cloud files"
        return _NAMED.get(self.tag, f"reparse tag {self.tag:#010x}")


def parse_reparse_point(data: bytes) -> ReparsePoint | None:
    """Decode the value of a reparse point; None where it is too short to have a tag."""
    if len(data) < _HEADER.size:
        return None
    tag, size, _ = _HEADER.unpack_from(data)
    body = data[_HEADER.size : _HEADER.size + size]
    if tag in (SYMLINK, MOUNT_POINT):
        return _link(tag, body)
    if tag == LINUX_SYMLINK and body[:4] == b"\2\0\0\0":
        return ReparsePoint(tag, body[4:].decode("utf-8", "surrogateescape"), relative=body[4:5] != b"/")
    if tag == WOF and len(body) >= _WOF.size:
        version, provider, file_version, algorithm = _WOF.unpack_from(body)
        if (version, provider, file_version) == (1, 2, 1):
            return ReparsePoint(tag, algorithm=algorithm)
    return ReparsePoint(tag)


def _link(tag: int, body: bytes) -> ReparsePoint:
    names_at = _NAMES.size + (4 if tag == SYMLINK else 0)
    if len(body) < names_at:
        return ReparsePoint(tag)
    at, size, shown_at, shown_size = _NAMES.unpack_from(body)
    names = body[names_at:]
    if max(at + size, shown_at + shown_size) > len(names) or size % 2 or shown_size % 2:
        return ReparsePoint(tag)
    relative = tag == SYMLINK and bool(body[_NAMES.size] & _RELATIVE)
    target, shown = names[at : at + size], names[shown_at : shown_at + shown_size]
    return ReparsePoint(tag, decode_units(target), decode_units(shown), relative)


def link_target(point: ReparsePoint) -> str | None:
    r"""Return the target of a link as a path of trees; None where there is none.

    A relative one has `/` between its names. An absolute one keeps the spelling of Windows (`C:\Users`), without
    the prefix `\??\` of its kernel: it starts at no place of this tree.
    """
    if not point.target:
        return None
    if point.tag == LINUX_SYMLINK:
        return point.target
    if point.relative:
        return point.target.replace("\\", "/")
    return point.target.removeprefix("\\??\\")
