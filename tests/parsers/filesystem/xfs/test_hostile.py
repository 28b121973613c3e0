"""Damaged volumes: whatever is broken, only `ParseError` may come out, soon, and without much memory."""

from __future__ import annotations

import os
import random
import struct
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from parsers.filesystem.tree import Tree
from parsers.filesystem.xfs import XfsTree, open_xfs
from parsers.filesystem.xfs.directory import Directory
from parsers.filesystem.xfs.mapping import Mapping, attribute_fork, data_fork
from parsers.place import ParseError
from parsers.source import Source
from tests.parsers.filesystem.ext4.files import FileSource, Patched, exhaust, walk
from tests.parsers.filesystem.ext4.reference import mounted
from tests.parsers.filesystem.xfs.reference import fill_forms, make, needs_xfsprogs

pytestmark = needs_xfsprogs
VARIANTS = {
    "version 5": ("-b", "size=1024"),
    "version 4": ("-m", "crc=0", "-b", "size=512", "-n", "size=4096"),
    "large directory blocks": ("-n", "size=65536"),
}
CAN_MOUNT = os.geteuid() == 0 and Path("/dev/loop-control").exists()
_SECONDS = 10


class Recorded:
    """A source that notes what was read of it."""

    def __init__(self, source: Source) -> None:
        self.name, self.size = source.name, source.size
        self.ranges: list[tuple[int, int]] = []
        self._source = source

    def read_at(self, offset: int, size: int) -> bytes:
        self.ranges.append((offset, size))
        return self._source.read_at(offset, size)


def prototype(top: Path) -> Path:
    """Write a prototype for mkfs.xfs -p: directories of all forms, files, links (long ones mkfs.xfs 6.1 gets wrong)."""
    (top / "content").write_bytes(bytes(range(256)) * 100)
    lines = ["/boot", "0 0", "d--755 0 0"]
    for folder, count in (("few", 3), ("some", 20), ("more", 80), ("many", 1500)):
        lines += [f"{folder} d--755 0 0"]
        lines += [f"a-long-name-that-fills-its-block-{number:04} ---644 0 0 /dev/null" for number in range(count)]
        lines += ["$"]
    lines += [f"text ---644 0 0 {top}/content", "link l--777 0 0 few/a", f"long l--777 0 0 {'x/' * 100}y"]
    lines += ["sub d--755 0 0", "below d--755 0 0", "$", "$", "$"]
    (top / "proto").write_text("\n".join(lines) + "\n")
    return top / "proto"


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=list(VARIANTS))
def volume(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FileSource:
    top = tmp_path_factory.mktemp("xfs")
    return FileSource(make(top / "x.img", "300M", *request.param, "-p", str(prototype(top))))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> FileSource:
    """A volume with b-trees of extents and attributes of every form, which only the kernel makes."""
    if not CAN_MOUNT:
        pytest.skip("the kernel makes what is damaged here: mounting needs root and loop devices")
    image = make(tmp_path_factory.mktemp("xfs") / "x.img", "300M", "-b", "size=1024")
    with mounted(image, kind="xfs") as top:
        fill_forms(top, names=1500, extents=300)
    return FileSource(image)


def read(source: Source) -> None:
    start = time.monotonic()
    with suppress(ParseError):
        exhaust(open_xfs(source), most=60, content=1 << 17)
    assert time.monotonic() - start < _SECONDS


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
    dice = random.Random(1)
    for size in [*range(0, 4096, 511), *(dice.randrange(volume.size) for _ in range(30))]:
        read(Patched(volume, {}, size=size))


def damaged(source: Source, seed: int, rounds: int) -> Iterator[Patched]:
    """Give the volume with three things changed, where it is read."""
    dice = random.Random(seed)
    recorded = Recorded(source)
    read(recorded)
    metadata = [(offset, size) for offset, size in recorded.ranges if 0 < size <= 65536]
    for _ in range(rounds):
        patches = {}
        for _ in range(3):
            offset, size = dice.choice(metadata)
            at = offset + dice.choice((dice.randrange(size), dice.randrange(min(size, 100))))
            patches[at] = dice.choice((dice.randbytes(4), b"\xff\xff\xff\xff", bytes(2), bytes((dice.randrange(256),))))
        yield Patched(source, {at: patch for at, patch in patches.items() if at + 4 <= source.size})


def test_damaged_where_it_is_read(volume: FileSource) -> None:
    for source in damaged(volume, 2, 100):
        read(source)


def test_damaged_trees(filled: FileSource) -> None:
    for source in damaged(filled, 3, 150):
        read(source)


@pytest.mark.soak
def test_damaged_many_times(volume: FileSource, filled: FileSource) -> None:
    for source in (*damaged(volume, 4, 1000), *damaged(filled, 5, 1000)):
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


def touch(tree: Tree, number: int) -> None:
    for ask in (tree.stat, tree.xattrs, tree.readlink):
        with suppress(ParseError):
            ask(number)
    with suppress(ParseError):
        content = tree.open(number)
        content.read_at(max(0, content.size - 4096), min(content.size, 4096))
    with suppress(ParseError):
        for _ in zip(range(20), tree.entries(number), strict=False):
            pass
    with suppress(ParseError):
        tree.lookup(number, "absent")


def test_every_byte_of_the_superblock(volume: FileSource) -> None:
    dice = random.Random(3)
    for at in range(272):
        with suppress(ParseError):
            tree = open_xfs(Patched(volume, {at: bytes([dice.choice((0, 1, 0x7F, 0x80, 0xFF))])}))
            assert tree.usage is None or tree.usage.free >= 0
            list(tree.entries(tree.root))


def find(tree: Tree, path: str) -> int:
    return next(stat.inode for name, stat in walk(tree) if name == path)


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
    tracemalloc.start()
    try:
        tree = open_xfs(volume)
        number = find(tree, "/text")
        at = tree._inodes.get(number).offset
        tree = open_xfs(Patched(volume, {at + 56: b"\x7f" + b"\xff" * 7}))
        content = tree.open(number)
        assert content.size == (1 << 63) - 1
        with suppress(ParseError):
            content.read_at(content.size - 4096, 4096)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


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
