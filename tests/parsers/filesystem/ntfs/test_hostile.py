"""Damaged volumes: whatever is broken, only `ParseError` may come out, soon, and without much memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest

from parsers.filesystem.ntfs import NtfsTree, open_ntfs
from parsers.filesystem.ntfs.attribute import Type
from parsers.filesystem.tree import DirEntry
from parsers.place import ParseError
from parsers.source import Source
from tests.parsers.filesystem.damage import Recorded, allocating_at_most, damaged, glance, survive, truncated
from tests.parsers.filesystem.ext4.files import FileSource, Patched, sha256
from tests.parsers.filesystem.ntfs.reference import find, touch


def read(source: Source) -> None:
    survive(open_ntfs, source)


def test_truncated(filled: FileSource) -> None:
    for source in truncated(filled, 20):
        read(source)


@pytest.mark.slow
def test_damaged_where_it_is_read(filled: FileSource) -> None:
    for source in damaged(filled, read, 2, 100, near=1024):
        read(source)


@pytest.mark.soak
def test_damaged_many_times(filled: FileSource) -> None:
    for source in damaged(filled, read, 4, 700, near=1024):
        read(source)


@pytest.mark.parametrize(
    "path", ["/fragmented", "/many", "/f4096", "/small", "/relative", "/sparse", "/packed/mixed", "/f100"]
)
def test_records_whose_fields_are_extreme(filled: FileSource, path: str) -> None:
    """Every tenth byte of the records of a file, at its limits."""
    tree = open_ntfs(filled)
    number = find(tree, path)
    at = tree._records.get(number).record.offset
    size = tree.boot.record_size
    for field in range(number % 10, min(size, 1024), 10):
        if (field + 2) % 512 > 1:  # the ends of sectors are fixed up
            value = (b"\0", b"\xff", b"\x7f", b"\1")[field // 10 % 4]
            with suppress(ParseError):
                touch(open_ntfs(Patched(filled, {at + field: value})), number)


def test_every_byte_of_the_boot_sector(empty: FileSource) -> None:
    for at in range(84):
        for value in (0, 1, 0x7F, 0x80, 0xF4, 0xFF):
            glance(open_ntfs, Patched(empty, {at: bytes([value])}))


def data_at(tree: NtfsTree, path: str, kind: int = Type.DATA, name: str = "") -> int:
    """Return where the attribute of a file begins on the volume."""
    attribute = tree._records.get(find(tree, path)).find(kind, name)
    assert attribute
    return attribute.place


@pytest.mark.parametrize(
    "runs",
    [
        b"\x11\x00\x10\x00",  # no clusters
        b"\x11\xff\x10\x00",  # fewer than none
        b"\x11\x01\xff\x00",  # before the volume
        b"\x41\x01\xff\xff\xff\x7f\x00",  # behind it
        b"\x88" + b"\x7f" * 16,
        b"\x81" + b"\x01" + b"\x80" * 8,
        b"\xff" * 8,
        b"\x11\x01\x10\x11\x01\x10\x11\x01\x10\x00",  # more or fewer than the attribute says
        b"\x00",
    ],
)
def test_runs_that_cannot_be(filled: FileSource, runs: bytes) -> None:
    tree = open_ntfs(filled)
    place = data_at(tree, "/f65536")
    at = int.from_bytes(filled.read_at(place + 32, 2), "little")
    broken = open_ntfs(Patched(filled, {place + at: runs}))
    with pytest.raises(ParseError):
        sha256(broken.open(find(broken, "/f65536")))


def test_an_index_that_leads_to_itself(filled: FileSource) -> None:
    tree = open_ntfs(filled)
    number = find(tree, "/many")
    attribute = tree._records.get(number).find(Type.INDEX_ROOT, "$I30")
    assert attribute
    data = attribute.data
    value = int.from_bytes(data[20:22], "little")
    entry = value + 16 + int.from_bytes(data[value + 16 : value + 20], "little")
    patches = {}
    while entry < len(data):  # every child of the root is the first one
        length, _, flags = struct.unpack_from("<HHH", data, entry + 8)
        if flags & 1:
            patches[attribute.place + entry + length - 8] = bytes(8)
        if flags & 2:
            break
        entry += length
    if len(patches) < 2:
        return
    broken = open_ntfs(Patched(filled, patches))
    with pytest.raises(ParseError, match="met twice"):
        list(broken.entries(number))


def next_or_none(entries: Iterator[DirEntry]) -> DirEntry | None:
    with suppress(ParseError):
        return next(entries, None)
    return None


def test_a_broken_block_of_names_is_never_silence(filled: FileSource) -> None:
    tree = open_ntfs(filled)
    number = find(tree, "/many")
    names = [entry.name for entry in tree.entries(number)]
    at = Recorded(filled)
    fresh = open_ntfs(at)
    list(fresh.entries(number))
    block = next(offset for offset, size in at.ranges if filled.read_at(offset, 4) == b"INDX")
    broken = open_ntfs(Patched(filled, {block: b"BAAD"}))
    given = broken.entries(number)
    found = [entry.name for entry in iter(lambda: next_or_none(given), None)]
    with pytest.raises(ParseError):
        list(broken.entries(number))
    assert 0 < len(found) < len(names)
    lost = next(name for name in names if name not in found)
    with pytest.raises(ParseError):
        broken.lookup(number, lost)
    assert broken.lookup(number, found[0])
    assert broken.problems


def test_a_stale_entry_is_no_file(filled: FileSource) -> None:
    """Its record was used again: the sequence number tells."""
    tree = open_ntfs(filled)
    at = tree._records.get(find(tree, "/f700")).record.offset
    broken = open_ntfs(Patched(filled, {at + 16: b"\x77\x77"}))
    with pytest.raises(ParseError, match="stale"):
        broken.lookup(broken.root, "f700")
    with pytest.raises(ParseError, match="stale"):
        list(broken.entries(broken.root))
    assert any("'f700'" in problem.message for problem in broken.problems)


def test_what_claims_much_allocates_little(filled: FileSource) -> None:
    with allocating_at_most(24 << 20):
        tree = open_ntfs(filled)
        place = data_at(tree, "/sparse")
        tree = open_ntfs(Patched(filled, {place + 48: b"\xff" * 7 + b"\x7f"}))
        content = tree.open(find(tree, "/sparse"))
        assert content.size == (1 << 63) - 1
        with suppress(ParseError):
            content.read_at(content.size - 4096, 4096)


def test_lists_of_attributes_that_cannot_be(filled: FileSource) -> None:
    tree = open_ntfs(filled)
    number = find(tree, "/f4096")
    record = tree._records.get(number).record
    for item in record.attributes:
        if item.type == Type.ATTRIBUTE_LIST:
            for field in range(16, len(item.data), 3):
                for value in (b"\0", b"\xff", b"\x05"):
                    touch(open_ntfs(Patched(filled, {item.place + field: value})), number)
