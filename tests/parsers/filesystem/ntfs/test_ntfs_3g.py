"""Ntfs-3g and libfsntfs as the oracles: the one fills volumes of many kinds, and every path must read as both do."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from parsers.filesystem.ntfs import open_ntfs, records
from tests.parsers.filesystem.ext4.files import FileSource, walk
from tests.parsers.filesystem.ntfs import libfsntfs
from tests.parsers.filesystem.ntfs.reference import (
    ALL_FORMS,
    differences,
    fill,
    fill_compressed,
    find,
    forms,
    make,
    mounted,
    needs_ntfs_3g,
)

pytestmark = [needs_ntfs_3g, pytest.mark.slow]

VARIANTS = {
    "as made today": ("64M",),
    "clusters of 512 bytes": ("64M", "-c", "512"),
    "clusters of 1 KiB": ("64M", "-c", "1024"),
    "clusters of 2 KiB": ("64M", "-c", "2048"),
    "clusters of 8 KiB": ("64M", "-c", "8192"),
    "clusters of 64 KiB": ("200M", "-c", "65536"),
    "clusters of 256 KiB": ("600M", "-c", "262144"),
    "clusters of 2 MiB": ("2000M", "-c", "2097152"),
    "sectors of 256 bytes": ("64M", "-s", "256"),
    "sectors of 1 KiB": ("64M", "-s", "1024"),
    "sectors of 4 KiB": ("64M", "-s", "4096"),
    "sectors of 4 KiB, clusters of 64 KiB": ("200M", "-s", "4096", "-c", "65536"),
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_path_reads_as_ntfs_3g_and_libfsntfs_read_it(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", *options)
    with mounted(image, "compression") as top:
        fill(top)
        cluster = os.statvfs(top).f_bsize
        small = cluster <= 4096
        if small:
            fill_compressed(top)
    tree = open_ntfs(FileSource(image))
    with mounted(image, "ro") as top:
        assert differences(tree, top) == []
        host = os.statvfs(top)
        assert tree.usage
        assert (tree.usage.total, tree.usage.free) == (host.f_blocks * host.f_frsize, host.f_bfree * host.f_frsize)
    unlike = libfsntfs.differences(tree, FileSource(image))
    assert unlike.keys() == {"metadata file", "Interix link", "junction"} | (set() if small else {"unlisted"})
    assert tree.problems == ()
    assert not tree.unreplayed_journal
    if "4096" not in options:  # whose records are larger, and hold more
        assert forms(tree) >= ALL_FORMS
    assert ("compressed" in forms(tree)) == small


def test_a_fragmented_table_of_a_full_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The master file table grows into what single files left free, until it needs an attribute list itself."""
    image = make(tmp_path / "n.img", "16M", "-c", "512")
    with mounted(image) as top:
        count = 0
        with suppress(OSError):  # until it is full
            for count in range(30_000):
                (top / f"d{count:06}").write_bytes(b"%06d" % count * 260)
        for number in range(0, count, 2):
            (top / f"d{number:06}").unlink()
        for number in range(count):
            (top / f"m{number:06}").touch()
    tree = open_ntfs(FileSource(image))
    with mounted(image, "ro") as top:
        assert differences(tree, top) == []
    pieces = tree._records._mapping._runs
    assert len(pieces) > 1
    assert sum(len(piece._starts) for piece in pieces) > 100
    assert tree.problems == ()
    monkeypatch.setattr(records, "_PIECE", 64 << 20)  # more is read at once than is mapped when the list is followed
    again = open_ntfs(FileSource(image))
    assert dict(walk(again)) == dict(walk(tree))
    assert len(again._records._mapping._runs) == len(pieces)


@pytest.mark.parametrize("options", [(), ("-c", "512"), ("-c", "65536"), ("-s", "4096")], ids=" ".join)
def test_a_directory_of_twelve_thousand_names(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "200M", *options)
    with mounted(image) as top:
        (top / "big").mkdir()
        for number in range(12_000):
            os.close(os.open(top / f"big/A file with a long näme, number {number:06}", os.O_CREAT))
        wanted = {entry.name: entry.inode() for entry in os.scandir(top / "big")}
    source = FileSource(image)
    tree = open_ntfs(source)
    big = find(tree, "BIG")
    assert {entry.name: entry.inode for entry in tree.entries(big)} == wanted
    asked = list(wanted)[::37]
    fresh = open_ntfs(source)
    assert [fresh.lookup(big, name.upper()) for name in asked] == [wanted[name] for name in asked]
    fresh = open_ntfs(source)
    source.read = 0
    assert fresh.lookup(big, asked[0]) == wanted[asked[0]]
    assert source.read < 300 << 10  # the table of upper case, two pieces of records, three blocks of the index
    assert tree.problems == ()
