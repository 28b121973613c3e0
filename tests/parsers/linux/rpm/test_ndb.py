"""rpm's own database, laid out by hand: Debian's rpm is built without it. A real one is in test_database.py."""

from __future__ import annotations

import random
import struct
from contextlib import suppress

import pytest

from fixtures.rpm import ndb
from parsers.linux.rpm.ndb import ndb_headers
from parsers.place import ParseError
from parsers.source import Memory

BLOBS = [(3, b"x" * 100), (1, b"yz"), (9, b"")]
DATA = ndb(BLOBS)


def read(data: bytes) -> list[tuple[int, bytes]]:
    return list(ndb_headers(Memory(data, "db")))


@pytest.mark.parametrize("pages", [1, 3])
def test_headers_come_in_the_order_of_their_numbers(pages: int) -> None:
    assert read(ndb(BLOBS, pages)) == sorted(BLOBS)
    assert read(ndb([])) == []


def changed(offset: int, value: bytes) -> bytes:
    return DATA[:offset] + value + DATA[offset + len(value) :]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a header of 32 bytes wanted, 0 bytes found"),
        (changed(0, b"RpmX"), "RpmP of version 0 wanted, b'RpmX' of 0 found"),
        (changed(4, b"\1"), "RpmP of version 0 wanted, b'RpmP' of 1 found"),
        (changed(12, b"\0"), "1 to 2048 pages of slots wanted, 0 found"),
        (changed(12, b"\xff\xff\xff\xff"), "1 to 2048 pages of slots wanted, 4294967295 found"),
        (changed(12, b"\x09"), "wanted, the source ends"),
        (changed(64, b"slot"), "at byte 64: a slot wanted, b'slot' found"),
        (changed(52, b"\3"), "one slot for package 3 wanted, two found"),
        (changed(40, b"\1"), "the header of package 3 wanted, b'xxxx' of 2021161080 found"),
        (changed(44, b"\1"), "a header of package 3 wanted, 16 bytes found"),
        (changed(44, b"\xff\xff"), "bytes in all headers wanted"),
        (changed(4096 + 12, b"\x65"), "the header of package 3 wanted"),
        (changed(4096 + 50, b"y"), "checksum [0-9a-f]{8} wanted, [0-9a-f]{8} found"),
        (DATA[:-8], "wanted, the source ends"),
    ],
)
def test_damage_is_named(data: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        read(data)


def test_a_header_that_is_too_long_is_refused_before_it_is_read() -> None:
    data = bytearray(ndb([(3, b"x")]))
    struct.pack_into("<I", data, 32 + 12, (66 << 20) // 16 + 1)
    file = Memory(bytes(data), "db")
    file.size = 1 << 40  # longer than what there is of it
    with pytest.raises(ParseError, match="a header of package 3 wanted, 69206032 bytes found"):
        list(ndb_headers(file))


def test_slots_that_share_a_header_are_bounded() -> None:
    big = ndb([(1, bytes(100_000))])
    slot = big[32:48]
    slots = b"".join(slot[:4] + struct.pack("<I", number) + slot[8:] for number in range(1, 255))
    with pytest.raises(ParseError, match=r"bytes in all headers wanted|the header of package 2 wanted"):
        read(big[:32] + slots + big[32 + len(slots) :])


def test_damage_raises_nothing_but_parse_errors() -> None:
    chance = random.Random(8)
    for _ in range(400):
        damaged = bytearray(DATA)
        for _ in range(chance.choice([1, 3])):
            damaged[chance.choice([chance.randrange(100), chance.randrange(len(DATA))])] = chance.randrange(256)
        with suppress(ParseError):
            assert len(read(bytes(damaged[: chance.choice([None, chance.randrange(len(DATA))])]))) <= 4
