"""Damaged volumes: whatever is broken, only `ParseError` may come out, soon, and without much memory."""

from __future__ import annotations

import random
import struct
from contextlib import suppress
from itertools import chain

import pytest

from parsers.filesystem.xfs import XfsTree, open_xfs
from parsers.filesystem.xfs.mapping import Mapping, data_fork
from parsers.place import ParseError
from parsers.source import Source
from tests.parsers.filesystem.damage import allocating_at_most, damaged, glance, survive, touch, truncated
from tests.parsers.filesystem.ext4.files import FileSource, Patched, find, walk
from tests.parsers.filesystem.xfs.reference import needs_xfsprogs

pytestmark = needs_xfsprogs


def read(source: Source) -> None:
    survive(open_xfs, source)


def test_the_prototype_reads_as_it_was_written(volume: FileSource) -> None:
    tree = open_xfs(volume)
    found = dict(walk(tree))
    assert len(found) == 1 + 4 + 3 + 20 + 80 + 1500 + 5
    content = tree.open(found["/text"].inode)
    assert content.read_at(0, content.size) == bytes(range(256)) * 100
    assert tree.readlink(found["/long"].inode) == "x/" * 100 + "y"
    for path, stat in found.items():
        if path != "/":
            folder, _, name = path.rpartition("/")
            assert tree.lookup(found[folder or "/"].inode, name) == stat.inode
    assert tree.problems == ()


def test_truncated(volume: FileSource) -> None:
    for source in truncated(volume, 30):
        read(source)


def test_damaged_where_it_is_read(volume: FileSource) -> None:
    for source in damaged(volume, read, 2, 100):
        read(source)


def test_damaged_trees(filled: FileSource) -> None:
    for source in damaged(filled, read, 3, 150):
        read(source)


@pytest.mark.soak
def test_damaged_many_times(volume: FileSource, filled: FileSource) -> None:
    for source in chain(damaged(volume, read, 4, 1000), damaged(filled, read, 5, 1000)):
        read(source)


def test_inodes_whose_fields_are_extreme(filled: FileSource) -> None:
    """Every field of the inodes of a file, a directory and a link, at its limits."""
    tree = open_xfs(filled)
    for path in ("/fragmented", "/node", "/attributes-node", "/long-link-1023"):
        number = find(tree, path)
        at = tree._inodes.get(number).offset
        for field in range(2, 200):
            for value in (b"\0", b"\xff", b"\x7f", b"\1"):
                with suppress(ParseError):
                    touch(open_xfs(Patched(filled, {at + field: value})), number)


def test_every_byte_of_the_superblock(volume: FileSource) -> None:
    dice = random.Random(3)
    for at in range(272):
        glance(open_xfs, Patched(volume, {at: bytes([dice.choice((0, 1, 0x7F, 0x80, 0xFF))])}))


def fork_of(tree: XfsTree, number: int) -> int:
    inode = tree._inodes.get(number)
    return inode.offset + inode.fork_at


def as_list(volume: Source, tree: XfsTree, number: int, body: bytes) -> Patched:
    """Give an inode a list of extents."""
    at = tree._inodes.get(number).offset
    return Patched(volume, {fork_of(tree, number): body, at + 5: b"\2", at + 76: struct.pack(">I", len(body) // 16)})


def record(first: int, block: int, count: int, *, unwritten: bool = False) -> bytes:
    return struct.pack(">QQ", unwritten << 63 | first << 9 | block >> 43, (block << 21 | count) & (1 << 64) - 1)


@pytest.mark.parametrize(
    "extents",
    [
        [record(0, 100, 10), record(5, 200, 10)],
        [record(5, 100, 10), record(0, 200, 5)],
        [record(0, 100, 0)],
        [record(0, (1 << 52) - 1, 1)],
        [record(0, 100, 0x1FFFFF)],
        [record(0, 100, 1)] * 2,
    ],
)
def test_extents_that_cannot_be(volume: FileSource, extents: list[bytes]) -> None:
    tree = open_xfs(volume)
    number = find(tree, "/text")
    at = tree._inodes.get(number).offset
    body = b"".join(extents)
    source = Patched(volume, {fork_of(tree, number): body, at + 76: struct.pack(">I", len(extents))})
    with pytest.raises(ParseError):
        open_xfs(source).open(number)


@pytest.mark.parametrize("level", [0, 1, 2, 9, 10, 65535])
def test_a_tree_of_extents_that_points_at_itself(volume: FileSource, level: int) -> None:
    tree = open_xfs(volume)
    number = find(tree, "/text")
    inode = tree._inodes.get(number)
    fork = inode.fork
    room = (len(fork) - 4) // 16
    new = tree._volume.has_checksums
    block = 5000
    root = struct.pack(">HHQ", level, 1, 0) + bytes(8 * (room - 1)) + struct.pack(">Q", block)
    header = (b"BMA3" if new else b"BMAP").ljust(72 if new else 24, b"\0")
    most = (tree._volume.block_size - len(header)) // 16
    keys = struct.pack(">Q", 0) + bytes(8 * (most - 1)) + struct.pack(">Q", block)
    node = header[:4] + struct.pack(">HH", max(level - 1, 0), 1) + header[8:] + keys
    at = tree._volume.linear(block) * tree._volume.block_size
    source = Patched(volume, {inode.offset + 5: b"\3", fork_of(tree, number): root, at: node})
    with pytest.raises(ParseError):
        open_xfs(source).open(number).read_at(0, 25_600)


def test_a_directory_whose_blocks_are_one(volume: FileSource) -> None:
    tree = open_xfs(volume)
    number = find(tree, "/many")
    inode = tree._inodes.get(number)
    step = tree.superblock.directory_block_size // tree.superblock.block_size
    found = Mapping(tree._volume, data_fork(inode)).find(0)[0]
    assert found is not None
    group, block = divmod(found, tree.superblock.agblocks)
    stored = group << tree.superblock.agblock_log | block
    body = b"".join(record(step * at, stored, step) for at in range(6))
    source = as_list(volume, tree, number, body)
    with pytest.raises(ParseError, match="twice"):
        list(open_xfs(source).entries(number))


@pytest.mark.parametrize("unwritten", [True, False])
def test_a_directory_of_holes_ends(volume: FileSource, unwritten: bool) -> None:
    tree = open_xfs(volume)
    number = find(tree, "/many")
    body = record(0 if unwritten else 1 << 40, 100, 0x1FFF, unwritten=unwritten)
    source = as_list(volume, tree, number, body)
    tree = open_xfs(source)
    with pytest.raises(ParseError, match="at least one block"):
        list(tree.entries(number))
    with pytest.raises(ParseError):
        tree.lookup(number, "x")


def test_a_broken_index_is_no_answer(volume: FileSource) -> None:
    """Without its index a directory is read from end to end, and a name is still found."""
    tree = open_xfs(volume)
    number = find(tree, "/many")
    mapping = Mapping(tree._volume, data_fork(tree._inodes.get(number)))
    logical = (32 << 30) // tree._volume.block_size
    block = mapping.find(logical)[0]
    assert block is not None
    tree = open_xfs(Patched(volume, {block * tree._volume.block_size + 8: b"\0\0"}))
    name = "a-long-name-that-fills-its-block-0500"
    assert tree.lookup(number, name) == open_xfs(volume).lookup(number, name)
    assert tree.lookup(number, "absent") is None
    assert any("from end to end" in problem.message for problem in tree.problems)


def test_a_broken_entry_is_never_silence(volume: FileSource) -> None:
    tree = open_xfs(volume)
    number = find(tree, "/some")
    mapping = Mapping(tree._volume, data_fork(tree._inodes.get(number)))
    data, offset = mapping.read(0, tree.superblock.directory_block_size // tree._volume.block_size)
    at = data.index(b"a-long-name-that-fills-its-block-0005")
    for patch in ({at: b"/"}, {at - 1: b"\0"}, {at - 9: b"\x7f"}, {at - 9: b"\xff\xff\0\3"}):
        broken = open_xfs(Patched(volume, {offset + place: value for place, value in patch.items()}))
        with pytest.raises(ParseError):
            list(broken.entries(number))
        with pytest.raises(ParseError):
            broken.lookup(number, "gone")
        assert broken.problems


def test_what_claims_much_allocates_little(volume: FileSource) -> None:
    with allocating_at_most(24 << 20):
        tree = open_xfs(volume)
        number = find(tree, "/text")
        at = tree._inodes.get(number).offset
        tree = open_xfs(Patched(volume, {at + 56: b"\x7f" + b"\xff" * 7}))
        content = tree.open(number)
        assert content.size == (1 << 63) - 1
        with suppress(ParseError):
            content.read_at(content.size - 4096, 4096)
