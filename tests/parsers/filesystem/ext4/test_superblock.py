"""The superblock against dumpe2fs, and each field that could lead a reader astray."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parsers.filesystem.ext4 import open_ext4
from parsers.filesystem.ext4.superblock import parse_superblock
from parsers.filesystem.tree import SelfReporting
from parsers.place import ParseError
from parsers.source import Memory
from tests.parsers.filesystem.ext4.files import FileSource, Patched
from tests.parsers.filesystem.ext4.reference import DUMPE2FS, debugfs, make, needs_e2fsprogs

pytestmark = needs_e2fsprogs
SB = 1024


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("ext") / "x.img", "16M", "-t", "ext4", "-L", "a label")


def header(image: Path) -> dict[str, str]:
    assert DUMPE2FS
    text = subprocess.run([DUMPE2FS, "-h", image], check=True, capture_output=True, text=True).stdout
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


@pytest.mark.parametrize(
    "options",
    [
        ("-t", "ext4", "-L", "root"),
        ("-t", "ext2", "-b", "1024", "-m", "7"),
        ("-t", "ext3", "-O", "^resize_inode", "-I", "512"),
        ("-t", "ext4", "-b", "65536", "-L", "sixteen bytes of"),
        ("-t", "ext4", "-O", "sparse_super2,^resize_inode", "-b", "1024"),
        ("-t", "ext4", "-O", "bigalloc", "-C", "32768"),
    ],
)
def test_it_says_what_dumpe2fs_says(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "256M", *options)
    found, wanted = parse_superblock(FileSource(image)), header(image)
    assert found.label == wanted["Filesystem volume name"].replace("<none>", "")
    assert found.uuid == wanted["Filesystem UUID"]
    for value, key in (
        (found.block_size, "Block size"),
        (found.blocks, "Block count"),
        (found.reserved_blocks, "Reserved block count"),
        (found.free_blocks, "Free blocks"),
        (found.inodes, "Inode count"),
        (found.free_inodes, "Free inodes"),
        (found.first_data_block, "First block"),
        (found.blocks_per_group, "Blocks per group"),
        (found.inodes_per_group, "Inodes per group"),
        (found.inode_size, "Inode size"),
    ):
        assert value == int(wanted[key]), key
    assert found.cluster_size == int(wanted.get("Cluster size", found.block_size))
    assert (found.clean, found.errors) == (True, False)
    assert not found.problems


def state_of(image: Path, *commands: str) -> tuple[list[str], str | None]:
    copy = image.with_name("copy.img")
    copy.write_bytes(image.read_bytes())
    debugfs(copy, *commands)
    tree = open_ext4(FileSource(copy))
    assert isinstance(tree, SelfReporting)
    assert set(tree.recorded_errors) <= set(tree.problems)
    assert not tree.unreplayed_journal
    return [problem.message for problem in tree.recorded_errors], tree.unclean.message if tree.unclean else None


def test_a_clean_one_has_nothing_to_say(image: Path) -> None:
    assert state_of(image, "stats") == ([], None)


def test_recorded_errors_are_problems(image: Path) -> None:
    errors, unclean = state_of(
        image,
        "set_super_value state 3",
        "set_super_value error_count 2",
        "set_super_value first_error_time 20240102030405",
        "set_super_value first_error_func ext4_lookup",
        "set_super_value first_error_line 1742",
        "set_super_value first_error_ino 12",
        "set_super_value last_error_time 20250102030405",
        "set_super_value last_error_func ext4_find",
        "set_super_value last_error_line 9",
        "set_super_value last_error_block 77",
    )
    assert unclean is None
    assert errors[0] == "the state says that the file system has errors"
    assert errors[1] == (
        "2 errors were recorded; the first at 2024-01-02 03:04:05+00:00 in ext4_lookup:1742, inode 12, block 0; "
        "the last at 2025-01-02 03:04:05+00:00 in ext4_find:9, inode 0, block 77"
    )


def test_a_frozen_snapshot_is_not_dirty(image: Path) -> None:
    assert state_of(image, "set_super_value state 0") == ([], None)


def test_without_a_journal_the_state_counts(tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "16M", "-t", "ext2")
    assert state_of(image, "set_super_value state 1") == ([], None)
    assert state_of(image, "set_super_value state 0") == ([], "it has no journal and was not unmounted cleanly")


def test_an_aborted_journal_is_a_recorded_error(image: Path) -> None:
    source = FileSource(image)
    found = source.read_at(0, source.size).find(bytes.fromhex("c03b3998 00000004"))
    tree = open_ext4(Patched(source, {found + 32: b"\xff\xff\xff\xfb"}))
    assert [problem.message for problem in tree.recorded_errors] == ["the journal was aborted with error -5"]


def test_a_wrong_checksum_is_a_problem(image: Path) -> None:
    tree = open_ext4(Patched(FileSource(image), {SB + 0x78: b"another"}))
    assert tree.superblock.label == "another"
    assert any("superblock checksum" in problem.message for problem in tree.problems)


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0x38, b"\0\0", "superblock magic ef53 wanted, 0000 found; a backup superblock"),
        (0x18, b"\x07\0\0\0", "block size"),
        (0x18, b"\xff\xff\xff\xff", "block size"),
        (0x58, b"\x00\x00", "inode size"),
        (0x58, b"\x81\x00", "inode size"),
        (0x58, b"\xff\xff", "inode size"),
        (0x20, bytes(4), "blocks per group"),
        (0x20, b"\xff\xff\xff\xff", "blocks per group"),
        (0x28, bytes(4), "inodes per group"),
        (0x28, b"\xff\xff\xff\xff", "inodes per group"),
        (0x0, b"\xff\xff\xff\xff", "inodes in"),
        (0x0, bytes(4), "inodes in"),
        (0x4, bytes(4), "blocks after block"),
        (0x14, b"\x05\0\0\0", "blocks after block"),
        (0xFE, bytes(2), "group descriptor size"),
        (0xFE, b"\x00\x08", "group descriptor size"),
        (0x60, b"\xff\xff\xff\xff", "compression, journal_dev"),
        (0x60, b"\x40\x02\x00\x80", "0x80000000"),
    ],
)
def test_what_no_reader_can_use_is_refused(image: Path, at: int, value: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message) as error:
        open_ext4(Patched(FileSource(image), {SB + at: value}))
    assert error.value.place.path == "sda1"
    assert error.value.place.offset is not None


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 2047])
def test_a_scrap_is_refused(size: int) -> None:
    with pytest.raises(ParseError):
        open_ext4(Memory(bytes(size)))
