"""Damaged volumes: whatever is broken, only `ParseError` may come out, soon, and without much memory.

Since every node has a checksum, most damage is made below it: the node is changed and its checksum made right.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from parsers.filesystem.btrfs import BtrfsTree, open_btrfs
from parsers.filesystem.btrfs.btree import HEADER_SIZE
from parsers.filesystem.btrfs.superblock import OFFSETS, SIZE
from parsers.place import ParseError
from parsers.source import Memory, Source
from tests.parsers.filesystem import damage
from tests.parsers.filesystem.btrfs.reference import (
    fill,
    make,
    mounted,
    needs_kernel,
    needs_progs,
    patched_superblock,
    with_checksum,
)
from tests.parsers.filesystem.btrfs.test_kernel import layout
from tests.parsers.filesystem.ext4.files import Patched, exhaust, walk

pytestmark = needs_progs
FIRST = OFFSETS[0]
NODE = 4096
ITEM = 25


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    """A small volume of small nodes, with files, links and directories that take more than one of them."""
    top = tmp_path_factory.mktemp("btrfs")
    folder = top / "folder"
    damage.fill(folder, names=150, step=20_000)
    image = top / "x.img"
    make(image, 24, "-M", "-n", "4096", "--rootdir", str(folder))
    return Memory(image.read_bytes(), "sda1")


def read(source: Source, *, verify_data: bool = False, subvolume: int | str | None = None) -> None:
    with suppress(ParseError):
        tree = open_btrfs(source, verify_data=verify_data, subvolume=subvolume)
        exhaust(tree, most=200, content=1 << 16)
        list(tree.subvolumes)
        list(tree.profiles)


def nodes(volume: Memory) -> list[int]:
    """Return the offsets of the nodes that reading needs."""
    data = volume.read_at(0, volume.size)
    fsid = data[FIRST + 32 : FIRST + 48]
    whole = [at for at in range(0, volume.size, NODE) if data[at + 32 : at + 48] == fsid and at not in OFFSETS]
    return [at for at in whole if with_checksum(data[at : at + NODE], 0) == data[at : at + NODE]]


def changed(volume: Memory, at: int, change: Callable[[bytearray], None]) -> Patched:
    """Return the volume with a node changed, and its checksum made right."""
    node = bytearray(volume.read_at(at, NODE))
    change(node)
    return Patched(volume, {at: with_checksum(bytes(node), 0)})


def test_it_is_sound(volume: Memory) -> None:
    tree = open_btrfs(volume, verify_data=True)
    assert exhaust(tree) > 150
    assert tree.problems == ()
    assert len(nodes(volume)) > 10


def test_truncated(volume: Memory) -> None:
    dice = random.Random(1)
    for size in [*range(FIRST - 2, FIRST + SIZE + 2, 511), *(dice.randrange(volume.size) for _ in range(40))]:
        read(Memory(volume.read_at(0, size), "sda1"))


def test_bits_that_flipped(volume: Memory) -> None:
    dice = random.Random(2)
    places = nodes(volume)
    for _ in range(100):
        spots = [dice.choice(places) + dice.randrange(NODE) for _ in range(3)]
        read(Patched(volume, {at: dice.randbytes(1) for at in spots}), verify_data=True)


def test_every_byte_of_the_superblock(volume: Memory) -> None:
    dice = random.Random(3)
    data = volume.read_at(FIRST, SIZE)
    array = int.from_bytes(data[160:164], "little")
    for at in [*range(32, 600), *range(811, 811 + array)]:
        for value in (0, 0xFF, dice.randrange(256)):
            superblock = patched_superblock(data, at, bytes([value]))
            damage.glance(open_btrfs, Patched(volume, {FIRST: superblock}))


def mutate(dice: random.Random, node: bytearray) -> None:
    """Change some bytes of a node where there are any: its header, its keys, its items."""
    count = min(int.from_bytes(node[96:100], "little"), (NODE - HEADER_SIZE) // ITEM)
    for _ in range(dice.randrange(1, 4)):
        at = dice.choice((dice.randrange(48, HEADER_SIZE), HEADER_SIZE + dice.randrange(count * ITEM + 1)))
        if dice.random() < 0.7:
            at = dice.randrange(HEADER_SIZE + count * ITEM, NODE)
        node[at : at + 1] = dice.choice((b"\0", b"\xff", b"\x01", dice.randbytes(1)))
        if dice.random() < 0.2 and at + 8 <= NODE:
            node[at : at + 8] = dice.choice((bytes(8), b"\xff" * 8, b"\xff" * 7 + b"\x7f", dice.randbytes(8)))


def test_damage_below_right_checksums(volume: Memory) -> None:
    dice = random.Random(4)
    places = nodes(volume)
    for turn in range(700):
        patches = {}
        for at in dice.sample(places, dice.randrange(1, 3)):
            node = bytearray(volume.read_at(at, NODE))
            mutate(dice, node)
            patches[at] = with_checksum(bytes(node), 0)
        read(Patched(volume, patches), verify_data=turn % 4 == 0)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    """What only the kernel can make: subvolumes, snapshots, compressed and shared extents, attributes."""
    image = tmp_path_factory.mktemp("rich") / "x.img"
    make(image, 128, "-M", "-n", "4096")
    for turn, options in enumerate(("compress-force=lzo", "compress-force=zlib", "compress-force=zstd")):
        with mounted(image, options, "subvol=/") as top:
            (top / f"{turn}").mkdir()
            fill(top / f"{turn}", names=20)
            if not turn:
                layout(top)
    return Memory(image.read_bytes(), "sda1")


@needs_kernel
def test_damage_to_all_that_the_kernel_makes(rich: Memory) -> None:
    dice = random.Random(5)
    owners = {at: int.from_bytes(rich.read_at(at + 88, 8), "little") for at in nodes(rich)}
    places = [at for at, owner in owners.items() if owner in (1, 5, 7) or owner >= 256]
    for turn in range(200):
        patches = {}
        for at in dice.sample(places, dice.randrange(1, 9)):
            node = bytearray(rich.read_at(at, NODE))
            mutate(dice, node)
            patches[at] = with_checksum(bytes(node), 0)
        read(Patched(rich, patches), verify_data=turn % 4 == 0, subvolume=(None, 5, "@home")[turn % 3])


@needs_kernel
def test_compressed_data_that_rotted(rich: Memory) -> None:
    """Unverified, so that the decompressors meet what is no stream."""
    dice = random.Random(6)
    starts = [extent for extent in extents(rich) if extent[2]]
    assert {kind for _, _, kind in starts} == {1, 2, 3}
    for _ in range(60):
        patches = {}
        for logical, size, _ in starts:
            patches[logical + dice.randrange(min(size, 300))] = dice.randbytes(2)
        read(Patched(rich, patches), subvolume=5)


def extents(volume: Memory) -> Iterator[tuple[int, int, int]]:
    """Give the place on the volume, the size and the compression of the extents of files."""
    chunks = open_btrfs(volume)._volume
    for at, _, fields in leaves(volume):
        start = at + HEADER_SIZE + fields[3]
        if fields[1] == 108 and fields[4] == 53:
            logical, size = struct.unpack("<QQ", volume.read_at(start + 21, 16))
            with suppress(ParseError):  # a node that is in use no more
                if logical and chunks.copies(logical) and (offset := chunks.place(logical).offset):
                    yield offset, size, volume.read_at(start + 16, 1)[0]


def leaves(volume: Memory) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Give the node, the position there and the fields of each item."""
    for at in nodes(volume):
        node = volume.read_at(at, NODE)
        if node[100] == 0:
            for index in range(int.from_bytes(node[96:100], "little")):
                yield at, HEADER_SIZE + index * ITEM, struct.unpack_from("<QBQII", node, HEADER_SIZE + index * ITEM)


def find(volume: Memory, kind: int, number: int | None = None) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return the items of a type in the tree that holds the files."""
    found = [one for one in leaves(volume) if one[2][1] == kind and number in (None, one[2][0])]
    return [one for one in found if int.from_bytes(volume.read_at(one[0] + 88, 8), "little") == 5]


def with_item(volume: Memory, kind: int, number: int, at: int, value: bytes) -> BtrfsTree:
    """Open the volume with some bytes of an item changed, wherever there is a copy of it."""
    patches = {}
    for place, _, fields in find(volume, kind, number):
        node = bytearray(volume.read_at(place, NODE))
        start = HEADER_SIZE + fields[3] + at
        node[start : start + len(value)] = value
        patches[place] = with_checksum(bytes(node), 0)
    assert patches
    return open_btrfs(Patched(volume, patches))


def inode_of(volume: Memory, path: str) -> int:
    return next(stat.inode for name, stat in walk(open_btrfs(volume)) if name == path)


def test_a_directory_within_itself_ends(volume: Memory) -> None:
    inner = inode_of(volume, "/a/b")
    tree = with_item(volume, 96, inner, 0, struct.pack("<Q", inode_of(volume, "/a")))
    names = [path for path, _ in walk(tree)]
    assert "/a/b/c" in names
    assert not any(path.startswith("/a/b/c/b/c/b") for path in names)


@pytest.mark.parametrize("name", [b"../../../x", b"a/b", b"..", b"\0"])
def test_names_that_can_be_none(volume: Memory, name: bytes) -> None:
    inner = inode_of(volume, "/a/b/c")
    tree = with_item(volume, 96, inner, 30, name[:4].ljust(4, b"/"))
    with pytest.raises(ParseError, match="a name of a file wanted"):
        list(tree.entries(inner))


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (16, b"\x09", "compression 9"),
        (16, b"\x01", "at most 131072|a zlib stream wanted|of 1 to 131072"),
        (17, b"\x01", "encryption 1"),
        (20, b"\x03", "type 3"),
        (20, b"\x00", "inline: at most 4096"),
        (21, b"\xff" * 7, "a chunk for logical address"),
        (37, b"\xff" * 8, "bytes of an extent"),
        (45, bytes(8), "an extent within a file"),
        (45, b"\xff" * 8, "bytes of an extent"),
    ],
)
def test_broken_extents(volume: Memory, at: int, value: bytes, message: str) -> None:
    number = inode_of(volume, "/a/b/c/text")
    tree = with_item(volume, 108, number, at, value)
    with pytest.raises(ParseError, match=message):
        tree.open(number).read_at(0, 25_600)


def test_a_size_beyond_all_bounds_allocates_nothing(volume: Memory) -> None:
    number = inode_of(volume, "/a/b/c/text")
    tree = with_item(volume, 1, number, 16, struct.pack("<Q", (1 << 63) - 1))
    with damage.allocating_at_most(4 << 20):
        file = tree.open(number)
        assert file.read_at(file.size - 100_000, 100_000) == bytes(100_000)
    tree = with_item(volume, 1, number, 16, b"\xff" * 8)
    with pytest.raises(ParseError, match="a size of at most"):
        tree.open(number)


def test_nodes_that_point_at_themselves(volume: Memory) -> None:
    """A level lower is wanted of each child, so that a circle ends at once."""
    parents = [at for at in nodes(volume) if volume.read_at(at + 100, 1) != b"\0"]
    assert parents
    for at in parents:
        own = volume.read_at(at + 48, 8)

        def point(node: bytearray, own: bytes = own) -> None:
            for index in range(int.from_bytes(node[96:100], "little")):
                node[HEADER_SIZE + index * 33 + 17 : HEADER_SIZE + index * 33 + 25] = own

        read(changed(volume, at, point))


def test_one_copy_is_broken(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    make(image, 256, "-m", "dup")
    whole = Memory(image.read_bytes(), "sda1")
    tree = open_btrfs(whole)
    volume = tree._volume
    root = tree.superblock.root
    for copy in (0, 1):
        offset = volume.place(root, copy).offset
        assert offset
        broken = open_btrfs(Patched(whole, {offset + 3000: b"rotten"}))
        assert list(broken.entries(broken.root)) == []
        text = [str(problem) for problem in broken.problems]
        assert text == ([f"sda1 at byte {offset}: node {root}: {text[0].split(': ', 2)[2]}"] if copy == 0 else [])
    both = {offset + 3000: b"rotten" for copy in (0, 1) if (offset := volume.place(root, copy).offset)}
    with pytest.raises(ParseError, match="none of 2 copies is whole"):
        open_btrfs(Patched(whole, both))


def test_paths_that_do_not_exist(volume: Memory) -> None:
    tree = open_btrfs(volume)
    text, link = inode_of(volume, "/a/b/c/text"), inode_of(volume, "/link")
    assert tree.lookup(tree.root, "none") is None
    assert tree.lookup(tree.root, "x" * 256) is None
    assert tree.lookup(tree.root, "\ud800") is None
    for wrong in (0, 1, 2, 255, 1 << 40, 1 << 64, 1 << 200 | 2, (5 << 64) | 2, -1):
        with pytest.raises(ParseError):
            tree.stat(wrong)
    with pytest.raises(ParseError, match="a symbolic link wanted, a file found"):
        tree.readlink(text)
    with pytest.raises(ParseError, match="a regular file wanted, a symlink found"):
        tree.open(link)
    with pytest.raises(ParseError, match="a directory wanted, a file found"):
        tree.lookup(text, "x")
    with pytest.raises(ParseError, match="a directory wanted, a symlink found"):
        list(tree.entries(link))
