"""The two checksums of ext4: CRC-32C (metadata_csum) and CRC-16 (gdt_csum).

Both are used raw, as the kernel does: seeded by the caller and not inverted at the end.

Specification: Linux Documentation/filesystems/ext4, "Checksums"; RFC 3720 appendix B.4 for CRC-32C.
"""

from __future__ import annotations

from typing import Final

from google_crc32c import extend

_ANSI: Final = 0xA001  # CRC-16, reflected
_INVERTED: Final = 0xFFFFFFFF


def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC16: Final = _table(_ANSI)


def crc32c(crc: int, data: bytes) -> int:
    """Continue a raw CRC-32C with `data`; the library's own is inverted before and after."""
    return int(extend(crc ^ _INVERTED, data)) ^ _INVERTED


def crc16(crc: int, data: bytes) -> int:
    """Continue a raw CRC-16 with `data`."""
    table = _CRC16
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc
