"""The three decompressors: printed vectors, those of foreign compressors, and data that are no such thing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from parsers.filesystem.ntfs.huffman import decoding_table
from parsers.filesystem.ntfs.lznt1 import CompressionError, decompress_lznt1
from parsers.filesystem.ntfs.lzx import decompress_lzx
from parsers.filesystem.ntfs.xpress import decompress_xpress


def table(lengths: dict[int, int]) -> bytes:
    """Return the table of [MS-XCA] for codes of these lengths."""
    raw = bytearray(256)
    for symbol, length in lengths.items():
        raw[symbol // 2] |= length << symbol % 2 * 4
    return bytes(raw)


# [MS-XCA] 3.1 to 3.3
TUNE = (
    "38b08846232000204720410010a24701a045204400084501507900c045200524138805b4024a44ef0358028c091601484500be009e000401"
    "189000"
)
PLAIN_TUNE = (
    b"F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G F# E D E A F# "
    b"F# G A A G F# E D D E F# E D D\0"
)
ALPHABET = table({**dict.fromkeys(range(97, 119), 5), **dict.fromkeys(range(119, 123), 4), 256: 4}) + bytes.fromhex(
    "d8523ed794115be9195ff9d67cdf8d0400000000"
)
ABC = table({97: 3, 98: 3, 99: 2, 256: 2, 287: 2}) + bytes.fromhex("a8dc0000ff2601")
# wimlib's, of 500 times "abc"
WIMLIB_XPRESS = table({97: 3, 98: 3, 99: 2, 256: 2, 287: 2}) + bytes.fromhex("a8dc0000ffd505")
WIMLIB_LZX = bytes.fromhex(
    "5d2000c20000000002000100da07f7fda8df000000000000c00042c85e3ef77d00db0000000000001000ff10fdff9772aa4f0080"
)


def test_the_vectors_of_the_specification() -> None:
    assert decompress_lznt1(bytes.fromhex(TUNE), 4096) == PLAIN_TUNE
    assert decompress_xpress(ALPHABET, 26) == b"abcdefghijklmnopqrstuvwxyz"
    assert decompress_xpress(ABC, 300) == b"abc" * 100


def test_what_wimlib_compressed() -> None:
    assert decompress_lzx(WIMLIB_LZX, 1500) == b"abc" * 500


@pytest.mark.parametrize(
    ("extra", "length"),
    [("00", 18), ("fe", 272), ("ff0f00", 18), ("ff0010", 4099), ("ff000000100000", 4099), ("ffffff", 65538)],
)
def test_long_matches_of_xpress(extra: str, length: int) -> None:
    """Two codes of one bit: a letter, and a match one byte back whose length stands behind the first two words."""
    packed = table({97: 1, 271: 1}) + bytes.fromhex("00400000") + bytes.fromhex(extra)
    assert decompress_xpress(packed + bytes(8), length + 1) == b"a" * (length + 1)


def test_a_long_match_of_xpress_that_is_short() -> None:
    with pytest.raises(CompressionError, match="at least 15"):
        decompress_xpress(table({97: 1, 271: 1}) + bytes.fromhex("00400000ff0e00") + bytes(8), 100)


def test_lznt1_fills_short_chunks_that_others_follow() -> None:
    stored = b"\x03\x30abcd"
    assert decompress_lznt1(stored * 2, 8192) == b"abcd" + bytes(4092) + b"abcd"
    assert decompress_lznt1(stored + b"\0\0" + stored, 8192) == b"abcd"
    assert decompress_lznt1(b"", 10) == b""


@pytest.mark.parametrize("size", [1, 2, 1000, 1001, 32768])
def test_lzx_blocks_that_are_not_compressed(size: int) -> None:
    """Sixteen bits of header and padding, three distances, the bytes, and one more where their number is odd."""
    data = random.Random(size).randbytes(size).replace(b"\xe8", b"x")  # no calls to be translated
    bits, count = (0b0111, 4) if size == 32768 else (0b0110 << 16 | size, 20)
    words = (bits << -count % 16).to_bytes((count + 15) // 16 * 2, "big")
    head = b"".join(words[at : at + 2][::-1] for at in range(0, len(words), 2))
    assert decompress_lzx(head + (1).to_bytes(4, "little") * 3 + data + bytes(size % 2), size) == data


@pytest.mark.parametrize(
    "lengths",
    [
        [1, 1, 1],
        [1, 2, 2, 2],
        [2] * 5,
        [*[15] * 3, *[1] * 2],
    ],
)
def test_more_codes_than_fit(lengths: list[int]) -> None:
    with pytest.raises(CompressionError, match="more found"):
        decoding_table(lengths)


def test_codes_are_given_in_the_order_of_lengths_and_symbols() -> None:
    assert decoding_table([2, 1, 0, 2]) == ([1 << 5 | 1, 1 << 5 | 1, 0 << 5 | 2, 3 << 5 | 2], 2)
    assert decoding_table([0, 0]) == ([0, 0], 1)


@pytest.mark.parametrize(
    "data",
    [
        b"\x05\xb0\x01\x00\x00",  # cut off
        b"\x02\xb0\x01\x00\x00",  # a match before anything was written
        b"\x01\xb0\x01\x00",  # half of a match
        b"\x03\xb0\x02a\xff\xff",  # a match from before the chunk
    ],
)
def test_lznt1_that_cannot_be(data: bytes) -> None:
    with pytest.raises(CompressionError):
        decompress_lznt1(data, 4096)


def test_a_chunk_of_lznt1_holds_4096_bytes() -> None:
    body = b"\x02a" + b"\xff\x0f" + b"\xff" + b"\xff\x0f" * 8
    with pytest.raises(CompressionError):
        decompress_lznt1((0xB000 | len(body) - 1).to_bytes(2, "little") + body, 1 << 20)


Decompress = Callable[[bytes, int], bytes]


@pytest.mark.parametrize(
    ("decompress", "data", "size"),
    [
        (decompress_lznt1, bytes.fromhex(TUNE), 4096),
        (decompress_xpress, ALPHABET, 26),
        (decompress_xpress, WIMLIB_XPRESS, 1500),
        (decompress_lzx, WIMLIB_LZX, 1500),
    ],
    ids=["lznt1", "xpress", "xpress of wimlib", "lzx"],
)
@pytest.mark.parametrize("rounds", [300, pytest.param(20_000, marks=pytest.mark.soak)])
def test_damage_ends_in_bytes_or_an_error(decompress: Decompress, data: bytes, size: int, rounds: int) -> None:
    dice = random.Random(2)
    start = time.process_time()
    for number in range(rounds):
        broken = bytearray(data if number % 3 else data[: dice.randrange(len(data))])
        for _ in range(dice.randrange(1, 4)):
            if broken:
                broken[dice.randrange(len(broken))] = dice.randrange(256)
        wanted = dice.choice((size, size - 1, 0, 1, 4096, 32768))
        try:
            assert len(decompress(bytes(broken), wanted)) <= wanted
        except CompressionError:
            continue
    assert time.process_time() - start < rounds * 0.05
