"""Links and devices as Services for UNIX wrote them, and ntfs-3g still does: files of the attribute "system".

Layout: ntfs-3g's documentation, "Handling special files". Their content begins with a magic number; the target of a
link follows in 16-bit units, the numbers of a device in eight bytes each. Sockets and pipes, of which nothing but an
empty file of that attribute is left, are plain files here, because Windows has such files of its own.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from parsers.filesystem.ntfs.name import decode_units
from parsers.filesystem.tree import FileType

MAX_SIZE: Final = 8 + 2 * 4096
MIN_SIZE: Final = 10
_LINK: Final = b"IntxLNK\1"
_DEVICES: Final = {b"IntxBLK\0": FileType.BLOCK, b"IntxCHR\0": FileType.CHAR}
_NUMBERS: Final = struct.Struct("<8xQQ")


class Special(msgspec.Struct, frozen=True):
    """What a file is, where it is more than its content."""

    type: FileType
    target: str | None = None
    rdev: tuple[int, int] | None = None


def parse_interix(data: bytes) -> Special | None:
    """Decode the content of a file of the attribute "system"; None for any other content."""
    magic = data[:8]
    if magic == _LINK and len(data) % 2 == 0 and len(data) >= MIN_SIZE:
        return Special(FileType.SYMLINK, decode_units(data[8:]))
    if magic in _DEVICES and len(data) == _NUMBERS.size:
        major, minor = _NUMBERS.unpack(data)
        return Special(_DEVICES[magic], rdev=(major, minor))
    return None
