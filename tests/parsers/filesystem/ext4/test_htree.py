"""Directory hashes against debugfs, and indexes that do not fit."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from parsers.filesystem.ext4 import open_ext4
from parsers.filesystem.ext4.htree import name_hash
from parsers.filesystem.tree import Tree
from tests.parsers.filesystem.ext4.files import FileSource, Patched
from tests.parsers.filesystem.ext4.reference import E2FSCK, debugfs, make, needs_e2fsprogs

pytestmark = needs_e2fsprogs
SEED = "11223344-5566-7788-99aa-bbccddeeff00"
WORDS = (0x44332211, 0x88776655, 0xCCBBAA99, 0x00FFEEDD)
NAMES = [
    "a",
    "ab",
    "abcd",
    "lost+found",
    "x" * 15,
    "y" * 16,
    "z" * 17,
    "m" * 31,
    "n" * 32,
    "o" * 33,
    "p" * 255,
    "é",
    "日本語" * 9,
]


@pytest.mark.parametrize("seeded", [True, False])
@pytest.mark.parametrize("version", range(6))
def test_hashes_are_those_of_debugfs(version: int, seeded: bool, tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "1M")
    option = f"-s {SEED} " if seeded else ""
    output = debugfs(image, *(f"dx_hash {option}-h {version} {name}" for name in NAMES))
    wanted = [int(found, 16) for found in re.findall(r"Hash of .* is 0x([0-9a-f]+)", output)]
    assert len(wanted) == len(NAMES)
    assert [name_hash(name.encode(), version, WORDS if seeded else None) for name in NAMES] == wanted


@pytest.fixture(scope="module", params=["half_md4", "tea", "legacy", "unsigned"])
def indexed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A volume with a hash-indexed directory of 3000 names, indexed by e2fsck."""
    top = tmp_path_factory.mktemp("ext")
    names = [f"{number}-{'ü' * (number % 30)}" for number in range(3000)]
    (top / "folder/big").mkdir(parents=True)
    for name in names:
        (top / "folder/big" / name).touch()
    options = ("-t", "ext4", "-b", "1024", "-N", "4000", "-d", str(top / "folder"))
    image = make(top / "x.img", "32M", *options)
    version = "half_md4" if request.param == "unsigned" else request.param
    flags = 2 if request.param == "unsigned" else 1
    debugfs(image, f"set_super_value def_hash_version {version}", f"set_super_value flags {flags}")
    assert E2FSCK
    subprocess.run([E2FSCK, "-fyD", image], check=False, capture_output=True)  # its status tells that it changed much
    assert "Number of entries" in debugfs(image, "htree_dump big")
    return image, names


def big_of(tree: Tree) -> int:
    found = tree.lookup(tree.root, "big")
    assert found
    return found


def test_every_name_is_found_by_its_hash(indexed: tuple[Path, list[str]]) -> None:
    image, names = indexed
    tree = open_ext4(FileSource(image))
    big = big_of(tree)
    wanted = {entry.name: entry.inode for entry in tree.entries(big)}
    assert wanted.keys() == set(names)
    source = FileSource(image)
    fresh = open_ext4(source)
    assert {name: fresh.lookup(big, name) for name in names} == wanted
    assert fresh.lookup(big, "absent") is None
    assert fresh.problems == ()


def test_an_index_that_does_not_fit_is_left_for_the_walk(indexed: tuple[Path, list[str]]) -> None:
    image, names = indexed
    dump = debugfs(image, "blocks big").split()
    root = next(int(word) for word in dump if word.isdigit()) * 1024
    clean = FileSource(image)
    inodes = {name: open_ext4(clean).lookup(big_of(open_ext4(clean)), name) for name in names[:3]}
    dice = random.Random(3)
    for case in range(120):
        patch = dice.randbytes(dice.choice((1, 2, 4, 8)))
        source = Patched(FileSource(image), {root + 0x18 + dice.randrange(64): patch})
        tree = open_ext4(source)
        big = big_of(tree)
        for name, inode in inodes.items():
            found = tree.lookup(big, name)
            # The kernel too is led astray by hashes that are in order and wrong; but nothing else may be found.
            assert found in (inode, None), case
    for patch in (b"\x01\0\0\0", b"\0\0\0\0\x09", b"\0\0\0\0\x01\x08\x03"):
        tree = open_ext4(Patched(FileSource(image), {root + 0x18: patch}))
        assert {name: tree.lookup(big_of(tree), name) for name in inodes} == inodes
        assert any("read from end to end" in problem.message for problem in tree.problems)
