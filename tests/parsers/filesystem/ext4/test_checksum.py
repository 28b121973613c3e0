from __future__ import annotations

import random

import pytest

from parsers.filesystem.ext4 import checksum
from parsers.filesystem.ext4.checksum import crc16, crc32c

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
    ],
)
def test_the_examples_of_rfc_3720(data: bytes, wanted: int) -> None:
    assert crc32c(ONES, data) ^ ONES == wanted


def test_crc16() -> None:
    assert crc16(0, b"123456789") == 0xBB3D


def test_folding_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(4)
    cases = [
        (dice.getrandbits(32), dice.randbytes(size))
        for size in (129, 768, 1012, 1024, 1025, 2047, 4084, 4096, 5001, 16384, 65524, 65536)
    ]
    monkeypatch.setattr(checksum, "FOLDED_FROM", 1)
    folded = [crc32c(seed, data) for seed, data in cases]
    monkeypatch.setattr(checksum, "FOLDED_FROM", 1 << 30)
    assert folded == [crc32c(seed, data) for seed, data in cases]
