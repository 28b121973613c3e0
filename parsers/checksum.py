"""CRC-32C, which ext4, XFS, btrfs and others put under their metadata.

It is used raw, as most formats define theirs: seeded by the caller and not inverted at the end.

Specification: RFC 3720 appendix B.4.
"""

from __future__ import annotations

from typing import Final

from google_crc32c import extend

_INVERTED: Final = 0xFFFFFFFF


def crc32c(crc: int, data: bytes) -> int:
    """Continue a raw CRC-32C with `data`; the library's own is inverted before and after."""
    return int(extend(crc ^ _INVERTED, data)) ^ _INVERTED
