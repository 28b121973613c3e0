"""Damaged volumes: whatever is broken, only `ParseError` may come out, soon, and without much memory."""

from __future__ import annotations

import random
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from parsers.filesystem.ext4 import Ext4Tree, open_ext4
from parsers.place import ParseError
from parsers.source import Memory, Source
from tests.parsers.filesystem.damage import Recorded, allocating_at_most, damaged, fill, glance, survive, truncated
from tests.parsers.filesystem.ext4.files import FileSource, Patched, exhaust, find
from tests.parsers.filesystem.ext4.reference import debugfs, make, needs_e2fsprogs

pytestmark = needs_e2fsprogs
VARIANTS = {
    "ext2": ("-t", "ext2", "-b", "1024"),
    "ext4": ("-t", "ext4", "-b", "1024"),
    "no checksums": ("-t", "ext4", "-b", "1024", "-O", "^metadata_csum"),
    "inline": ("-t", "ext4", "-b", "4096", "-O", "inline_data,ea_inode", "-I", "512"),
    "bigalloc": ("-t", "ext4", "-b", "1024", "-O", "bigalloc,meta_bg,^resize_inode", "-C", "4096"),
}


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=list(VARIANTS))
def volume(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Memory:
    """A small volume with fragmented and deep files, attributes, and a directory that is large enough for an index."""
    top = tmp_path_factory.mktemp("ext")
    folder = top / "folder"
    fill(folder, names=120, step=7000)
    (folder / "long link").symlink_to("x/" * 100)
    image = make(top / "x.img", "8M", *request.param, "-d", str(folder))
    debugfs(image, "ea_set /a user.name value", f"ea_set /sparse user.long {'v' * 150}")
    return Memory(image.read_bytes(), "sda1")


def read(source: Source) -> None:
    survive(open_ext4, source, most=150, content=1 << 18)


def test_truncated(volume: Memory) -> None:
    for source in truncated(volume, 40):
        read(source)


def test_damaged_where_it_is_read(volume: Memory) -> None:
    for source in damaged(volume, read, 2, 80):
        read(source)


def test_every_byte_of_the_superblock(volume: Memory) -> None:
    dice = random.Random(3)
    for at in range(0x110):
        glance(open_ext4, Patched(volume, {1024 + at: bytes([dice.choice((0, 1, 0x7F, 0x80, 0xFF))])}))


def inode_at(tree: Ext4Tree, number: int) -> int:
    return tree._inodes.get(number).offset


@pytest.fixture(scope="module")
def ext2(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    return built(tmp_path_factory.mktemp("ext2"), "-t", "ext2", "-b", "1024")


@pytest.fixture(scope="module")
def ext4(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    return built(tmp_path_factory.mktemp("ext4"), "-t", "ext4", "-b", "1024", "-O", "^metadata_csum")


def built(top: Path, *options: str) -> Memory:
    (top / "folder/sub/sub").mkdir(parents=True)
    (top / "folder/file").write_bytes(b"f" * 30_000)
    return Memory(make(top / "x.img", "8M", *options, "-d", str(top / "folder")).read_bytes(), "sda1")


def test_a_block_map_that_points_at_itself(ext2: Memory) -> None:
    tree = open_ext4(ext2)
    number = find(tree, "/file")
    at = inode_at(tree, number)
    block = 5000
    looped = {
        at + 4: b"\xff\xff\xff\x7f",
        at + 0x28: struct.pack("<15I", *[block] * 15),
        block << 10: struct.pack("<256I", *[block] * 256),
    }
    file = open_ext4(Patched(ext2, looped)).open(number)
    assert file.size == 0x7FFFFFFF
    assert file.read_at(0, 1 << 16) == struct.pack("<256I", *[block] * 256) * 64
    assert len(file.read_at(file.size - 5000, 5000)) == 5000


def test_a_directory_whose_blocks_are_one(ext2: Memory) -> None:
    tree = open_ext4(ext2)
    number = find(tree, "/sub")
    at = inode_at(tree, number)
    block = 5000
    looped = {
        at + 4: b"\x00\xfc\xff\x7f",
        at + 0x28: struct.pack("<15I", *[block] * 15),
        block << 10: struct.pack("<256I", *[block] * 256),
    }
    tree = open_ext4(Patched(ext2, looped))
    with pytest.raises(ParseError):
        list(tree.entries(number))
    with pytest.raises(ParseError):
        tree.lookup(number, "x")


def test_a_directory_of_holes_ends(ext2: Memory) -> None:
    tree = open_ext4(ext2)
    number = find(tree, "/sub")
    at = inode_at(tree, number)
    tree = open_ext4(Patched(ext2, {at + 4: b"\x00\xfc\xff\xff", at + 0x2C: bytes(56)}))
    with pytest.raises(ParseError, match="hole"):
        list(tree.entries(number))


def test_a_directory_of_nothing_is_not_empty(ext2: Memory) -> None:
    tree = open_ext4(ext2)
    number = find(tree, "/sub")
    tree = open_ext4(Patched(ext2, {inode_at(tree, number) + 4: bytes(4)}))
    with pytest.raises(ParseError, match="at least one block"):
        list(tree.entries(number))
    with pytest.raises(ParseError, match="at least one block"):
        tree.lookup(number, "sub")


def test_a_directory_of_broken_blocks_ends(ext4: Memory) -> None:
    """Every block of the volume in turn, none of which holds entries."""
    tree = open_ext4(ext4)
    number = find(tree, "/sub")
    at = inode_at(tree, number)
    root = struct.pack("<4HI", 0xF30A, 1, 4, 0, 0) + struct.pack("<IHHI", 0, 6000, 0, 1000)
    recorded = Recorded(Patched(ext4, {at + 4: struct.pack("<I", 6000 << 10), at + 0x28: root}))
    with pytest.raises(ParseError):
        list(open_ext4(recorded).entries(number))
    assert len(recorded.ranges) < 1100


@pytest.mark.parametrize("depth", [1, 2, 5, 6, 65535])
def test_an_extent_tree_that_points_at_itself(ext4: Memory, depth: int) -> None:
    tree = open_ext4(ext4)
    number = find(tree, "/file")
    at = inode_at(tree, number)
    block = 5000
    index = struct.pack("<IIHH", 0, block, 0, 0)
    root = struct.pack("<4HI", 0xF30A, 1, 4, depth, 0) + index
    node = struct.pack("<4HI", 0xF30A, 1, 84, max(depth - 1, 0), 0) + index
    tree = open_ext4(Patched(ext4, {at + 0x28: root, block << 10: node}))
    with pytest.raises(ParseError):
        tree.open(number).read_at(0, 30_000)


@pytest.mark.parametrize(
    "extents",
    [
        [(0, 10, 100), (5, 10, 200)],
        [(5, 10, 100), (0, 5, 200)],
        [(0, 0, 100)],
        [(0, 32768, 0)],
        [(0, 10, 8190)],
        [(0, 10, (1 << 48) - 1)],
    ],
)
def test_extents_that_cannot_be(ext4: Memory, extents: list[tuple[int, int, int]]) -> None:
    tree = open_ext4(ext4)
    number = find(tree, "/file")
    body = b"".join(
        struct.pack("<IHHI", first, count, block >> 32, block & 0xFFFFFFFF) for first, count, block in extents
    )
    root = struct.pack("<4HI", 0xF30A, len(extents), 4, 0, 0) + body
    tree = open_ext4(Patched(ext4, {inode_at(tree, number) + 0x28: root}))
    with pytest.raises(ParseError):
        tree.open(number)


def test_a_directory_that_holds_its_parent_is_no_endless_path(ext2: Memory) -> None:
    tree = open_ext4(ext2)
    sub = find(tree, "/sub")
    data = ext2.read_at(0, ext2.size)
    entry = data.index(struct.pack("<IHBB", find(tree, "/sub/sub"), 1000, 3, 2) + b"sub")
    looped = Patched(ext2, {entry: struct.pack("<I", sub)})
    tree = open_ext4(looped)
    assert tree.lookup(sub, "sub") == sub
    assert exhaust(tree) < 20


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<IHBB", 12, 0, 1, 1) + b"x",
        struct.pack("<IHBB", 12, 7, 1, 1) + b"x",
        struct.pack("<IHBB", 12, 8, 1, 1) + b"x",
        struct.pack("<IHBB", 12, 12, 200, 1) + b"x",
        struct.pack("<IHBB", 12, 65532, 1, 1) + b"x",
        struct.pack("<IHBB", 1 << 31, 1000, 1, 1) + b"x",
        struct.pack("<IHBB", 12, 1000, 3, 1) + b"a/b",
        struct.pack("<IHBB", 12, 1000, 3, 1) + b"a\0b",
        struct.pack("<IHBB", 12, 1000, 0, 1),
    ],
)
def test_a_broken_entry_is_never_silence(ext2: Memory, entry: bytes) -> None:
    tree = open_ext4(ext2)
    sub = find(tree, "/sub")
    data = ext2.read_at(0, ext2.size)
    at = data.index(struct.pack("<IHBB", find(tree, "/sub/sub"), 1000, 3, 2) + b"sub")
    tree = open_ext4(Patched(ext2, {at: entry}))
    with pytest.raises(ParseError):
        list(tree.entries(sub))
    with pytest.raises(ParseError):
        tree.lookup(sub, "gone")
    assert tree.problems


def test_what_claims_much_allocates_little(ext2: Memory, ext4: Memory) -> None:
    with allocating_at_most(8 << 20):
        for volume in (ext2, ext4):
            tree = open_ext4(volume)
            number = find(tree, "/file")
            at = inode_at(tree, number)
            tree = open_ext4(Patched(volume, {at + 4: b"\xff\xff\xff\xff", at + 0x6C: b"\xff\xff\x00\x00"}))
            content = tree.open(number)
            assert content.size > 1 << 47
            with suppress(ParseError):
                content.read_at(content.size - 4096, 4096)


def test_attributes_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_bytes(b"x")
    image = make(
        tmp_path / "x.img",
        "8M",
        "-t",
        "ext4",
        "-b",
        "1024",
        "-O",
        "^metadata_csum",
        "-I",
        "128",
        "-d",
        str(tmp_path / "folder"),
    )
    debugfs(image, f"ea_set /file user.name {'v' * 100}")
    source = FileSource(image)
    tree = open_ext4(source)
    number = find(tree, "/file")
    assert tree.xattrs(number) == {"user.name": b"v" * 100}
    at = tree._inodes.get(number).xattr_block << 10
    for patch in (
        {0: bytes(4)},
        {8: b"\2"},
        {34: b"\xff\xff"},
        {40: b"\xff\xff\xff\xff"},
        {36: b"\x0b"},
        {36: b"\xff\xff\xff\xff"},
    ):
        tree = open_ext4(Patched(source, {at + offset: data for offset, data in patch.items()}))
        with pytest.raises(ParseError):
            tree.xattrs(number)
