"""CRC-16, the checksum of group descriptors without metadata_csum (gdt_csum). CRC-32C is in `parsers.checksum`.

It is used raw, as the kernel does: seeded by the caller and not inverted at the end.

Specification: Linux Documentation/filesystems/ext4, "Checksums".
"""

from __future__ import annotations

from typing import Final

_ANSI: Final = 0xA001  # CRC-16, reflected


def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC16: Final = _table(_ANSI)


def crc16(crc: int, data: bytes) -> int:
    """Continue a raw CRC-16 with `data`."""
    table = _CRC16
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc
