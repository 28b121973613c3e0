"""The two checksums of ext4: CRC-32C (metadata_csum) and CRC-16 (gdt_csum).

Both are used raw, as the kernel does: seeded by the caller and not inverted at the end. CRC-32C is not in the
standard library, and a table that is walked byte by byte takes some 60 ns a byte. Whole blocks are folded first: to
advance a checksum by a fixed distance is linear, so that the first half of a block can be advanced to where the
second half lies, all its words at once by `bytes.translate`, and be added to it. That is four times as fast;
still, callers ration it (`Volume.verifies`).

Specification: Linux Documentation/filesystems/ext4, "Checksums"; RFC 3720 appendix B.4 for the polynomial.
"""

from __future__ import annotations

from functools import cache
from typing import Final

_CASTAGNOLI: Final = 0x82F63B78  # reflected
_ANSI: Final = 0xA001  # CRC-16, reflected
FOLDED_FROM: Final = 2048  # bytes; below, the tables would cost more than they save
_LEAST: Final = 128  # bytes to which it folds


def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC32C: Final = _table(_CASTAGNOLI)
_CRC16: Final = _table(_ANSI)


def crc32c(crc: int, data: bytes) -> int:
    """Continue a raw CRC-32C with `data`."""
    if len(data) >= FOLDED_FROM:
        crc, data = 0, _fold(crc, data)
    table = _CRC32C
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def crc16(crc: int, data: bytes) -> int:
    """Continue a raw CRC-16 with `data`."""
    table = _CRC16
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def _fold(crc: int, data: bytes) -> bytes:
    """Return 128 bytes that have the same checksum from 0 on as `data` has from `crc` on."""
    size = _LEAST
    while size < len(data):
        size *= 2
    first = (int.from_bytes(data[:4], "little") ^ crc).to_bytes(4, "little")
    message = bytes(size - len(data)) + first + data[4:]  # zeros before it change nothing
    planes = [message[byte::4] for byte in range(4)]
    half = size // 8
    while half >= _LEAST // 4:
        planes = _halved(planes, half)
        half //= 2
    folded = bytearray(_LEAST)
    for byte, plane in enumerate(planes):
        folded[byte::4] = plane
    return bytes(folded)


def _halved(planes: list[bytes], half: int) -> list[bytes]:
    """Advance the first `half` words to the others and add them; a plane holds one byte of every word."""
    tables, early = _advance(half), [plane[:half] for plane in planes]
    halved = []
    for byte, plane in enumerate(planes):
        total = int.from_bytes(plane[half:], "little")
        for source, words in enumerate(early):
            total ^= int.from_bytes(words.translate(tables[source][byte]), "little")
        halved.append(total.to_bytes(half, "little"))
    return halved


@cache
def _advance(words: int) -> tuple[tuple[bytes, ...], ...]:
    """Return, for each byte of a checksum, what it gives to each byte of the one `words` words of zeros on."""
    columns = [_walked(1 << bit) for bit in range(32)]
    for _ in range(words.bit_length() - 1):  # `words` is a power of two
        columns = [_applied(columns, column) for column in columns]
    tables = []
    for source in range(4):
        values = [0]
        for column in columns[8 * source : 8 * source + 8]:
            values += [value ^ column for value in values]
        tables.append(tuple(bytes((value >> 8 * byte) & 0xFF for value in values) for byte in range(4)))
    return tuple(tables)


def _walked(crc: int) -> int:
    for _ in range(4):
        crc = (crc >> 8) ^ _CRC32C[crc & 0xFF]
    return crc


def _applied(columns: list[int], value: int) -> int:
    total = 0
    for bit, column in enumerate(columns):
        if value >> bit & 1:
            total ^= column
    return total
