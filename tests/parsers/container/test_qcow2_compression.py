"""Compressed clusters: exactly one cluster comes out, or one error."""

from __future__ import annotations

import contextlib
import random
import sys
import zlib
from collections.abc import Callable

import pytest

from parsers.container.qcow2_compression import BadCluster, inflater

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -12)
    return packer.compress(content) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {"zlib": deflate, "zstd": zstd.compress}


@pytest.mark.parametrize("compression", PACKERS)
@pytest.mark.parametrize("size", [512, 65536, 2 << 20])
def test_a_cluster_comes_out_whole_whatever_follows_it(compression: str, size: int) -> None:
    content = random.Random(size).randbytes(size // 2) + bytes(size - size // 2)
    stored = PACKERS[compression](content)
    for tail in (b"", b"\0" * 511, random.Random(1).randbytes(511), stored):
        assert inflater(compression)(stored + tail, size) == content


@pytest.mark.parametrize("compression", PACKERS)
def test_more_than_a_cluster_is_not_produced(compression: str) -> None:
    assert inflater(compression)(PACKERS[compression](bytes(32 << 20)), 4096) == bytes(4096)


@pytest.mark.parametrize("compression", PACKERS)
def test_less_than_a_cluster_is_an_error(compression: str) -> None:
    with pytest.raises(BadCluster, match="4096 bytes of a cluster wanted, its data gives 100"):
        inflater(compression)(PACKERS[compression](bytes(100)), 4096)


@pytest.mark.parametrize("compression", PACKERS)
@pytest.mark.parametrize("seed", range(100))
def test_flipped_bits_give_a_cluster_or_an_error(compression: str, seed: int) -> None:
    chance = random.Random(seed)
    stored = bytearray(PACKERS[compression](chance.randbytes(2000) * 3))
    for _ in range(3):
        stored[chance.randrange(min(len(stored), 40 + 20 * seed))] ^= 1 << chance.randrange(8)
    try:
        assert len(inflater(compression)(bytes(stored), 6000)) == 6000
    except BadCluster as error:
        assert error.args[0]  # noqa: PT017 - either outcome is right


def test_the_deflate_window_is_qemus() -> None:
    """QEMU refuses distances beyond 4 KiB; what it would not read is not read here either, or read right."""
    content = random.Random(2).randbytes(20_000) * 2
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    stored = packer.compress(content) + packer.flush()
    with contextlib.suppress(BadCluster):
        assert inflater("zlib")(stored, len(content)) == content
