"""Compressed extents: zlib, LZO, zstd.

Specification: btrfs documentation, "Compression"; on-disk format, "EXTENT_DATA". An extent holds at most 128 KiB,
compressed and expanded. LZO is cut into pieces of one sector each: the length of all (4 bytes), then each piece
after its own length, which never straddles the end of a sector.
"""

from __future__ import annotations

import sys
import zlib
from typing import Final

from parsers.filesystem.btrfs.lzo import LzoError, decompress_lzo1x

MAX_EXTENT: Final = 128 << 10
NAMES: Final = {0: "none", 1: "zlib", 2: "lzo", 3: "zstd"}
_MAX_WINDOW: Final = 17  # log2 of the window that btrfs compresses with


class CompressionError(Exception):
    """Data that do not expand as their extent says."""


def decompress(kind: int, data: bytes, size: int, sector_size: int) -> bytes:
    """Expand the data of an extent to `size` bytes; where the stream ends before, zeros follow, as for the kernel.

    Raises `CompressionError`.
    """
    if size > MAX_EXTENT or len(data) > MAX_EXTENT:
        wanted = f"at most {MAX_EXTENT} bytes wanted"
        raise CompressionError(f"{wanted}, {len(data)} compressed ones that expand to {size} found")
    if kind not in NAMES or not kind:
        raise CompressionError(f"compression zlib, lzo or zstd wanted, number {kind} found")
    expanded = {1: _zlib, 3: _zstd}[kind](data, size) if kind != 2 else _lzo(data, size, sector_size)
    return expanded.ljust(size, b"\0")


def _zlib(data: bytes, size: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        expanded = stream.decompress(data, max(size, 1))
    except zlib.error as error:
        raise CompressionError(f"a zlib stream wanted: {error}") from None
    if len(expanded) < size and not stream.eof:
        raise CompressionError(f"a zlib stream of {size} bytes wanted, one cut off at {len(expanded)} found")
    return expanded[:size]


def _zstd(data: bytes, size: int) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _MAX_WINDOW}
    stream = zstd.ZstdDecompressor(options=options)
    try:
        expanded: bytes = stream.decompress(data, max(size, 1))
    except (zstd.ZstdError, EOFError, MemoryError) as error:
        raise CompressionError(f"a zstd frame wanted: {error}") from None
    if len(expanded) < size and not stream.eof:
        raise CompressionError(f"a zstd frame of {size} bytes wanted, one cut off at {len(expanded)} found")
    return expanded[:size]


def _lzo(data: bytes, size: int, sector_size: int) -> bytes:
    end = int.from_bytes(data[:4], "little")
    if not 4 <= end <= len(data):
        raise CompressionError(f"4 to {len(data)} bytes of lzo wanted, {end} found")
    pieces: list[bytes] = []
    at, expanded = 4, 0
    while at < end and expanded < size:
        left = sector_size - at % sector_size
        if left < 4:
            at += left
        length = int.from_bytes(data[at : at + 4], "little")
        at += 4
        if not 0 < length <= end - at:
            raise CompressionError(f"1 to {end - at} bytes of an lzo piece wanted, {length} found")
        try:
            piece = decompress_lzo1x(data[at : at + length], sector_size)
        except LzoError as error:
            raise CompressionError(f"an lzo piece wanted: {error}") from None
        pieces.append(piece)
        expanded += len(piece)
        at += length
    return b"".join(pieces)[:size]
