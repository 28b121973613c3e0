"""How full the volume is: the bits of $Bitmap, one for each cluster."""

from __future__ import annotations

from typing import Final

from parsers.filesystem.ntfs.attribute import Type
from parsers.filesystem.ntfs.content import open_attribute
from parsers.filesystem.ntfs.records import Records
from parsers.filesystem.tree import Usage

_BITMAP: Final = 6
_PIECE: Final = 1 << 20
_MOST: Final = 128 << 20  # bytes; as many as 4 TiB in clusters of 4 KiB want


def measure_usage(records: Records) -> Usage | None:
    """Count the clusters that are in use; None for a volume of more than a thousand million clusters."""
    volume = records.volume
    clusters = volume.blocks
    size = -(-clusters // 8)
    if size > _MOST:
        return None
    inode = records.get(_BITMAP)
    data = inode.find(Type.DATA)
    bitmap = open_attribute(records, inode, data) if data else None
    if bitmap is None or bitmap.size < size:
        raise volume.error(inode.record.offset, f"$Bitmap: {size} bytes wanted, {bitmap and bitmap.size} found")
    used = 0
    for offset in range(0, size, _PIECE):
        bits = int.from_bytes(bitmap.read_at(offset, min(_PIECE, size - offset)), "little")
        left = clusters - offset * 8
        if left < _PIECE * 8:
            bits &= (1 << left) - 1  # what is behind the last cluster is marked as used
        used += bits.bit_count()
    free = (clusters - used) * volume.block_size
    return Usage(total=clusters * volume.block_size, free=free, available=free)
