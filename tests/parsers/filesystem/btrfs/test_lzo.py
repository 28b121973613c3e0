"""LZO1X against the library that wrote the streams, and against streams that nobody wrote."""

from __future__ import annotations

import ctypes
import ctypes.util
import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from parsers.filesystem.btrfs.lzo import LzoError, decompress_lzo1x

END = b"\x11\0\0"


@pytest.fixture(scope="module")
def compress() -> Callable[[bytes, str], bytes]:
    name = ctypes.util.find_library("lzo2")
    if not name:
        pytest.skip("liblzo2 is the oracle, and absent")
    library = ctypes.CDLL(name)

    def call(data: bytes, level: str) -> bytes:
        out = ctypes.create_string_buffer(len(data) + len(data) // 16 + 67)
        size = ctypes.c_size_t(len(out))
        memory = ctypes.create_string_buffer(1 << 20)
        assert not getattr(library, f"lzo1x_{level}_compress")(
            data, ctypes.c_size_t(len(data)), out, ctypes.byref(size), memory
        )
        return out.raw[: size.value]

    return call


def samples() -> list[bytes]:
    dice = random.Random(4)
    text = b" ".join(
        dice.choice((b"many", b"words", b"that", b"come", b"again", b"and", b"again")) for _ in range(9000)
    )
    far = dice.randbytes(30_000)
    mixed = b"".join(dice.randbytes(dice.randrange(1, 40)) + text[: dice.randrange(300)] for _ in range(200))
    sizes = (1, 2, 3, 4, 5, 17, 18, 20, 21, 100, 238, 239, 300, 4096, 40_000)
    return [
        *(text[:size] for size in sizes),
        *(dice.randbytes(size) for size in sizes),
        bytes(40_000),
        b"ab" * 20_000,
        mixed,
        far + far[100:20_000] + far,
    ]


@pytest.mark.parametrize("level", ["1", "1_11", "1_15", "999"])
def test_what_the_library_compressed(compress: Callable[[bytes, str], bytes], level: str) -> None:
    for data in samples():
        assert decompress_lzo1x(compress(data, level), len(data)) == data


def test_never_more_than_is_allowed(compress: Callable[[bytes, str], bytes]) -> None:
    stream = compress(bytes(40_000), "1")
    with pytest.raises(LzoError, match="at most 39999 bytes wanted"):
        decompress_lzo1x(stream, 39_999)


def test_broken_streams(compress: Callable[[bytes, str], bytes]) -> None:
    dice = random.Random(6)
    streams = [compress(data, "1") for data in samples()]
    for _ in range(1500):
        stream = bytearray(dice.choice(streams))
        for _ in range(dice.randrange(1, 4)):
            stream[dice.randrange(len(stream))] = dice.choice((0, 1, 16, 17, 255, dice.randrange(256)))
        with suppress(LzoError):
            assert len(decompress_lzo1x(bytes(stream[: dice.randrange(len(stream) + 1)]), 4096)) <= 4096


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", "end marker"),
        (bytes(100_000), "run of at most"),
        (b"\x12x", "end marker"),
        (b"\x12x\x20", "end marker"),
        (b"\x12x\x40\x10", "distance of at most 1 wanted"),
        (b"\xffabc", "literals wanted"),
        (b"\x12x\x12\0\0", "length 3 wanted"),
    ],
)
def test_what_is_wrong_is_said(stream: bytes, message: str) -> None:
    with pytest.raises(LzoError, match=message):
        decompress_lzo1x(stream, 4096)


def test_the_shortest_stream() -> None:
    assert decompress_lzo1x(b"\x12x" + END, 1) == b"x"
