"""The superblock against dump-super, and its copies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from parsers.filesystem.btrfs import open_btrfs
from parsers.filesystem.btrfs.superblock import OFFSETS, SIZE, parse_superblock, read_superblock
from parsers.place import ParseError
from parsers.source import Window
from tests.parsers.filesystem.btrfs.reference import btrfs, make, needs_progs, patched_superblock
from tests.parsers.filesystem.ext4.files import FileSource, Patched

pytestmark = needs_progs
FIRST, SECOND = OFFSETS[:2]


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> FileSource:
    image = tmp_path_factory.mktemp("btrfs") / "x.img"
    make(image, 128, "-L", "a label")
    return FileSource(image)


def superblock(volume: FileSource, at: int, value: bytes, offset: int = FIRST) -> Patched:
    return Patched(volume, {offset: patched_superblock(volume.read_at(offset, SIZE), at, value)})


@pytest.mark.parametrize("checksum", ["crc32c", "xxhash64", "sha256", "blake2"])
@pytest.mark.parametrize("options", [("-n", "4096", "-M"), ("-n", "65536", "-L", "l" * 255), ("-O", "^no-holes")])
def test_every_field_is_that_of_dump_super(checksum: str, options: tuple[str, ...], tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    make(image, 128, "--csum", checksum, *options)
    lines = btrfs("inspect-internal", "dump-super", image).splitlines()
    wanted = dict(line.split(None, 1) for line in lines if len(line.split(None, 1)) == 2)
    found, problems = read_superblock(FileSource(image))
    assert problems == ()
    assert {
        "generation": str(found.generation),
        "root": str(found.root),
        "root_level": str(found.root_level),
        "chunk_root": str(found.chunk_root),
        "chunk_root_level": str(found.chunk_root_level),
        "chunk_root_generation": str(found.chunk_root_generation),
        "log_root": str(found.log_root),
        "total_bytes": str(found.total_bytes),
        "bytes_used": str(found.bytes_used),
        "root_dir": str(found.root_directory),
        "num_devices": str(found.devices),
        "sectorsize": str(found.sector_size),
        "nodesize": str(found.node_size),
        "compat_ro_flags": f"{found.compat_ro:#x}",
        "incompat_flags": f"{found.incompat:#x}",
        "fsid": str(found.fsid),
        "metadata_uuid": str(found.metadata_uuid),
        "sys_array_size": str(len(found.chunks)),
        "dev_item.uuid": str(found.device.uuid),
        "dev_item.devid": str(found.device.id),
        "dev_item.total_bytes": str(found.device.total_bytes),
        "dev_item.bytes_used": str(found.device.bytes_used),
    }.items() <= {key: re.sub(r"\s.*", "", value) for key, value in wanted.items()}.items()
    assert found.label == wanted.get("label", "")


def test_another_copy_where_the_first_is_broken(volume: FileSource) -> None:
    found, problems = read_superblock(Patched(volume, {FIRST + 100: b"\xff"}))
    assert found.offset == SECOND
    assert ["checksum" in str(problem) for problem in problems] == [True]
    tree = open_btrfs(Patched(volume, {FIRST: bytes(SIZE)}))
    assert list(tree.entries(tree.root)) == []
    assert len(tree.problems) == 1


def test_the_newest_copy_is_taken(volume: FileSource) -> None:
    older = superblock(volume, 72, (1).to_bytes(8, "little"))
    found, problems = read_superblock(older)
    assert found.offset == SECOND
    assert f"generation {found.generation} wanted, 1 found" in str(problems[0])
    older = superblock(volume, 72, (1).to_bytes(8, "little"), SECOND)
    found, problems = read_superblock(older)
    assert found.offset == FIRST
    assert len(problems) == 1


def test_a_copy_of_another_file_system(volume: FileSource) -> None:
    data = volume.read_at(SECOND, SIZE)
    other = patched_superblock(patched_superblock(data, 32, b"another one was."), 72, b"\xff\xff")
    found, problems = read_superblock(Patched(volume, {SECOND: other}))
    assert found.offset == FIRST
    assert "file system" in str(problems[0])


def test_a_device_that_is_larger_than_what_is_used(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    make(image, 64, "-M")
    with image.open("r+b") as file:
        file.truncate(200 << 20)
    assert read_superblock(FileSource(image))[1] == ()


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (188, (1 << 13).to_bytes(8, "little"), "extent-tree-v2 found"),
        (188, (1 << 14 | 1 << 12).to_bytes(8, "little"), "zoned, raid-stripe-tree found"),
        (188, (1 << 40).to_bytes(8, "little"), "0x10000000000 found"),
        (56, (1 << 35).to_bytes(8, "little"), "unfinished change"),
    ],
)
def test_features_that_are_not_read(volume: FileSource, at: int, value: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        open_btrfs(superblock(volume, at, value))


def test_features_that_need_nothing(volume: FileSource) -> None:
    found, _ = read_superblock(volume)
    quota = (int(found.incompat) | 1 << 16).to_bytes(8, "little")
    open_btrfs(superblock(volume, 188, quota))
    tree = open_btrfs(superblock(volume, 56, (1 << 2 | 1 << 36).to_bytes(8, "little")))
    assert [problem.place.offset for problem in tree.recorded_errors] == [FIRST + 56]
    assert len(tree.problems) == 2


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (48, b"\1"),
        (64, b"_BHRfS_N"),
        (80, b"\1"),
        (88, b"\1"),
        (112, bytes(8)),
        (136, bytes(8)),
        (144, b"\1\2\3\4"),
        (148, b"\0\0\2\0"),
        (148, b"\0\2\0\0"),
        (160, bytes(4)),
        (160, b"\1\x08\0\0"),
        (196, b"\4\0"),
        (198, b"\x08"),
        (199, b"\xff"),
    ],
)
def test_impossible_fields(volume: FileSource, at: int, value: bytes) -> None:
    data = patched_superblock(volume.read_at(FIRST, SIZE), at, value)
    with pytest.raises(ParseError):
        parse_superblock(data, "sda1", FIRST)


def test_a_short_volume(volume: FileSource) -> None:
    for size in (0, 1, FIRST, FIRST + SIZE - 1):
        with pytest.raises(ParseError, match="a shorter volume found"):
            open_btrfs(Window(volume, 0, size))
    with pytest.raises(ParseError):
        open_btrfs(Window(volume, 0, FIRST + SIZE))
