"""Hash files of Berkeley DB, against those that db_load writes."""

from __future__ import annotations

import random
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.rpm import write_berkeley
from parsers.database.berkeley_hash import HashFile
from parsers.place import ParseError
from parsers.source import Memory
from tests.oracles import needs

pytestmark = needs("db_load")


def blobs(count: int) -> list[tuple[int, bytes]]:
    chance = random.Random(count)
    return [
        (number, chance.randbytes(chance.choice([1, 20, 200, 486, 487, 3000, 20_000]))) for number in range(1, count)
    ]


def made(path: Path, count: int = 120, *, big_endian: bool = False, page_size: int = 512) -> bytes:
    write_berkeley(path, blobs(count), big_endian=big_endian, page_size=page_size)
    return path.read_bytes()


def pairs(data: bytes) -> dict[bytes, bytes]:
    return dict(HashFile(Memory(data, "db")).pairs())


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize("big_endian", [False, True])
def test_every_pair_is_found(tmp_path: Path, big_endian: bool, page_size: int) -> None:
    data = made(tmp_path / "db", big_endian=big_endian, page_size=page_size)
    order = "big" if big_endian else "little"
    assert HashFile(Memory(data)).byte_order == ("><"[not big_endian])
    assert HashFile(Memory(data)).elements == 120
    expected = {number.to_bytes(4, "big")[:: 1 if order == "big" else -1]: blob for number, blob in blobs(120)}
    found = pairs(data)
    assert found.pop(bytes(4)) == (119).to_bytes(4, "big")[:: 1 if order == "big" else -1]
    assert found == expected


def test_a_file_without_pairs(tmp_path: Path) -> None:
    assert pairs(made(tmp_path / "db", 1)) == {bytes(4): bytes(4)}


def test_pages_of_older_releases_are_not_sorted(tmp_path: Path) -> None:
    data = bytearray(made(tmp_path / "db"))
    expected = pairs(bytes(data))
    data[16] = 8
    for at in range(512, len(data), 512):
        data[at + 25] = 2 if data[at + 25] == 13 else data[at + 25]
    assert pairs(bytes(data)) == expected


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (12, b"\x62\x31\x05\x00", "the magic number of a hash file wanted, 62 31 05 00 found"),
        (16, b"\x04\0\0\0", "version 8 to 10 wanted, 4 found"),
        (20, b"\x01\x02\0\0", "a page size of 512 to 65536 bytes wanted, 513 found"),
        (24, b"\x01", "a file without encryption and checksums wanted"),
        (25, b"\x09", r"a metadata page of a hash file \(8\) wanted, type 9 found"),
        (26, b"\x01", "a file without encryption and checksums wanted"),
        (32, b"\xff\xff\xff\x7f", "2147483648 pages wanted, a file of"),
        (72, b"\xff\xff\xff\x7f", "buckets wanted, 2147483648 found"),
        (96, b"\xff\xff\0\0", "a page of 1 to .* wanted, 65535 found"),
    ],
)
def test_a_broken_head_is_named(tmp_path: Path, offset: int, value: bytes, message: str) -> None:
    data = bytearray(made(tmp_path / "db"))
    data[offset : offset + len(value)] = value
    with pytest.raises(ParseError, match=message):
        pairs(bytes(data))


def test_a_loop_of_pages_ends(tmp_path: Path) -> None:
    data = bytearray(made(tmp_path / "db"))
    overflow = next(
        at for at in range(512, len(data), 512) if data[at + 25] == 7 and struct.unpack_from("<I", data, at + 16)[0]
    )
    struct.pack_into("<I", data, overflow + 16, overflow // 512)
    with pytest.raises(ParseError, match="a page that is used once wanted, one that is used twice found"):
        pairs(bytes(data))


def test_damage_raises_nothing_but_parse_errors(tmp_path: Path) -> None:
    data = made(tmp_path / "db", 60)
    chance = random.Random(6)
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 1, 3])):
            at = chance.randrange(len(damaged))
            if chance.random() < 0.7:
                at = at // 512 * 512 + chance.randrange(48)
            damaged[at] = chance.randrange(256)
        size = chance.choice([len(data), len(data), chance.randrange(len(data))])
        with suppress(ParseError):
            assert len(pairs(bytes(damaged[:size]))) <= 60
