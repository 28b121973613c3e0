from __future__ import annotations

from parsers.filesystem.ext4.checksum import crc16


def test_crc16() -> None:
    assert crc16(0, b"123456789") == 0xBB3D
