"""XPRESS with Huffman codes, the compression of most CompactOS files.

Specification: [MS-XCA], "LZ77+Huffman Decompression Algorithm Details". Bits come in words of sixteen, the highest
first; longer lengths stand between them as bytes.
"""

from __future__ import annotations

from typing import Final

from parsers.filesystem.ntfs.huffman import decoding_table
from parsers.filesystem.ntfs.lznt1 import CompressionError, copy_match

_TABLE: Final = 256
_BLOCK: Final = 64 << 10  # bytes that share a table
_PADDING: Final = bytes(16)  # the last bits are looked for in words behind the data


def decompress_xpress(data: bytes, size: int) -> bytes:
    """Expand to exactly `size` bytes. Raises `CompressionError`."""
    out = bytearray()
    at = 0
    while len(out) < size:
        if len(data) - at < _TABLE + 2:
            raise CompressionError(f"a table of {_TABLE} bytes and data wanted, {len(data) - at} bytes found")
        at = _expand(data, at, out, size)
    return bytes(out)


def _expand(data: bytes, at: int, out: bytearray, size: int) -> int:
    """Expand one block; return where the next one begins. Its last match may go on behind its end."""
    stop = min(size, len(out) + _BLOCK)
    table, bits = decoding_table([length for byte in data[at : at + _TABLE] for length in (byte & 15, byte >> 4)])
    at += _TABLE
    end = len(data) + len(_PADDING) - 8
    data += _PADDING
    shift = 32 - bits
    hold = (data[at + 1] << 8 | data[at]) << 16 | data[at + 3] << 8 | data[at + 2]
    at += 4
    extra = 16  # bits in `hold` beyond the sixteen that are always there
    while len(out) < stop:
        if at > end:
            raise CompressionError(f"{stop} bytes wanted, data for {len(out)} found")
        code = table[hold >> shift]
        length = code & 31
        if not length:
            raise CompressionError("a code of the table wanted, none found")
        symbol = code >> 5
        hold = hold << length & 0xFFFFFFFF
        extra -= length
        if extra < 0:
            hold |= (data[at + 1] << 8 | data[at]) << -extra
            extra += 16
            at += 2
        if symbol < 256:
            out.append(symbol)
            continue
        width = symbol - 256 >> 4
        length, at = _length(data, at, symbol & 15)
        back = 1 << width | hold >> 32 - width
        hold = hold << width & 0xFFFFFFFF
        extra -= width
        if extra < 0:
            hold |= (data[at + 1] << 8 | data[at]) << -extra
            extra += 16
            at += 2
        if back > len(out) or length > size - len(out):
            raise CompressionError(f"a match within {len(out)} and {size} bytes wanted, {length} {back} back found")
        copy_match(out, back, length)
    return at


def _length(data: bytes, at: int, short: int) -> tuple[int, int]:
    """Return the length of a match, and where its bytes end."""
    if short < 15:
        return short + 3, at
    if data[at] < 255:
        return data[at] + 18, at + 1
    length = data[at + 1] | data[at + 2] << 8
    if length:
        if length < 15:
            raise CompressionError(f"a length of at least 15 wanted, {length} found")
        return length + 3, at + 3
    return int.from_bytes(data[at + 3 : at + 7], "little") + 3, at + 7
