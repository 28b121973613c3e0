"""LZNT1, the compression of NTFS' own compressed files.

Specification: [MS-XCA], "LZNT1 Algorithm Details". A chunk holds 4096 bytes or less; one that is followed by another
is filled up with zeros. How the sixteen bits of a match are divided depends on how far the chunk has come.
"""

from __future__ import annotations

from typing import Final

_CHUNK: Final = 4096
_BITS: Final = tuple(12 - max((at - 1).bit_length() - 4, 0) if at else 12 for at in range(_CHUNK + 1))
"""Bits of the length of a match, by the bytes of the chunk that stand before it."""


class CompressionError(Exception):
    """Data that do not expand as they should."""


def decompress_lznt1(data: bytes, size: int) -> bytes:
    """Expand to at most `size` bytes; less, where the data end before. Raises `CompressionError`."""
    out = bytearray()
    at, end = 0, len(data)
    while at + 2 <= end and len(out) < size:
        header = data[at] | data[at + 1] << 8
        if not header:
            break
        out += bytes(-len(out) % _CHUNK)
        at += 2
        stop = at + (header & 0xFFF) + 1
        if stop > end:
            raise CompressionError(f"a chunk of {stop - at} bytes wanted, {end - at} found")
        if header & 0x8000:
            _expand(data[at:stop], out)
        else:
            out += data[at:stop]
        at = stop
    return bytes(out[:size])


def _expand(data: bytes, out: bytearray) -> None:
    start, at, end = len(out), 0, len(data)
    while at < end:
        flags = data[at]
        at += 1
        if not flags:
            out += data[at : at + 8]
            at += 8
            continue
        for bit in range(8):
            if at >= end:
                break
            if flags >> bit & 1:
                _copy(data[at : at + 2], out, start)
                at += 2
            else:
                out.append(data[at])
                at += 1
    if len(out) - start > _CHUNK:
        raise CompressionError(f"a chunk of {_CHUNK} bytes wanted, {len(out) - start} found")


def _copy(match: bytes, out: bytearray, start: int) -> None:
    token = int.from_bytes(match, "little")
    done = len(out) - start
    if len(match) != 2 or done > _CHUNK:
        raise CompressionError(f"a match within {_CHUNK} bytes wanted, {done} found")
    bits = _BITS[done]
    length, back = (token & (1 << bits) - 1) + 3, (token >> bits) + 1
    if back > done:
        raise CompressionError(f"a match within {done} bytes wanted, one {back} bytes back found")
    copy_match(out, back, length)


def copy_match(out: bytearray, back: int, length: int) -> None:
    """Repeat the `length` bytes that stand `back` bytes before the end, some of which may be written by this."""
    at = len(out) - back
    if back >= length:
        out += out[at : at + length]
    else:
        out += (out[at:] * (length // back + 1))[:length]
