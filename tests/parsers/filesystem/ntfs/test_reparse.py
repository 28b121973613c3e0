"""Reparse points: links of every kind, and contents that other drivers of Windows give."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from parsers.filesystem.ntfs import open_ntfs
from parsers.filesystem.ntfs.attribute import Type, value_of
from parsers.filesystem.ntfs.reparse import link_target, parse_reparse_point
from parsers.filesystem.tree import FileType
from parsers.place import ParseError, UnsupportedError
from tests.parsers.filesystem.ext4.files import FileSource, Patched
from tests.parsers.filesystem.ntfs.reference import (
    JUNCTION,
    SYMLINK,
    WOF,
    find,
    link_body,
    make,
    mounted,
    needs_ntfs_3g,
    set_flags,
    set_reparse,
)

LINUX = 0xA000001D


def target(tag: int, body: bytes) -> str | None:
    point = parse_reparse_point(struct.pack("<IHH", tag, len(body), 0) + body)
    assert point
    assert point.tag == tag
    return link_target(point)


@pytest.mark.parametrize(
    ("tag", "body", "wanted"),
    [
        (JUNCTION, link_body("\\??\\C:\\Users", "C:\\Users", None), "C:\\Users"),
        (JUNCTION, link_body("\\??\\Volume{1-2}\\", "", None), "Volume{1-2}\\"),
        (SYMLINK, link_body("\\??\\D:\\x", "D:\\x", 0), "D:\\x"),
        (SYMLINK, link_body("..\\a\\b", "..\\a\\b", 1), "../a/b"),
        (SYMLINK, link_body("\\Windows", "\\Windows", 1), "/Windows"),
        (SYMLINK, link_body("ä\ud800", "", 1), "ä\udced\udca0\udc80"),
        (LINUX, b"\2\0\0\0/usr/bin\\x", "/usr/bin\\x"),
        (LINUX, b"\1\0\0\0/usr", None),
        (SYMLINK, b"", None),
        (SYMLINK, link_body("", "", 1), None),
        (SYMLINK, struct.pack("<HHHHI", 0, 100, 0, 0, 1), None),
        (SYMLINK, struct.pack("<HHHHI", 0, 3, 0, 0, 1) + bytes(8), None),
        (JUNCTION, struct.pack("<HHHH", 0xFFFF, 0xFFFF, 0, 0), None),
        (WOF, struct.pack("<IIII", 1, 2, 1, 0), None),
    ],
)
def test_targets(tag: int, body: bytes, wanted: str | None) -> None:
    assert target(tag, body) == wanted


def test_a_tag_that_is_cut_off() -> None:
    assert parse_reparse_point(b"\x0c\0\0\xa0") is None
    point = parse_reparse_point(struct.pack("<IHH", WOF, 8, 0) + struct.pack("<II", 1, 1))
    assert point
    assert point.algorithm is None


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (0x80000013, "deduplication"),
        (0x9000701A, None),
        (0x9000001A, None),
        (0x80000018, "Windows containers"),
        (0x9000001C, "the projected file system"),
        (0xC0000004, "hierarchical storage"),
        (0x80001234, "0x80001234"),
        (WOF, "another provider"),
    ],
)
@needs_ntfs_3g
def test_contents_of_other_drivers_are_named(tag: int, words: str | None, tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "8M")
    with mounted(image) as top:
        (top / "file").write_bytes(b"what lies here")
        set_reparse(top / "file", tag, bytes(24))
    tree = open_ntfs(FileSource(image))
    inode = find(tree, "/file")
    assert tree.stat(inode).type is FileType.FILE
    assert "reparse-point" in (tree.stat(inode).flags or ())
    with pytest.raises(ParseError, match="symbolic link wanted"):
        tree.readlink(inode)
    if tag == 0x9000701A:
        with mounted(image) as top:
            set_flags(top / "file", 0x1400)
        with pytest.raises(UnsupportedError, match="cloud files"):
            open_ntfs(FileSource(image)).open(inode)
    if words is None:  # the content is on the disk
        assert tree.open(inode).read_at(0, 14) == b"what lies here"
    else:
        with pytest.raises(UnsupportedError, match=words):
            tree.open(inode)


@needs_ntfs_3g
def test_links_on_a_volume(tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "8M")
    with mounted(image, "special_files=wsl") as top:
        (top / "of wsl").symlink_to("some/where")
        (top / "folder").mkdir()
        set_reparse(top / "folder", SYMLINK, link_body("\\??\\C:\\Program Files", "", 0))
    tree = open_ntfs(FileSource(image))
    kinds = {entry.name: entry.type for entry in tree.entries(tree.root)}
    assert kinds == {"of wsl": FileType.SYMLINK, "folder": FileType.SYMLINK}
    assert tree.readlink(find(tree, "/of wsl")) == "some/where"
    assert tree.readlink(find(tree, "/folder")) == "C:\\Program Files"
    assert tree.stat(find(tree, "/folder")).size == 16


@needs_ntfs_3g
def test_streams_of_over_a_mebibyte_are_left_out(tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "16M")
    with mounted(image, "streams_interface=windows") as top:
        (top / "file").touch()
        for number in range(20):
            Path(f"{top}/file:{number:02}").write_bytes(bytes(65_000))
        Path(f"{top}/file:large").write_bytes(bytes(100_000))
    tree = open_ntfs(FileSource(image))
    inode = find(tree, "/file")
    assert len(tree.xattrs(inode)) == 16
    assert len(tree.streams(inode)) == 21
    assert [problem.message for problem in tree.problems] == [f"record {inode}: streams of over 1048576 bytes left out"]


def test_encrypted_files_are_named(filled: FileSource) -> None:
    tree = open_ntfs(filled)
    inode = tree._records.get(find(tree, "/f4097"))
    data, information = inode.find(Type.DATA), inode.find(Type.STANDARD_INFORMATION)
    assert data
    assert information
    flags = information.place + information.data.index(value_of(tree._volume, information)) + 32
    broken = open_ntfs(Patched(filled, {data.place + 12: b"\0\x40", flags + 1: b"\x40"}))
    assert "encrypted" in (broken.stat(inode.number).flags or ())
    assert broken.stat(inode.number).size == 4097
    with pytest.raises(UnsupportedError, match="EFS"):
        broken.open(inode.number)
