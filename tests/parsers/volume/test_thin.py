from __future__ import annotations

import random
import struct

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.volume.thin import ThinPool
from tests.parsers.volume.building import thin_metadata, thin_node

CHUNK = 65536
DATA = b"".join(bytes([n]) * CHUNK for n in range(16))


def pool(metadata: bytes) -> ThinPool:
    return ThinPool(Memory(metadata, "tmeta"), Memory(DATA, "tdata"))


def test_mapped_blocks_come_from_the_data_and_the_rest_is_zero() -> None:
    volume = pool(thin_metadata({1: 9, 2: 3, 7: 0})).volume("vg/t", 1, 10 * CHUNK)
    assert volume.read_at(0, 10 * CHUNK) == b"".join(bytes([value]) * CHUNK for value in (0, 9, 3, 0, 0, 0, 0, 0, 0, 0))
    assert volume.read_at(CHUNK - 2, 4) == b"\0\0\x09\x09"
    assert volume.read_at(3 * CHUNK - 1, 2) == b"\x03\0"


def test_what_is_not_mapped_is_the_external_origins() -> None:
    volume = pool(thin_metadata({1: 9})).volume("vg/t", 1, 3 * CHUNK, Memory(b"o" * CHUNK * 2 + b"p"))
    assert [volume.read_at(n * CHUNK, 2) for n in range(3)] == [b"oo", b"\x09\x09", b"p\0"]


def test_a_huge_hole_is_read_in_one_step() -> None:
    volume = pool(thin_metadata({1: 9})).volume("vg/t", 1, 1 << 60)
    assert volume.read_at((1 << 60) - 5, 5) == bytes(5)


@pytest.mark.parametrize("sectors", [0, 1, 127, 129, (1 << 21) + 128])
def test_blocks_of_data_are_of_64_kib_to_1_gib(sectors: int) -> None:
    with pytest.raises(ParseError, match="data blocks of 64 KiB to 1 GiB"):
        pool(thin_metadata({}, sectors))


def test_a_device_that_the_pool_does_not_know() -> None:
    with pytest.raises(ParseError, match="thin device 2 wanted, the pool has none"):
        pool(thin_metadata({})).volume("vg/t", 2, CHUNK)


def test_a_tree_that_leads_to_itself_ends() -> None:
    metadata = bytearray(thin_metadata({0: 0}))
    metadata[3 * 4096 :] = thin_node(3, {0: struct.pack("<Q", 3)}, 8, leaf=False)
    volume = pool(bytes(metadata)).volume("vg/t", 1, CHUNK)
    with pytest.raises(ParseError, match="at most 16 levels"):
        volume.read_at(0, 1)


@pytest.mark.parametrize(("block", "what"), [(0, "checksum"), (1, "checksum"), (2, "checksum"), (3, "checksum")])
def test_every_block_has_its_checksum_verified(block: int, what: str) -> None:
    metadata = bytearray(thin_metadata({0: 0}))
    metadata[block * 4096 + 4000] ^= 1
    with pytest.raises(ParseError, match=what):
        pool(bytes(metadata)).volume("vg/t", 1, CHUNK).read_at(0, 1)


def test_keys_must_rise_and_a_node_must_know_its_place() -> None:
    metadata = bytearray(thin_metadata({0: 0}))
    metadata[3 * 4096 :] = thin_node(3, {5: bytes(8), 2: bytes(8)}, 8)
    with pytest.raises(ParseError, match="rising order"):
        pool(bytes(metadata)).volume("vg/t", 1, CHUNK).read_at(0, 1)
    metadata[3 * 4096 :] = thin_node(4, {5: bytes(8)}, 8)
    with pytest.raises(ParseError, match="calls itself"):
        pool(bytes(metadata)).volume("vg/t", 1, CHUNK).read_at(0, 1)


def test_mutated_nodes_with_good_checksums_raise_nothing_else() -> None:
    import google_crc32c

    whole = thin_metadata({n: n % 16 for n in range(0, 200, 3)})
    dice = random.Random(6)
    for _ in range(300):
        raw = bytearray(whole)
        block = dice.randrange(4)
        for _ in range(dice.randrange(1, 4)):
            raw[block * 4096 + 4 + dice.choice([dice.randrange(60), dice.randrange(380), dice.randrange(4092)])] = (
                dice.choice([0, 1, 255, dice.randrange(256)])
            )
        start = block * 4096
        crc = google_crc32c.value(bytes(raw[start + 4 : start + 4096])) ^ 0xFFFFFFFF ^ (121107 if block else 160774)
        raw[start : start + 4] = struct.pack("<I", crc)
        try:
            pool(bytes(raw[: dice.choice([len(raw), len(raw), 8192])])).volume("vg/t", 1, 300 * CHUNK).read_at(
                0, 1 << 20
            )
        except ParseError:
            continue
