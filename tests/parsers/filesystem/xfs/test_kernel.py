"""The kernel as the oracle: it fills and mounts volumes of many features, and every path must read the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parsers.filesystem.xfs import open_xfs
from tests.parsers.filesystem.ext4.files import FileSource
from tests.parsers.filesystem.ext4.reference import (
    differences,
    fill,
    flags_of,
    mounted,
    needs_mount,
    usage_differs,
)
from tests.parsers.filesystem.xfs.reference import ALL_FORMS, fill_forms, forms, make, needs_xfsprogs, punch

pytestmark = [needs_xfsprogs, needs_mount, pytest.mark.slow]

VARIANTS = {
    "as made today": ("400M",),
    "1 KiB blocks": ("400M", "-b", "size=1024"),
    "2 KiB blocks, inodes of 1 KiB": ("400M", "-b", "size=2048", "-i", "size=1024"),
    "8 KiB blocks": ("400M", "-b", "size=8192"),
    "64 KiB blocks": ("600M", "-b", "size=65536"),
    "sectors of 4 KiB": ("400M", "-s", "size=4096"),
    "version 4": ("400M", "-m", "crc=0"),
    "version 4, 512 byte blocks": ("400M", "-m", "crc=0", "-b", "size=512"),
    "version 4, no types, eager counters": ("400M", "-m", "crc=0", "-n", "ftype=0", "-l", "lazy-count=0"),
    "version 4, old attributes, log 1": ("400M", "-m", "crc=0", "-i", "attr=1,projid32bit=0", "-l", "version=1"),
    "nrext64": ("400M", "-i", "nrext64=1"),
    "nrext64, 1 KiB blocks": ("400M", "-i", "nrext64=1", "-b", "size=1024"),
    "no bigtime": ("400M", "-m", "bigtime=0"),
    "no reflink": ("400M", "-m", "reflink=0"),
    "no finobt, no reflink": ("400M", "-m", "finobt=0,reflink=0,inobtcount=0", "-i", "sparse=0"),
    "rmap": ("400M", "-m", "rmapbt=1"),
    "directory blocks of 16 KiB": ("400M", "-n", "size=16384"),
    "directory blocks of 64 KiB": ("400M", "-n", "size=65536"),
    "directory blocks of 64 KiB of 1 KiB": ("400M", "-b", "size=1024", "-n", "size=65536"),
    "inodes of 2 KiB": ("400M", "-i", "size=2048"),
    "few inodes": ("400M", "-i", "maxpct=1"),
    "many groups": ("4000M", "-d", "agcount=30"),
    "log of stripes": ("400M", "-l", "su=65536"),
}
FLAGGED = ("f0", "f1", "f59", "f150", "f160", "f200")


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_path_reads_as_the_kernel_reads_it(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", *options)
    with mounted(image, kind="xfs") as top:
        fill(top, huge_attribute=60_000)
        fill_forms(top, names=1500, extents=400)
    tree = open_xfs(FileSource(image))
    with mounted(image, "ro", kind="xfs") as top:
        assert differences(tree, top) == []
        assert usage_differs(tree, top) == []
        wanted = flags_of(top, FLAGGED)
    known = set().union(*wanted.values())
    for name in FLAGGED:
        inode = tree.lookup(tree.root, name)
        assert inode
        assert set(tree.stat(inode).flags or ()) & known == wanted[name]
    assert forms(tree) >= (ALL_FORMS - {"symlink extents"} if "size=2048" in options else ALL_FORMS)
    assert tree.problems == ()
    assert not tree.unreplayed_journal


def test_sparse_inodes(tmp_path: Path) -> None:
    """Free space in pieces that are too small for whole inode chunks."""
    image = make(tmp_path / "x.img", "300M", "-i", "size=2048", "-d", "agcount=2")
    with mounted(image, kind="xfs") as top:
        free = os.statvfs(top).f_bfree
        with (top / "all").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, (free - 300) << 12)
        (top / "many").mkdir()
        # holes of eight blocks; a chunk of inodes wants thirty-two
        punch(top / "all", *((number << 12, 10 << 12) for number in range(0, min(free - 600, 40_000), 20)))
        for number in range(6000):
            try:
                (top / f"many/{number}").touch()
            except OSError:
                break
    tree = open_xfs(FileSource(image))
    with mounted(image, "ro", kind="xfs") as top:
        assert differences(tree, top) == []
        assert usage_differs(tree, top) == []
    assert tree.problems == ()


@pytest.mark.parametrize("options", [(), ("-b", "size=1024"), ("-n", "size=16384"), ("-m", "crc=0")], ids=" ".join)
def test_a_directory_of_twelve_thousand_names(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "400M", *options)
    with mounted(image, kind="xfs") as top:
        for folder in ("big", "other"):
            (top / folder).mkdir()
        for number in range(12_000):
            os.close(os.open(top / f"big/a file with a long name, number {number:06}", os.O_CREAT))
            if number % 16 == 0:  # that directories grow in turns spreads their blocks
                (top / f"other/{number:0200}").mkdir()
                (top / f"other/{number:0200}/file").write_bytes(b"x" * 5000)
                os.sync()
    source = FileSource(image)
    tree = open_xfs(source)
    with mounted(image, "ro", kind="xfs") as top:
        wanted = {entry.name: entry.inode() for entry in os.scandir(top / "big")}
    big = tree.lookup(tree.root, "big")
    assert big
    assert {entry.name: entry.inode for entry in tree.entries(big)} == wanted
    assert "directory btree" in forms(tree)
    asked = list(wanted)[::37]
    fresh = open_xfs(source)
    assert [fresh.lookup(big, name) for name in asked] == [wanted[name] for name in asked]
    fresh = open_xfs(source)
    source.read = 0
    assert fresh.lookup(big, asked[0]) == wanted[asked[0]]
    assert source.read < 256 << 10  # a piece of inodes, the nodes and leaf of the index, a block of names
    assert tree.problems == ()


def test_a_file_of_many_extents(tmp_path: Path) -> None:
    """Three levels of b-tree: blocks of 1 KiB hold some sixty extents."""
    image = make(tmp_path / "x.img", "400M", "-b", "size=1024")
    with mounted(image, kind="xfs") as top:
        fill_forms(top, names=300, extents=12_000)
    tree = open_xfs(FileSource(image))
    with mounted(image, "ro", kind="xfs") as top:
        assert differences(tree, top) == []
        assert usage_differs(tree, top) == []
    assert tree.problems == ()
