"""Damaged hives and logs: what can be read is read, with problems, in bounded time and memory."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest

from fixtures.windows.hive_log import changed_pages, dirty, new_log, old_log, sealed
from parsers.place import ParseError, Place
from parsers.source import Memory
from parsers.windows.registry import Hive, open_hive
from parsers.windows.registry.hive import MAX_PROBLEMS
from tests.parsers.windows.registry.building import Builder, Node, text

SIGNATURES = (b"nk", b"vk", b"sk", b"lh", b"lf", b"li", b"ri", b"db", b"hbin", b"regf")


def sample(number: int = 1, leaf: str = "lh") -> bytes:
    values = [("a", 4, bytes(4)), ("b", 1, text("x" * 50)), ("c", 7, text("y") + b"\0\0")]
    inner = {f"Key{key}": Node(values=values) for key in range(20)}
    one = Node(inner, [*values, ("", 3, bytes([number]) * 20000)], "class")
    return Builder(leaf=leaf, per_leaf=8).build(Node({"One": one, "Two": Node({"Zwö™": Node()})}))


def read(hive: Hive) -> None:
    """Read all there is: nothing but ParseError escapes, and it ends."""
    with suppress(ParseError):
        for key in hive.walk():
            for thing in ("class_name", "security", "time"):
                with suppress(ParseError):
                    getattr(key, thing)
            with suppress(ParseError):
                key.subkey("key3")
            with suppress(ParseError):
                key.value("b")
            for value in key.values():
                with suppress(ParseError):
                    assert len(value.data) == value.size
                    assert [value.number, value.text, value.texts].count(None) >= 2
        hive.check_bins()
        hive.check_names()
    assert len(hive.problems) <= MAX_PROBLEMS


def survive(hive: bytes, *logs: bytes) -> None:
    with suppress(ParseError):
        read(open_hive(Memory(hive), [Memory(log) for log in logs]))


def damaged(data: bytes, seeds: range) -> Iterator[bytes]:
    """Give `data` with one to three fields changed, half of them near a signature; some are cut short."""
    for seed in seeds:
        dice = random.Random(seed)
        new = bytearray(data)
        marks = [at for mark in SIGNATURES for at in places(data, mark)]
        for _ in range(dice.randrange(1, 4)):
            near = dice.choice(marks) + dice.randrange(-4, 80) if dice.random() < 0.7 else dice.randrange(len(new))
            at = max(0, min(near, len(new) - 4))
            at = at & ~3 if dice.random() < 0.5 else at
            other = struct.pack("<I", max(0, dice.choice(marks) - 4096 - 4))
            extremes = (b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f", b"\0\0\0\x80")
            new[at : at + 4] = dice.choice((*extremes, dice.randbytes(4), other))
        if dice.random() < 0.1:
            del new[dice.randrange(len(new)) :]
        yield sealed(bytes(new)) if len(new) >= 512 and dice.random() < 0.7 else bytes(new)


def places(data: bytes, mark: bytes) -> list[int]:
    found: list[int] = []
    at = data.find(mark)
    while at >= 0 and len(found) < 50:
        found.append(at)
        at = data.find(mark, at + 1)
    return found


def each_damage(seeds: range) -> None:
    old, new = sample(1), sample(2)
    logs = (old_log(old, new), new_log([(8, len(new) - 4096, changed_pages(old, new, 4096))]))
    for leaf in ("lh", "lf", "li"):
        for hive in damaged(sample(leaf=leaf), seeds):
            survive(hive)
    for log in logs:
        for bad in damaged(log, seeds):
            survive(dirty(old, 8, 7), bad)
    for hive in damaged(dirty(old, 8, 7), seeds):
        survive(hive, *logs)


def test_damage_ends_in_problems() -> None:
    each_damage(range(100))


@pytest.mark.soak
def test_much_damage_ends_in_problems() -> None:
    each_damage(range(100, 2100))


@pytest.mark.parametrize("size", [0, 1, 4, 511, 512, 4095, 4096, 4097, 4128, 4132, 5000, 8191])
def test_a_hive_that_ends_early(size: int) -> None:
    survive(sample()[:size])


def test_a_key_that_is_its_own_subkey_is_walked_once() -> None:
    raw = bytearray(sample())
    one = raw.index(b"One") - 76 - 4 - 4096
    for at in places(bytes(raw), b"lh"):
        raw[at + 4 : at + 8] = struct.pack("<I", one)
    hive = open_hive(Memory(bytes(raw)))
    read(hive)
    assert any("one that returns found" in problem.message for problem in hive.problems)


def test_a_tree_that_meets_itself_again_and_again_is_bounded() -> None:
    """Each level lists the one below many times under different cells: without a bound, 40 to the power of 12 keys."""
    builder = Builder()
    below = builder.key("leaf", Node(), 0)
    for _ in range(12):
        keys = []
        for _ in range(40):
            at = builder.key("key", Node(), 0)
            builder.bins[at + 4 + 20 : at + 4 + 24] = struct.pack("<I", 1)
            builder.bins[at + 4 + 28 : at + 4 + 32] = struct.pack("<I", below)
            keys.append(at)
        below = builder.leaf_cell([("key", at) for at in keys])
        for at in keys:
            builder.bins[at + 4 + 20 : at + 4 + 24] = struct.pack("<I", 40)
    root = Node()
    raw = bytearray(builder.build(root))
    at = 4096 + struct.unpack_from("<I", raw, 36)[0] + 4
    raw[at + 20 : at + 24], raw[at + 28 : at + 32] = struct.pack("<I", 40), struct.pack("<I", below)
    hive = open_hive(Memory(bytes(raw)))
    read(hive)
    assert sum(1 for _ in hive.walk()) <= len(raw) // 80 + 1


def test_a_list_of_lists_that_are_one_is_read_once() -> None:
    builder = Builder()
    leaf = builder.leaf_cell([("key", builder.key("key", Node(), 0))] * 20000)
    listing = builder.cell(struct.pack("<2sH", b"ri", 20000) + struct.pack("<I", leaf) * 20000)
    raw = bytearray(builder.build(Node()))
    at = 4096 + struct.unpack_from("<I", raw, 36)[0] + 4
    raw[at + 20 : at + 24], raw[at + 28 : at + 32] = struct.pack("<I", 20000), struct.pack("<I", listing)
    hive = open_hive(Memory(bytes(raw)))
    read(hive)
    assert [key.name for key in hive.root.subkeys()] == ["key"]


def test_data_of_one_segment_many_times_is_no_larger_than_the_hive() -> None:
    builder = Builder()
    segment = builder.cell(bytes(16344))
    listing = builder.cell(struct.pack("<I", segment) * 65535)
    data = builder.cell(struct.pack("<2sHI", b"db", 65535, listing))
    raw = bytearray(builder.build(Node(values=[("v", 3, bytes(20000))])))
    at = raw.rindex(b"vk")
    raw[at + 4 : at + 12] = struct.pack("<II", 16344 * 65535, data)
    hive = open_hive(Memory(bytes(raw)))
    value = hive.root.value("v")
    assert value is not None
    with pytest.raises(ParseError, match="bytes of data wanted"):
        _ = value.data


@pytest.mark.parametrize("damage", [b"xx", b"\xff\xff"])
def test_a_damaged_key_does_not_hide_the_others(damage: bytes) -> None:
    raw = bytearray(sample())
    at = raw.index(b"Key7") - 76
    raw[at : at + 2] = damage
    hive = open_hive(Memory(bytes(raw), "SYSTEM"))
    one = hive.key("One")
    assert one is not None
    assert sum(1 for _ in one.subkeys()) == 19
    assert "a key (nk) wanted" in hive.problems[0].message
    with pytest.raises(ParseError):
        one.subkey("Key7")
    assert one.subkey("Key8") is not None


def test_a_damaged_value_is_not_taken_for_an_absent_one() -> None:
    raw = bytearray(sample())
    at = raw.index(b"vk", raw.index(b"One"))
    raw[at : at + 2] = b"xx"
    one = open_hive(Memory(bytes(raw))).key("One")
    assert one is not None
    with pytest.raises(ParseError, match="a value"):
        one.value("a")
    assert one.value("c") is not None
    assert sum(1 for _ in one.values()) == 3


def test_a_list_that_is_not_there_is_not_an_empty_one() -> None:
    raw = bytearray(sample())
    at = raw.index(b"ROOT") - 76
    raw[at + 28 : at + 32] = b"\xff\xff\xff\xff"
    hive = open_hive(Memory(bytes(raw)))
    assert list(hive.root.subkeys()) == []
    assert "2 subkeys wanted, 0 listed" in hive.problems[1].message
    with pytest.raises(ParseError, match="a cell within"):
        hive.key("One")


def test_a_predefined_handle_is_no_number_of_values() -> None:
    raw = bytearray(Builder().build(Node({"Handle": Node(flags=0x40)})))
    at = raw.index(b"Handle") - 76
    raw[at + 36 : at + 40] = b"\2\0\0\x80"
    key = open_hive(Memory(bytes(raw))).key("handle")
    assert key is not None
    assert (key.value_count, list(key.values()), key.value("x")) == (0, [], None)


def test_a_wrong_hash_is_found_by_the_check_alone() -> None:
    raw = bytearray(sample())
    at = raw.index(b"lh", raw.index(b"Key19"))
    raw[at + 8] ^= 1
    hive = open_hive(Memory(bytes(raw)))
    assert len(hive.check_names()) == 1
    assert "not found by name" in hive.check_names()[0].message


def test_flaws_of_the_bins_are_told() -> None:
    raw = sample()
    for at, new, message in (
        (4096, b"HBIN", "a bin at offset 0x0 wanted"),
        (4100, b"\1", "a bin at offset 0x0 wanted"),
        (4104, b"\0\0\0\0", "a bin of whole pages"),
        (4104, b"\1", "a bin of whole pages"),
        (4128, b"\4\0\0\0", "a cell of 8 to"),
        (4128, b"\xff\xff\xff\xff", "a cell of 8 to"),
        (4128, b"\0\0\0\x80", "a cell of 8 to"),
    ):
        hive = bytearray(raw)
        hive[at : at + len(new)] = new
        (flaw,) = open_hive(Memory(bytes(hive))).check_bins()
        assert flaw.message.startswith(message)
    assert "the file ends" in open_hive(Memory(raw[:-100])).check_bins()[0].message
    assert "the file ends" in open_hive(Memory(raw[:4100])).check_bins()[0].message


class Unreadable(Memory):
    """A source with a hole that cannot be read, as where a cluster is broken."""

    def __init__(self, data: bytes, start: int, end: int, name: str = "SYSTEM") -> None:
        super().__init__(data, name)
        self._hole = (start, end)

    def read_at(self, offset: int, size: int) -> bytes:
        if offset < self._hole[1] and self._hole[0] < offset + size:
            raise ParseError(Place(self.name, offset=offset), "a readable cluster wanted")
        return super().read_at(offset, size)


def test_what_lies_around_a_broken_cluster_is_read() -> None:
    raw = sample()
    at = raw.index(b"Key7") - 80
    hive = open_hive(Unreadable(raw, at, at + 80))
    one = hive.key("One")
    assert one is not None
    assert [key.name for key in one.subkeys()] == [
        f"Key{number}" for number in sorted(map(str, range(20))) if number != "7"
    ]
    with pytest.raises(ParseError, match="a readable cluster wanted"):
        one.subkey("Key7")
    assert [problem.message for problem in hive.problems] == ["a readable cluster wanted"]


def test_a_log_with_a_broken_cluster_is_replayed_as_far_as_it_goes() -> None:
    old, new = sample(1), sample(2)
    entry = (8, len(new) - 4096, changed_pages(old, new, 4096))
    log = new_log([entry, (9, *entry[1:])])
    end = 512 + (len(log) - 512) // 2
    for hole, entries in ((end + 60, 1), (600, 0), (520, 0)):
        hive = open_hive(Memory(dirty(old, 9, 8), "SYSTEM"), [Unreadable(log, hole, hole + 8, "SYSTEM.LOG1")])
        assert hive.entries == entries
        assert "a readable cluster wanted" in [problem.message for problem in hive.problems]
        assert hive.key("One") is not None


class Sparse(Memory):
    """A hive with zeros behind it, for as long as it says; the largest read is kept."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data, "SYSTEM")
        self.size, self.largest, self._head = size, 0, data

    def read_at(self, offset: int, size: int) -> bytes:
        self.largest = max(self.largest, size)
        return self._head[offset : offset + size].ljust(size, b"\0")


@pytest.mark.parametrize("mark", [b"nk", b"vk", b"lh", b"sk", b"db"])
def test_a_cell_of_gigabytes_is_not_read(mark: bytes) -> None:
    raw = bytearray(sample())
    raw[40:44] = struct.pack("<I", 0xFFFFF000 - 4096)
    for at in places(bytes(raw), mark):
        raw[at - 4 : at] = struct.pack("<i", -0x7FFFF000)
    source = Sparse(sealed(bytes(raw)), 0xFFFFF000)
    with suppress(ParseError):
        read(open_hive(source))
    assert source.largest <= 16 << 20


def root_with_list(builder: Builder, count: int, listing: int) -> bytes:
    """Return a hive whose root has a list that was built before."""
    raw = bytearray(builder.build(Node()))
    at = 4096 + struct.unpack_from("<I", raw, 36)[0] + 4
    raw[at + 20 : at + 24], raw[at + 28 : at + 32] = struct.pack("<I", count), struct.pack("<I", listing)
    return bytes(raw)


def test_leaves_that_overlap_are_bounded() -> None:
    """Each word of a cell begins another leaf of thousands: a billion keys in a megabyte."""
    builder = Builder()
    pair = struct.pack("<i2sH", -240000, b"lh", 29000)
    start = builder.cell(bytes(4) + pair * 60000)
    leaves = [start + 8 + 8 * number for number in range(30000)]
    listing = builder.cell(struct.pack(f"<2sH{len(leaves)}I", b"ri", len(leaves), *leaves))
    hive = open_hive(Memory(root_with_list(builder, 30000, listing)))
    read(hive)
    with pytest.raises(ParseError):
        hive.root.subkey("anything")


def test_the_names_of_many_subkeys_are_checked_in_one_go() -> None:
    hive = open_hive(Memory(Builder(per_leaf=20000).build(Node({f"{number}": Node() for number in range(20000)}))))
    assert hive.check_names() == ()


def test_bins_of_too_many_cells_are_not_checked_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parsers.windows.registry.cells.MAX_CELLS", 10)
    (flaw,) = open_hive(Memory(sample())).check_bins()
    assert flaw.message.endswith("the rest was not checked")
