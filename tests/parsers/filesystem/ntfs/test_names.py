"""Names: how they are looked up in any case, and what is no name."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from parsers.filesystem.ntfs import open_ntfs
from parsers.filesystem.ntfs.name import UpperCase, parse_file_name, shown, stored
from parsers.filesystem.tree import FileType
from parsers.place import ParseError
from tests.oracles import needs
from tests.parsers.filesystem.ext4.files import FileSource
from tests.parsers.filesystem.ntfs.reference import find, make, mounted, needs_ntfs_3g

NAMES = (
    "System32", "DRIVERS", "Ärger", "straße", "ſharp", "ıstanbul", "ÿ", "ǆ", "ΣΑΣ", "ς", "привет", "ﬀ", "日本語",
    "𝔘𝔫𝔦", "a b.c", "Œuvre", "İ", "µ", "K", "ů-x", "Ⅷ", "ⓐ", "ꙁ",
)  # fmt: skip


@needs_ntfs_3g
@needs("lowntfs-3g")
def test_ntfs_3g_finds_the_same_without_regard_to_case(tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "16M")
    with mounted(image) as top:
        for name in NAMES:
            (top / name).write_text(name)
    tree = open_ntfs(FileSource(image))
    folder = tmp_path / "low"
    folder.mkdir()
    options = "no_detach,ro,ignore_case"
    driver = subprocess.Popen(
        ["lowntfs-3g", "-o", options, image, folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    while not folder.is_mount():
        assert driver.poll() is None
        time.sleep(0.02)
    try:
        asked = {form for name in NAMES for form in (name, name.upper(), name.lower(), name.swapcase(), name.title())}
        for name in asked:
            path = folder / name
            wanted = path.stat().st_ino if path.exists() else None
            assert (name, tree.lookup(tree.root, name)) == (name, wanted)
    finally:
        subprocess.run(["umount", folder], check=True)
        driver.communicate()


@needs_ntfs_3g
def test_the_exact_name_goes_first(tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "8M")
    with mounted(image) as top:
        for name in ("Same", "SAME", "same", "samE"):
            (top / name).write_text(name)
    tree = open_ntfs(FileSource(image))
    for name in ("Same", "SAME", "same", "samE"):
        assert tree.open(find(tree, name)).read_at(0, 4) == name.encode()
    assert tree.lookup(tree.root, "sAmE") in {entry.inode for entry in tree.entries(tree.root)}
    assert tree.lookup(tree.root, "sames") is None


def test_streams_are_found_as_windows_spells_them(filled: FileSource) -> None:
    tree = open_ntfs(filled)
    file = find(tree, "/f100")
    for name in ("f100:Zone.Identifier", "F100:ZONE.IDENTIFIER", "f100:zone.identifier:$Data"):
        inode = tree.lookup(tree.root, name)
        assert inode
        stat = tree.stat(inode)
        assert (stat.inode, stat.type, stat.size) == (inode, FileType.FILE, 26)
        assert tree.open(inode).read_at(0, 14) == b"[ZoneTransfer]"
        assert (tree.xattrs(inode), tree.streams(inode)) == ({}, ())
    assert [(stream.name, stream.size) for stream in tree.streams(file)] == [("Zone.Identifier", 26)]
    assert tree.lookup(tree.root, "f100::$DATA") == tree.lookup(tree.root, "F100::$data") == file
    folder = tree.lookup(tree.root, "small:of a folder")
    assert folder
    assert tree.stat(folder).type is FileType.FILE
    for name in ("f100:absent", "f100:", "absent:Zone.Identifier", "absent::$DATA", ":", "f100:\udcff"):
        assert tree.lookup(tree.root, name) is None
    with pytest.raises(ParseError, match="9 streams wanted, 1 found"):
        tree.open(9 << 48 | file)


def test_names_no_file_can_have(empty: FileSource) -> None:
    tree = open_ntfs(empty)
    for name in ("", "x" * 256, "\udcff", "\ud800", "absent"):
        assert tree.lookup(tree.root, name) is None
    with pytest.raises(ParseError, match="directory wanted"):
        tree.lookup(0, "x")
    with pytest.raises(ParseError, match="directory wanted"):
        list(tree.entries(9))


def test_halves_of_pairs_survive_the_way_there_and_back() -> None:
    for name in ("plain", "ä", "𝔘", "\ud800x", "\udc00", "\udc00\ud800"):
        assert stored(shown(name)) == name
    assert os.fsencode(shown("\ud800")) == b"\xed\xa0\x80"
    assert stored("\udcff") is None


def test_a_table_that_makes_pairs() -> None:
    units = [*range(65536)]
    units[0x61], units[0x62] = 0xD800, 0xDC00
    upper = UpperCase(lambda: b"".join(unit.to_bytes(2, "little") for unit in units))
    assert upper.key("é") == "é"
    assert upper.key("éab") == "é\ud800\udc00"
    assert UpperCase(bytes).key("éab") == "éab"  # a table that is empty


@pytest.mark.parametrize("size", [0, 65, 66, 67])
def test_names_that_are_cut_off(size: int) -> None:
    assert parse_file_name((bytes(64) + b"\1\1a\0")[:size]) is None
