"""The BIOS parameter block: what the boot code in the first sector of FAT and NTFS is told about the disk.

Layout: Microsoft, "FAT File System Specification" 3.1; libfsntfs' documentation of the format, "The volume header",
whose fields these share. What else stands there is the matter of the file systems' own readers.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from parsers.place import ParseError, Place
from parsers.source import Source

_SECTOR: Final = 512
_SECTORS: Final = (256, 512, 1024, 2048, 4096)
_FIELDS: Final = struct.Struct("<11xH11xHHI")
_JUMPS: Final = (0xEB, 0xE9)


class BiosParameterBlock(msgspec.Struct, frozen=True):
    """Of a volume: bytes of a sector, the geometry of its disk, and the sectors of the disk in front of it."""

    sector_size: int
    sectors_per_track: int
    heads: int
    hidden_sectors: int


def parse_bios_parameter_block(source: Source) -> BiosParameterBlock:
    """Read the first sector of a volume. Raises `ParseError` where it is none of a FAT or NTFS."""
    if source.size < _SECTOR:
        raise ParseError(Place(source.name), f"a boot sector of {_SECTOR} bytes wanted, {source.size} found")
    head = source.read_at(0, _SECTOR)
    if head[0] not in _JUMPS:
        raise ParseError(
            Place(source.name, offset=0), f"a jump over the parameter block wanted, {head[:3].hex()} found"
        )
    block = BiosParameterBlock(*_FIELDS.unpack_from(head))
    if block.sector_size not in _SECTORS:
        message = f"sectors of 256 to 4096 bytes wanted, {block.sector_size} found"
        raise ParseError(Place(source.name, offset=11), message)
    return block
