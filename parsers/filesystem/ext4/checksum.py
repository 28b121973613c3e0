"""The two checksums of ext4: CRC-32C (metadata_csum) and CRC-16 (gdt_csum).

Both are used raw, as the kernel does: seeded by the caller and not inverted at the end. CRC-32C is not in the
standard library; where the C routine of `google-crc32c` is installed it is taken (4 KiB in less than a
microsecond), else a table is walked byte by byte (4 KiB in a quarter of a millisecond), and `crc32c_is_fast` says
no, so that callers ration themselves.

Specification: Linux Documentation/filesystems/ext4, "Checksums"; RFC 3720 appendix B.4 for the polynomial.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_CASTAGNOLI: Final = 0x82F63B78  # reflected
_ANSI: Final = 0xA001  # CRC-16, reflected
_ONES: Final = 0xFFFFFFFF


def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLES: dict[int, tuple[int, ...]] = {}


def _walk(polynomial: int, crc: int, data: bytes) -> int:
    table = _TABLES.get(polynomial) or _TABLES.setdefault(polynomial, _table(polynomial))
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


def _slow_crc32c(crc: int, data: bytes) -> int:
    return _walk(_CASTAGNOLI, crc, data)


def _choose() -> tuple[Callable[[int, bytes], int], bool]:
    try:
        from google_crc32c.cext import extend  # 5 ms that only ext4 with checksums is to pay
    except ImportError:
        return _slow_crc32c, False

    def fast(crc: int, data: bytes) -> int:
        return int(extend(crc ^ _ONES, data)) ^ _ONES

    return fast, True


_CHOSEN: list[tuple[Callable[[int, bytes], int], bool]] = []


def crc32c_is_fast() -> bool:
    """Tell whether the C routine is there."""
    if not _CHOSEN:
        _CHOSEN.append(_choose())
    return _CHOSEN[0][1]


def crc32c(crc: int, data: bytes) -> int:
    """Continue a raw CRC-32C with `data`."""
    if not _CHOSEN:
        _CHOSEN.append(_choose())
    return _CHOSEN[0][0](crc, data)


def crc16(crc: int, data: bytes) -> int:
    """Continue a raw CRC-16 with `data`."""
    return _walk(_ANSI, crc, data)
