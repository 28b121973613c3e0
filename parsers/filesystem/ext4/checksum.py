"""The two checksums of ext4: CRC-32C (metadata_csum) and CRC-16 (gdt_csum).

Both are used raw, as the kernel does: seeded by the caller and not inverted at the end. CRC-32C is not in the
standard library, and a table that is walked byte by byte takes some 60 ns a byte, so that callers ration it
(`Volume.verifies`).

Specification: Linux Documentation/filesystems/ext4, "Checksums"; RFC 3720 appendix B.4 for the polynomial.
"""

from __future__ import annotations

from typing import Final

_CASTAGNOLI: Final = 0x82F63B78  # reflected
_ANSI: Final = 0xA001  # CRC-16, reflected


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
