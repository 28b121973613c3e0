"""What the kernel of the test may not mount, filled by `mke2fs -d`, `debugfs` or hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parsers.filesystem.ext4 import open_ext4
from parsers.filesystem.tree import FileType
from parsers.place import ParseError
from tests.parsers.filesystem.ext4.files import FileSource, exhaust, walk
from tests.parsers.filesystem.ext4.reference import debugfs, differences, fill, make, needs_e2fsprogs, unlock

pytestmark = needs_e2fsprogs
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make the device files of the reference")


@root_only
@pytest.mark.parametrize("block_size", [1024, 4096, 8192, 16384, 32768, 65536])
def test_every_block_size(block_size: int, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    fill(folder, names=400, huge_attribute=200 if block_size == 1024 else 3000)
    image = make(tmp_path / "x.img", "300M", "-t", "ext4", "-b", str(block_size), "-d", str(folder))
    tree = open_ext4(FileSource(image))
    try:
        assert differences(tree, folder, exact=False) == []
        assert tree.problems == ()
    finally:
        unlock(folder)


@pytest.mark.parametrize(
    "options", [("-t", "ext2"), ("-t", "ext3"), ("-t", "ext4"), ("-t", "ext4", "-O", "inline_data")]
)
def test_without_root(options: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/text").write_bytes(b"x" * 5000)
    (folder / "a/link").symlink_to("b/text")
    (folder / "tiny").write_bytes(b"tiny")
    owner = f"root_owner={os.geteuid()}:{os.getegid()}"  # which mke2fs takes of all but the top
    tree = open_ext4(FileSource(make(tmp_path / "x.img", "16M", *options, "-E", owner, "-d", str(folder))))
    assert differences(tree, folder, exact=False) == []


def test_casefolded_directories(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "plain").mkdir(parents=True)
    (folder / "folded").mkdir()
    for name in ("README", "Straße", "Ünïcode", "ΣΊΣΥΦΟΣ"):
        (folder / "folded" / name).touch()
        (folder / "plain" / name).touch()
    (folder / "folded" / os.fsdecode(b"Bad\xff")).touch()
    options = ("-t", "ext4", "-O", "casefold", "-E", "encoding=utf8", "-d", str(folder))
    image = make(tmp_path / "x.img", "16M", *options)
    debugfs(image, "set_inode_field folded flags 0x40080000")
    tree = open_ext4(FileSource(image))
    plain, folded = tree.lookup(tree.root, "plain"), tree.lookup(tree.root, "folded")
    assert plain
    assert folded
    assert "casefold" in (tree.stat(folded).flags or ())
    assert {entry.name for entry in tree.entries(folded)} == {"README", "Straße", "Ünïcode", "ΣΊΣΥΦΟΣ", "Bad\udcff"}
    for asked, name in (
        ("readme", "README"),
        ("STRASSE", "Straße"),
        ("u\u0308nI\u0308CODE", "Ünïcode"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
    ):
        assert tree.lookup(folded, asked) == tree.lookup(folded, name) is not None
        assert tree.lookup(plain, asked) is None
    assert tree.lookup(folded, "bad\udcff") is None
    assert tree.lookup(folded, "Bad\udcff") is not None
    assert tree.lookup(folded, "other") is None


def test_encrypted_names_contents_and_targets(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "secret").mkdir(parents=True)
    (folder / "secret/abc").write_bytes(b"x" * 100)
    (folder / "file").write_bytes(b"y" * 100)
    (folder / "link").symlink_to("z" * 100)
    image = make(tmp_path / "x.img", "16M", "-t", "ext4", "-O", "encrypt", "-d", str(folder))
    debugfs(
        image,
        "set_inode_field secret flags 0x80800",
        "set_inode_field file flags 0x80800",
        "set_inode_field link flags 0x80800",
    )
    tree = open_ext4(FileSource(image))
    inodes = {path: stat.inode for path, stat in walk(tree)}
    assert "/secret/[encrypted 616263]" in inodes
    assert tree.lookup(inodes["/secret"], "[encrypted 616263]") == inodes["/secret/[encrypted 616263]"]
    assert tree.stat(inodes["/file"]).flags == ("encrypted",)
    with pytest.raises(ParseError, match="encrypted"):
        tree.lookup(inodes["/secret"], "abc")
    with pytest.raises(ParseError, match="encrypted"):
        tree.open(inodes["/file"])
    with pytest.raises(ParseError, match="encrypted"):
        tree.readlink(inodes["/link"])


def test_inline_data_with_a_huge_size_allocates_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"hello")
    image = make(tmp_path / "x.img", "16M", "-t", "ext4", "-O", "inline_data", "-I", "256", "-d", str(folder))
    size = (1 << 46) + 5
    debugfs(image, f"set_inode_field file size {size}")
    tree = open_ext4(FileSource(image))
    inode = tree.lookup(tree.root, "file")
    assert inode
    content = tree.open(inode)
    assert content.size == size
    assert content.read_at(0, 8) == b"hello\0\0\0"
    assert content.read_at(size - 4, 4) == bytes(4)
    with pytest.raises(ParseError):
        content.read_at(size - 4, 5)


def test_verity_is_named_and_read(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"hello")
    image = make(tmp_path / "x.img", "16M", "-t", "ext4", "-O", "verity", "-d", str(folder))
    debugfs(image, "set_inode_field file flags 0x180010")
    tree = open_ext4(FileSource(image))
    inode = tree.lookup(tree.root, "file")
    assert inode
    assert tree.stat(inode).flags == ("immutable", "verity")
    assert tree.open(inode).read_at(0, 5) == b"hello"


@pytest.mark.parametrize("kind", ["ext2", "ext4"])
def test_wrong_types_are_refused(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"hello")
    tree = open_ext4(FileSource(make(tmp_path / "x.img", "16M", "-t", kind, "-d", str(folder))))
    inode = tree.lookup(tree.root, "file")
    assert inode
    with pytest.raises(ParseError, match="a directory wanted"):
        tree.lookup(inode, "x")
    with pytest.raises(ParseError, match="a directory wanted"):
        list(tree.entries(inode))
    with pytest.raises(ParseError, match="a symbolic link wanted"):
        tree.readlink(inode)
    with pytest.raises(ParseError, match="a regular file wanted"):
        tree.open(tree.root)
    for wrong in (0, -1, 1 << 40):
        with pytest.raises(ParseError):
            tree.stat(wrong)
    assert tree.lookup(tree.root, "x" * 300) is None
    assert tree.lookup(tree.root, "\ud800") is None
    assert exhaust(tree) > 2
    assert {entry.type for entry in tree.entries(tree.root)} == {FileType.FILE, FileType.DIRECTORY}
