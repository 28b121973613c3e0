"""What all parts of the NTFS reader share: the volume's clusters, and how records show that they were written whole.

Layout: libfsntfs' documentation of the format, "Fix-up values" (Microsoft: update sequence array).
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.filesystem.block_volume import BlockVolume
from parsers.filesystem.ntfs.boot import BootSector
from parsers.source import Source

_ARRAY: Final = struct.Struct("<4sHH")
_STRIDE: Final = 512  # whatever the size of sectors, as far as volumes are known


class Volume(BlockVolume):
    """The clusters of one file system."""

    def __init__(self, source: Source, boot: BootSector) -> None:
        super().__init__(source, boot.cluster_size, boot.clusters, boot.problems, checksums=False)
        self.boot = boot

    def whole(self, data: bytes, offset: int, magic: bytes) -> bytes:
        """Return a record with the ends of its sectors put back; raise `ParseError` where it was written in part.

        `offset` is where it begins on the volume, `magic` what it begins with.
        """
        found, at, count = _ARRAY.unpack_from(data)
        if found != magic:
            raise self.error(offset, f"a record {magic.decode()} wanted, {found!r} found")
        size = len(data)
        stride = _STRIDE if (count - 1) * _STRIDE == size else self.boot.sector_size
        if (count - 1) * stride != size or at + 2 * count > stride - 2:
            raise self.error(offset + 4, f"{size // _STRIDE + 1} fix-up values wanted, {count} at byte {at} found")
        mark, end = data[at : at + 2], at + 2 * count
        low, high = slice(stride - 2, None, stride), slice(stride - 1, None, stride)
        if data[low] != mark[:1] * (count - 1) or data[high] != mark[1:] * (count - 1):
            seen = " ".join(data[last - 2 : last].hex() for last in range(stride, size + 1, stride))
            raise self.error(offset, f"fix-up {mark.hex()} of each sector wanted, {seen} found: written in part")
        fixed = bytearray(data)
        fixed[low] = data[at + 2 : end : 2]
        fixed[high] = data[at + 3 : end + 1 : 2]
        return bytes(fixed)
