"""Sparse extents: header, footer, directory, tables, grains."""

from __future__ import annotations

import struct
import zlib

import pytest

from parsers.container.vmdk_sparse import SparseExtent, parse_sparse_header
from parsers.place import ParseError
from parsers.source import Memory, Source
from tests.disk_images import assert_survives
from tests.vmdk_builder import AT_END, sparse, sparse_header, with_footer

GRAIN = 65536


def opened(source: Source) -> SparseExtent:
    return SparseExtent(source, parse_sparse_header(source))


def refused(data: bytes) -> str:
    with pytest.raises(ParseError) as caught:
        opened(Memory(data))
    return caught.value.message


def packed(number: int, content: bytes) -> bytes:
    data = zlib.compress(content)
    return (struct.pack("<QI", number, len(data)) + data).ljust(-(-(len(data) + 12) // 512) * 512, b"\0")


def stream(*grains: bytes, capacity: int = 2048, table: tuple[int, ...] = (31,)) -> bytes:
    header = sparse_header(flags=0x30001, compression=1, capacity=capacity)
    return sparse(header, table=table, tail=b"".join(grains))


def test_grains_absent_zero_and_there() -> None:
    disk = opened(Memory(sparse(sparse_header(flags=7))))
    assert disk.read_at(0, 4 * GRAIN) == bytes(GRAIN) + b"\5" * GRAIN + bytes(2 * GRAIN)
    assert disk.read_at(GRAIN - 1, 2) == b"\0\5"
    assert (disk.header.dirty, disk.header.truncated, disk.size) == (False, False, 1 << 20)


def test_a_grain_in_sector_one_is_no_zero_grain_unless_flagged() -> None:
    assert opened(Memory(sparse())).read_at(3 * GRAIN, 4) == b"# Di"


def test_a_disk_that_was_not_closed() -> None:
    header = parse_sparse_header(Memory(sparse(sparse_header(unclean=1))))
    assert header.dirty
    assert "not closed cleanly" in header.problems[0].message


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (sparse_header(version=4), "version 1, 2 or 3"),
        (sparse_header(capacity=0), "capacity"),
        (sparse_header(capacity=1 << 60), "capacity"),
        (sparse_header(grain=0), "power of two"),
        (sparse_header(grain=100), "power of two"),
        (sparse_header(grain=1 << 40), "power of two"),
        (sparse_header(entries=0), "at most 512"),
        (sparse_header(entries=1 << 31), "at most 512"),
        (sparse_header(compression=2, flags=0x30001), "compression algorithm 2"),
        (sparse_header(compression=1), "compression algorithm 1"),
        (sparse_header(flags=0x30001), "compression algorithm 0"),
        (sparse_header(flags=0x10001, compression=1), "markers wanted"),
        (sparse_header(line_ends=b"\n \n\n"), "damaged in a transfer as text"),
        (sparse_header(described=(1, 1 << 50)), "descriptor of at most"),
        (sparse_header(described=(1 << 50, 1)), "descriptor inside the file"),
        (sparse_header(directory=1 << 40, redundant=1 << 40), "truncated"),
        (sparse_header(directory=0, flags=1), "truncated"),
        (sparse_header(directory=AT_END), "truncated"),
        (sparse_header(capacity=1 << 36, grain=2, entries=1), "directory of at most"),
        (sparse_header(capacity=1 << 36), "truncated"),
        (b"KDMX".ljust(512), "'KDMV' wanted"),
    ],
)
def test_headers_that_are_refused(header: bytes, message: str) -> None:
    assert message in refused(sparse(header))


def test_a_file_that_was_cut() -> None:
    data = sparse()
    assert "truncated" in refused(data[:100])
    assert "truncated" in refused(data[: 21 * 512])
    cut = opened(Memory(data[: 29 * 512]))
    assert cut.header.truncated
    assert "grain tables lie behind" in cut.header.problems[0].message
    cut = opened(Memory(data[: 31 * 512]))
    assert "grains lie behind" in cut.header.problems[0].message
    half = opened(Memory(data[:-1]))
    with pytest.raises(ParseError, match="truncated"):
        half.read_at(GRAIN, 1)


def test_the_redundant_directory_serves_where_the_first_is_not_there() -> None:
    disk = opened(Memory(sparse(sparse_header(directory=1 << 40))))
    assert "grain directory inside the file wanted" in disk.header.problems[0].message
    assert disk.read_at(GRAIN, 4) == b"\5" * 4


def test_compressed_grains() -> None:
    data = stream(packed(0, b"\7" * GRAIN))
    for disk in (opened(Memory(data)), opened(Memory(with_footer(data)))):
        assert disk.read_at(10, 2 * GRAIN - 10) == b"\7" * (GRAIN - 10) + bytes(GRAIN)
        assert disk.read_at(GRAIN - 1, 1) == b"\7"


def test_a_last_grain_may_be_as_short_as_the_disk() -> None:
    disk = opened(Memory(stream(packed(0, b"\7" * 1024), capacity=2)))
    assert disk.read_at(0, 1024) == b"\7" * 1024


@pytest.mark.parametrize(
    ("grain", "message"),
    [
        (packed(128, bytes(GRAIN)), "the grain of sector 0 wanted"),
        (packed(0, bytes(GRAIN - 1)), "65536 bytes of a grain wanted"),
        (struct.pack("<QI", 0, 0) + bytes(500), "1 byte to two grains"),
        (struct.pack("<QI", 0, 0xFFFFFFFF) + bytes(500), "1 byte to two grains"),
        (struct.pack("<QI", 0, 100_000) + bytes(500), "bytes wanted, the source ends"),
        (struct.pack("<QI", 0, 100) + b"\xff" * 500, "deflate"),
    ],
)
def test_broken_grains(grain: bytes, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        opened(Memory(stream(grain))).read_at(0, 1)
    assert message in caught.value.message


def test_a_bomb_gives_one_grain() -> None:
    disk = opened(Memory(stream(packed(0, bytes(100 << 20)))))
    assert disk.read_at(0, GRAIN) == bytes(GRAIN)


def test_footers_that_are_refused() -> None:
    data = with_footer(stream(packed(0, bytes(GRAIN))))
    assert "end-of-stream" in refused(data[:-512])
    assert "end-of-stream" in refused(data[:-1536] + bytes(1536))
    assert "truncated" in refused(data[:-100])
    other = bytearray(data)
    other[-1024 + 12] ^= 1
    assert "as in the header" in refused(bytes(other))
    again = bytearray(data)
    again[-1024 + 56 : -1024 + 64] = b"\xff" * 8
    assert "none found" in refused(bytes(again))


def test_damaged_extents_are_errors() -> None:
    assert assert_survives(sparse(), [(4, 75), (21 * 512, 4), (26 * 512, 4), (27 * 512, 16)], opened, 500) > 20
    data = with_footer(stream(packed(0, bytes(range(256)) * 256)))
    areas = [(4, 75), (26 * 512, 4), (27 * 512, 4), (31 * 512, 300), (len(data) - 1536, 1536)]
    assert assert_survives(data, areas, opened, 500) > 20
