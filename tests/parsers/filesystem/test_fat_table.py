"""The allocation table and the chains in it, on tables packed here by another road: as one long number."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from parsers.filesystem.fat_table import Content, Geometry, Table
from parsers.place import ParseError
from parsers.source import Memory

CLUSTER = 512


def packed(values: list[int], bits: int) -> bytes:
    number = sum(value << (bits * index) for index, value in enumerate(values))
    return number.to_bytes((len(values) * bits + 7) // 8 + 4, "little")


def volume(values: list[int], bits: int) -> tuple[Memory, Geometry, Table]:
    """A volume that is nothing but a table at byte 0 and clusters behind it; cluster n holds n in each 4 bytes."""
    table = packed(values, bits)
    table += bytes(-len(table) % CLUSTER)
    clusters = len(values) - 2
    data = b"".join(number.to_bytes(4, "little") * (CLUSTER // 4) for number in range(2, clusters + 2))
    geometry = Geometry(
        bits=bits, table=0, table_bytes=len(table), root=len(table), root_bytes=0, root_cluster=0, data=len(table),
        cluster_bytes=CLUSTER, clusters=clusters, information=0, state=0,
    )  # fmt: skip
    source = Memory(table + data, "sda1")
    return source, geometry, Table(source, geometry)


@pytest.mark.parametrize("bits", [12, 16, 32])
def test_every_entry_reads_as_it_was_packed(bits: int) -> None:
    chance = random.Random(bits)
    values = [chance.randrange(1 << min(bits, 28)) for _ in range(4000)]  # beyond one page of 4 KiB
    _, _, table = volume(values, bits)
    assert [table[number] for number in range(len(values))] == values


def test_the_top_four_bits_of_fat32_are_not_part_of_a_number() -> None:
    _, _, table = volume([0, 0, 0xF000_0003, 0xFFFF_FFFF], 32)
    assert table[2] == 3
    assert list(table.chain(2)) == [2, 3]


@pytest.mark.parametrize("bits", [12, 16, 32])
def test_a_chain_ends_at_any_mark_of_its_end(bits: int) -> None:
    top = 1 << min(bits, 28)
    for mark in (top - 8, top - 1):
        _, _, table = volume([0, 0, 4, 0, 5, mark], bits)
        assert list(table.chain(2)) == [2, 4, 5]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 0, 3, 2], "loops"),
        ([0, 0, 2, 0], "loops"),
        ([0, 0, 0, 0], "a cluster from 2 to 3 wanted, 0 found"),
        ([0, 0, 1, 0], "1 found"),
        ([0, 0, 4, 0], "4 found"),
        ([0, 0, 0xFFF7, 0], "65527 found"),  # a bad cluster
    ],
)
def test_a_chain_that_leads_nowhere_is_an_error(values: list[int], message: str) -> None:
    _, _, table = volume(values, 16)
    with pytest.raises(ParseError, match=message):
        list(table.chain(2))
    with pytest.raises(ParseError, match="wanted, 9 found"):
        next(table.chain(9))


@pytest.mark.parametrize("bits", [12, 16, 32])
def test_free_clusters_are_counted(bits: int) -> None:
    chance = random.Random(bits)
    values = [0, 0, *(chance.choice((0, 0, 3, 7)) for _ in range(3000))]
    _, _, table = volume(values, bits)
    assert table.count_free() == values[2:].count(0)


def test_a_table_that_is_too_large_is_not_counted() -> None:
    source, geometry, _ = volume([0, 0, 0, 0], 32)
    huge = replace(geometry, clusters=1 << 28)
    assert Table(source, huge).count_free() is None


def test_content_is_put_together_from_its_pieces_in_any_order() -> None:
    chance = random.Random(3)
    order = [2, 3, 4, 9, 8, 20, 21, 5]
    values = [0] * 24
    for number, following in zip(order, [*order[1:], 0xFFFF], strict=True):
        values[number] = following
    source, geometry, table = volume(values, 16)
    size = len(order) * CLUSTER - 100
    whole = b"".join(number.to_bytes(4, "little") * (CLUSTER // 4) for number in order)[:size]
    for _ in range(200):
        content = Content(source, geometry, table, 2, size)
        for _ in range(4):
            start = chance.randrange(size)
            length = chance.randrange(size - start + 1)
            assert content.read_at(start, length) == whole[start : start + length]
    with pytest.raises(ParseError):
        Content(source, geometry, table, 2, size).read_at(size - 1, 2)


def test_a_chain_shorter_than_its_file_is_an_error_where_it_ends() -> None:
    source, geometry, table = volume([0, 0, 3, 0xFFFF], 16)
    content = Content(source, geometry, table, 2, 3 * CLUSTER)
    assert content.read_at(0, 2 * CLUSTER)
    with pytest.raises(ParseError, match="its chain ends after 1024"):
        content.read_at(2 * CLUSTER, 1)


def test_an_empty_file_needs_no_chain() -> None:
    source, geometry, table = volume([0, 0, 0, 0], 16)
    assert Content(source, geometry, table, 0, 0).read_at(0, 0) == b""
    with pytest.raises(ParseError, match="0 found"):
        Content(source, geometry, table, 0, 10).read_at(0, 1)
