from __future__ import annotations

import ctypes
import ctypes.util
import hashlib
import random

import pytest

from parsers.filesystem.btrfs.checksum import CHECKSUMS, name_hash, xxhash64


def test_xxhash64_of_known_texts() -> None:
    assert xxhash64(b"") == 0xEF46DB3751D8E999
    assert xxhash64(b"a") == 0xD24EC4F1A98C6E5B
    assert xxhash64(b"abc") == 0x44BC2CF5AD770999


def test_xxhash64_is_that_of_the_library() -> None:
    name = ctypes.util.find_library("xxhash")
    if not name:
        pytest.skip("libxxhash is the oracle, and absent")
    library = ctypes.CDLL(name)
    library.XXH64.restype = ctypes.c_uint64
    library.XXH64.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64)
    dice = random.Random(1)
    for size in (*range(140), 4064, 16352, 65504):
        data = dice.randbytes(size)
        assert xxhash64(data) == library.XXH64(data, size, 0), size


def test_checksums_as_they_are_stored() -> None:
    digests = {one.name: one.digest(b"123456789") for one in CHECKSUMS.values()}
    assert digests["crc32c"] == 0xE3069283.to_bytes(4, "little")
    assert digests["xxhash64"] == 0x8CB841DB40E6AE83.to_bytes(8, "little")
    assert digests["sha256"] == hashlib.sha256(b"123456789").digest()
    assert digests["blake2b"] == hashlib.blake2b(b"123456789", digest_size=32).digest()
    assert all(len(one.digest(b"")) == one.size for one in CHECKSUMS.values())


def test_the_hash_of_a_name() -> None:
    assert name_hash(b"default") == 2378154706  # the key of the entry in every new file system
