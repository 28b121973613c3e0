"""Every reader keeps the contract of `Tree`: the same questions have the same kinds of answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parsers.filesystem.btrfs import open_btrfs
from parsers.filesystem.ext4 import open_ext4
from parsers.filesystem.fat import open_fat
from parsers.filesystem.tree import FileType, Tree, Usage
from parsers.source import Memory
from tests.memory_tree import MemoryTree
from tests.oracles import needs


def memory(_: Path) -> Tree:
    return MemoryTree({"/Folder/file.txt": "content"})


def ext4(folder: Path) -> Tree:
    (folder / "tree/Folder").mkdir(parents=True)
    (folder / "tree/Folder/file.txt").write_text("content")
    subprocess.run(["mke2fs", "-q", "-d", folder / "tree", folder / "fs", "1024k"], check=True, capture_output=True)
    return open_ext4(Memory((folder / "fs").read_bytes(), "sda1"))


def fat(folder: Path) -> Tree:
    (folder / "Folder").mkdir()
    (folder / "Folder/file.txt").write_text("content")
    subprocess.run(["mkfs.vfat", "-C", folder / "fs", "1440"], check=True, capture_output=True)
    subprocess.run(["mcopy", "-s", "-i", folder / "fs", folder / "Folder", "::/"], check=True, capture_output=True)
    return open_fat(Memory((folder / "fs").read_bytes(), "sda1"))


def btrfs(folder: Path) -> Tree:
    (folder / "tree/Folder").mkdir(parents=True)
    (folder / "tree/Folder/file.txt").write_text("content")
    with (folder / "fs").open("wb") as file:
        file.truncate(24 << 20)
    make = ["mkfs.btrfs", "-q", "-M", "--rootdir", str(folder / "tree"), str(folder / "fs")]
    subprocess.run(make, check=True, capture_output=True)
    return open_btrfs(Memory((folder / "fs").read_bytes(), "sda1"))


READERS = [
    memory,
    pytest.param(btrfs, marks=needs("mkfs.btrfs")),
    pytest.param(ext4, marks=needs("mke2fs")),
    pytest.param(fat, marks=needs("mkfs.vfat", "mcopy")),
]


@pytest.mark.parametrize("make", READERS)
def test_the_same_questions_have_the_same_answers(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tree: Tree = make(tmp_path)
    assert tree.stat(tree.root).type is FileType.DIRECTORY
    assert tree.lookup(tree.root, "nothing") is None
    folder = tree.lookup(tree.root, "Folder")
    assert folder is not None
    (entry,) = tree.entries(folder)
    assert entry.name == "file.txt"
    assert entry.type in {FileType.FILE, FileType.UNKNOWN}
    file = tree.lookup(folder, "file.txt")
    assert file == entry.inode
    stat = tree.stat(file)
    assert (stat.type, stat.size, stat.inode) == (FileType.FILE, 7, file)
    assert tree.open(file).read_at(0, 7) == b"content"
    assert tree.xattrs(file) == {}
    assert tree.unreplayed_journal is False
    assert tree.problems == ()
    assert tree.usage is None or isinstance(tree.usage, Usage)
