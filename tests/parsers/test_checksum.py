from __future__ import annotations

import random

import pytest

from parsers.checksum import crc32c

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


def test_a_checksum_is_continued() -> None:
    data = random.Random(4).randbytes(5001)
    assert crc32c(crc32c(7, data[:1012]), data[1012:]) == crc32c(7, data)
