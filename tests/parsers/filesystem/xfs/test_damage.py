"""Blocks that go round or are not what they say, in the indexes, attributes and links of XFS."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from parsers.filesystem.xfs import XfsTree, open_xfs
from parsers.filesystem.xfs.directory import Directory
from parsers.filesystem.xfs.mapping import Mapping, attribute_fork, data_fork
from parsers.place import ParseError
from parsers.source import Source
from tests.parsers.filesystem.damage import touch
from tests.parsers.filesystem.ext4.files import FileSource, Patched, find, walk
from tests.parsers.filesystem.xfs.reference import make, needs_xfsprogs, prototype

pytestmark = needs_xfsprogs


def attributes_at(source: Source, path: str, logical: int) -> tuple[int, int]:
    """Return an inode, and the byte of a block of its attributes."""
    tree = open_xfs(source)
    number = find(tree, path)
    mapping = Mapping(tree._volume, attribute_fork(tree._inodes.get(number)))
    return number, mapping.read(logical, 1)[1]


def test_leaves_of_attributes_that_go_round(filled: FileSource) -> None:
    number, root = attributes_at(filled, "/attributes-node", 0)
    child = struct.unpack(">I", filled.read_at(root + 64 + 4, 4))[0]
    _, leaf = attributes_at(filled, "/attributes-node", child)
    with pytest.raises(ParseError, match="or one again"):
        open_xfs(Patched(filled, {leaf: struct.pack(">I", child)})).xattrs(number)
    with pytest.raises(ParseError, match="a level below"):
        open_xfs(Patched(filled, {root + 68: bytes(4)})).xattrs(number)


def test_an_index_that_points_at_itself(filled: FileSource) -> None:
    tree = open_xfs(filled)
    number = find(tree, "/node")
    mapping = Mapping(tree._volume, data_fork(tree._inodes.get(number)))
    first = (32 << 30) // tree._volume.block_size
    data, root = mapping.read(first, 1)
    patches = {root + 64 + 8 * at + 4: struct.pack(">I", first) for at in range(int.from_bytes(data[56:58], "big"))}
    broken = open_xfs(Patched(filled, patches))
    name = "a file with a long name, number 000010"
    assert broken.lookup(number, name) == tree.lookup(number, name)
    assert any("of the index wanted" in problem.message for problem in broken.problems)


def test_names_of_one_hash_that_go_round(filled: FileSource) -> None:
    tree = open_xfs(filled)
    number = find(tree, "/node")
    name = "a file with a long name, number 000010"
    mapping = Mapping(tree._volume, data_fork(tree._inodes.get(number)))
    logical = (32 << 30) // tree._volume.block_size
    data, offset = mapping.read(logical, 1)
    child = int.from_bytes(data[68:72], "big")
    _, offset = mapping.read(child, 1)
    count = int.from_bytes(filled.read_at(offset + 56, 2), "big")
    patches = {offset + 64 + 8 * at: struct.pack(">II", 7, 0) for at in range(count)}
    broken = open_xfs(Patched(filled, {**patches, offset: struct.pack(">I", child)}))
    mapped = Directory(broken._volume, broken._inodes.get(number))
    with pytest.raises(ParseError, match="names of one hash"):
        mapped._find_in_leaves(b"x", 7, child)
    assert broken.lookup(number, name) in (None, tree.lookup(number, name))


@pytest.mark.parametrize(("at", "patch"), [(2, b"\xff"), (4, b"\xff"), (0, b"\0\2"), (0, b"\xff\xff"), (4, b"\0")])
def test_short_attributes_that_do_not_fit(filled: FileSource, at: int, patch: bytes) -> None:
    tree = open_xfs(filled)
    number = find(tree, "/leaf")
    inode = tree._inodes.get(number)
    assert tree.xattrs(number) == {"user.on-a-directory": b"yes"}
    start = inode.offset + len(inode.raw) - len(inode.attribute_fork)
    with pytest.raises(ParseError):
        open_xfs(Patched(filled, {start + at: patch})).xattrs(number)


@pytest.mark.parametrize(
    ("at", "patch", "message"),
    [
        (0, b"XXXX", "of a value"),
        (4, b"\0\0\0\1", "of a value"),
        (8, b"\0\0\0\0", "bytes of a value"),
        (8, b"\xff\0\0\0", "bytes of a value"),
    ],
)
def test_values_that_are_none(filled: FileSource, at: int, patch: bytes, message: str) -> None:
    data = filled.read_at(0, filled.size)
    tree = open_xfs(filled)
    number = find(tree, "/attributes-remote")
    owner = struct.pack(">Q", number)
    place = next(
        start
        for start in range(0, len(data), 1024)
        if data[start : start + 8] == b"XARM\0\0\0\0" and data[start + 32 : start + 40] == owner
    )
    with pytest.raises(ParseError, match=message):
        open_xfs(Patched(filled, {place + at: patch})).xattrs(number)
    flipped = open_xfs(Patched(filled, {place + 56: b"\0\1\2\3"}))
    flipped.xattrs(number)
    assert any("attribute value: checksum" in problem.message for problem in flipped.problems)


def test_links_that_are_none(filled: FileSource) -> None:
    tree = open_xfs(filled)
    number = find(tree, "/long-link-1023")
    inode = tree._inodes.get(number)
    block = Mapping(tree._volume, data_fork(inode)).find(0)[0]
    assert block is not None
    at = block * tree._volume.block_size
    for patches in (
        {at: b"XXXX"},
        {at + 8: bytes(4)},
        {inode.offset + 56: bytes(8)},
        {inode.offset + 62: b"\xff"},
        {inode.offset + 76: bytes(4)},
        {inode.offset + 5: b"\1"},
    ):
        with pytest.raises(ParseError):
            open_xfs(Patched(filled, patches)).readlink(number)
    with pytest.raises(ParseError, match="a symbolic link wanted"):
        tree.readlink(tree.root)
    with pytest.raises(ParseError, match="a regular file wanted"):
        tree.open(tree.root)
    with pytest.raises(ParseError, match="a directory wanted"):
        tree.lookup(number, "x")


def test_names_that_cannot_be(volume: FileSource) -> None:
    tree = open_xfs(volume)
    for name in ("", "x" * 256, "\ud800"):
        assert tree.lookup(tree.root, name) is None


def test_names_without_regard_to_case(tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "300M", "-n", "version=ci", "-p", str(prototype(tmp_path)))
    tree = open_xfs(FileSource(image))
    assert tree.lookup(tree.root, "TEXT") == tree.lookup(tree.root, "text") is not None
    assert tree.lookup(tree.root, "texts") is None


def sealed_blocks(tree: XfsTree) -> Iterator[tuple[str, int]]:
    """Give the blocks that carry checksums: what each is called, and a byte of it that no reader looks at."""
    volume = tree._volume
    index = (32 << 30) // volume.block_size

    def block(path: str, logical: int) -> int:
        return Mapping(volume, data_fork(tree._inodes.get(find(tree, path)))).read(logical, 1)[1]

    root = block("/node", index)
    child = struct.unpack(">I", volume.source.read_at(root + 68, 4))[0]
    fragmented = Mapping(volume, data_fork(tree._inodes.get(find(tree, "/fragmented"))))
    stored = fragmented._root.entries[0][2]
    assert stored is not None
    yield "directory block", block("/node", 0) + 16
    yield "hash index block", root + 24
    yield "directory leaf", block("/node", child) + 24
    yield "extent b-tree block", volume.linear(stored) * volume.block_size + 32
    _, attributes = attributes_at(volume.source, "/attributes-node", 0)
    leaf = struct.unpack(">I", volume.source.read_at(attributes + 68, 4))[0]
    yield "attribute leaf", attributes_at(volume.source, "/attributes-node", leaf)[1] + 24
    yield "symbolic link", block("/long-link-1023", 0) + 48


def test_every_checksum_is_verified(filled: FileSource) -> None:
    for noun, at in sealed_blocks(open_xfs(filled)):
        tree = open_xfs(Patched(filled, {at: b"\xa5\x5a"}))
        for path, stat in walk(tree):
            touch(tree, stat.inode)
            if path == "/node":
                for number in range(100):
                    tree.lookup(stat.inode, f"a file with a long name, number {number:06}")
        messages = [problem.message for problem in tree.problems]
        assert len(messages) == 1, noun
        assert messages[0].startswith(f"{noun}: checksum"), noun


def test_a_block_of_another_owner_is_told(filled: FileSource) -> None:
    tree = open_xfs(filled)
    places = dict(sealed_blocks(tree))
    for noun, owner in (("directory block", 40 - 16), ("symbolic link", 32 - 48), ("extent b-tree block", 56 - 32)):
        broken = open_xfs(Patched(filled, {places[noun] + owner + 4: b"\xff"}))
        for _, stat in walk(broken):
            touch(broken, stat.inode)
        assert any("the owner" in problem.message for problem in broken.problems), noun
