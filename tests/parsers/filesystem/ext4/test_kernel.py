"""The kernel as the oracle: it fills and mounts volumes of many features, and every path must read the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parsers.filesystem.ext4 import open_ext4
from tests.parsers.filesystem.ext4.files import FileSource
from tests.parsers.filesystem.ext4.reference import (
    differences,
    fill,
    flags_of,
    make,
    mounted,
    needs_e2fsprogs,
    needs_mount,
    usage_differs,
)

pytestmark = [needs_e2fsprogs, needs_mount, pytest.mark.slow]

VARIANTS = {
    "4 KiB blocks": ("128M",),
    "1 KiB blocks": ("64M", "-t", "ext4", "-b", "1024"),
    "2 KiB blocks": ("64M", "-t", "ext4", "-b", "2048"),
    "ext2": ("64M", "-t", "ext2", "-b", "1024"),
    "ext2 of revision 0": ("64M", "-t", "ext2", "-r", "0"),
    "ext3": ("64M", "-t", "ext3"),
    "inline data": ("64M", "-t", "ext4", "-O", "inline_data", "-I", "512"),
    "inline data in small inodes": ("64M", "-t", "ext4", "-O", "inline_data"),
    "ea_inode": ("64M", "-t", "ext4", "-O", "ea_inode"),
    "meta_bg": ("512M", "-t", "ext4", "-O", "meta_bg,^resize_inode", "-b", "1024"),
    "32 bit": ("64M", "-t", "ext4", "-O", "^64bit"),
    "sparse_super2": ("64M", "-t", "ext4", "-O", "sparse_super2,^resize_inode"),
    "no checksums": ("64M", "-t", "ext4", "-O", "^metadata_csum"),
    "group checksums": ("64M", "-t", "ext4", "-O", "^metadata_csum,uninit_bg"),
    "checksum seed": ("64M", "-t", "ext4", "-O", "metadata_csum_seed"),
    "large_dir": ("64M", "-t", "ext4", "-O", "large_dir", "-b", "1024"),
    "bigalloc": ("128M", "-t", "ext4", "-O", "bigalloc", "-C", "65536"),
    "bigalloc of 1 KiB blocks": ("128M", "-t", "ext4", "-O", "bigalloc", "-b", "1024", "-C", "16384"),
    "linear directories": ("64M", "-t", "ext4", "-O", "^dir_index"),
    "no types in directories": ("64M", "-t", "ext4", "-O", "^filetype,^flex_bg"),
    "no journal": ("64M", "-t", "ext4", "-O", "^has_journal"),
    "inodes of 128 bytes": ("64M", "-t", "ext4", "-I", "128"),
    "inodes of 1024 bytes": ("64M", "-t", "ext4", "-I", "1024"),
    "casefold": ("64M", "-t", "ext4", "-O", "casefold", "-E", "encoding=utf8"),
}
FLAGGED = ("f0", "f1", "f59", "f150", "f160", "f200")


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_path_reads_as_the_kernel_reads_it(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", *options)
    with mounted(image) as top:
        fill(top, huge_attribute=60_000 if "ea_inode" in options else 3000)
    tree = open_ext4(FileSource(image))
    with mounted(image, "ro") as top:
        assert differences(tree, top) == []
        assert usage_differs(tree, top) == []
        wanted = flags_of(top, FLAGGED)
    known = set().union(*wanted.values())
    for name in FLAGGED:
        inode = tree.lookup(tree.root, name)
        assert inode
        assert set(tree.stat(inode).flags or ()) & known == wanted[name]
    assert tree.problems == ()
    assert not tree.unreplayed_journal


@pytest.mark.parametrize("feature", ["dir_index", "dir_index,large_dir", "^dir_index"])
def test_a_directory_of_twelve_thousand_names(feature: str, tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "128M", "-t", "ext4", "-b", "1024", "-N", "16000", "-O", feature)
    with mounted(image) as top:
        (top / "big").mkdir()
        for number in range(5_000 if feature == "^dir_index" else 12_000):  # the kernel is slow at linear ones
            os.close(os.open(top / f"big/a file with a long name, number {number:06}", os.O_CREAT))
    source = FileSource(image)
    tree = open_ext4(source)
    with mounted(image, "ro") as top:
        wanted = {entry.name: entry.inode() for entry in os.scandir(top / "big")}
    big = tree.lookup(tree.root, "big")
    assert big
    assert {entry.name: entry.inode for entry in tree.entries(big)} == wanted
    asked = list(wanted)[:: 2000 if feature == "^dir_index" else 37]
    fresh = open_ext4(source)
    assert [fresh.lookup(big, name) for name in asked] == [wanted[name] for name in asked]
    if feature != "^dir_index":
        source.read = 0
        assert open_ext4(source).lookup(big, asked[0]) == wanted[asked[0]]
        assert source.read < 256 << 10  # superblock, one piece of an inode table, and a few blocks
    assert tree.problems == ()
