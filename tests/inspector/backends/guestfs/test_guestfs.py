"""The appliance as a second reader: it sees what native sees, judges what native cannot read, and leaves nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.golden import GOLDEN, build_disk
from inspector.backends.choice import backend
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage, open_storage
from inspector.target import Target
from parsers.filesystem.tree import FileType, Stat, Tree
from tests.appliance import needs_appliance
from tests.inspector.backends.guestfs import images
from tests.oracles import needs

pytestmark = [
    needs_appliance(),
    needs("mkfs.f2fs", "jfs_mkfs", "mkfs.xfs", "mkfs.btrfs", "mkfs.vfat", "mcopy", "mke2fs"),
    pytest.mark.slow,
]
ROOT = Path(__file__).parents[4]
OF_THE_TYPE = {
    "ext4-features-are-accepted": None,  # not applicable, as the next
    "file-systems-fit-their-volumes": None,
    "root-file-system-grows": ("WARNING", True),
    "system-file-systems-are-accepted": ("WARNING", True),
}
"""The rules that have something else to say of a type that is not ext4."""
Row = tuple[FileType, int, int, int, int, int, str | None, str | None]


@pytest.fixture(scope="module", autouse=True)
def appliance() -> Iterator[None]:
    with images.appliance_environment():
        yield


def walk(tree: Tree) -> Iterator[tuple[str, int]]:
    pending = [("", tree.root)]
    while pending:
        path, inode = pending.pop()
        yield path or "/", inode
        if tree.stat(inode).type is FileType.DIRECTORY:
            for entry in tree.entries(inode):
                assert tree.lookup(inode, entry.name) == entry.inode
                pending.append((f"{path}/{entry.name}", entry.inode))


def row(tree: Tree, stat: Stat) -> Row:
    content = None
    if stat.type is FileType.FILE:
        content = hashlib.sha256(tree.open(stat.inode).read_at(0, stat.size)).hexdigest()
    target = tree.readlink(stat.inode) if stat.type is FileType.SYMLINK else None
    size = 0 if stat.type is FileType.DIRECTORY else stat.size
    return stat.type, stat.mode, stat.uid, stat.gid, size, stat.mtime, target, content


def rows(tree: Tree) -> dict[str, Row]:
    return {path: row(tree, tree.stat(inode)) for path, inode in walk(tree)}


def test_both_backends_read_the_same() -> None:
    """One appliance has all four, and logical volumes that need its device mapper."""
    folder = images.made()
    paths = tuple(str(folder / kind) for kind in (*images.TREES, "lvm"))
    native = open_storage(Target(paths))
    other = open_storage(Target(paths, backend=backend("guestfs")))
    assert [volume.type for volume in other.volumes[:4]] == list(images.TREES)
    for one, two in zip(native.volumes[:4], other.volumes[:4], strict=True):
        compare(one, two)
    check_mapped(native, other, (folder / "said").read_text().splitlines())


def check_mapped(native: Storage, guestfs: Storage, said: list[str]) -> None:
    for name, content in (("vg/snap", b"origin"), ("vg/slow", b"cached")):
        unread, volume = native.volume(name), guestfs.volume(name)
        assert unread is not None
        assert unread.tree is None
        assert volume is not None
        assert volume.flaw is None
        digest = hashlib.sha256(volume.source.read_at(0, volume.size)).hexdigest()
        assert f"{name.removeprefix('vg/')} {digest}" in said
        assert (volume.type, volume.backend, volume.dormant) == ("ext4", "guestfs", name == "vg/snap")
        assert volume.tree is not None
        inode = volume.tree.lookup(volume.tree.root, "name")
        assert inode is not None
        assert volume.tree.open(inode).read_at(0, 6) == content


def compare(native: Volume, guestfs: Volume) -> None:
    assert native.tree is not None
    assert guestfs.tree is not None, guestfs.reason
    assert (native.backend, guestfs.backend) == ("native", "guestfs")
    wanted, found = rows(native.tree), rows(guestfs.tree)
    assert sorted(wanted) == sorted(found)
    if native.type == "vfat":  # owners and modes are not on the disk, nor anything of the root
        assert {path: r[4:] for path, r in wanted.items() if path != "/"} == {
            path: r[4:] for path, r in found.items() if path != "/"
        }
    else:
        assert images.ODD in found
        assert wanted == found
    assert not guestfs.tree.unreplayed_journal
    one, two = native.tree.usage, guestfs.tree.usage
    assert one is not None
    assert two is not None
    assert two.total == one.total
    assert native.tree.lookup(native.tree.root, "absent") is None is guestfs.tree.lookup(guestfs.tree.root, "absent")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "inspector", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
    )


def judged(image: Path, choice: str) -> dict[str, tuple[str, bool]]:
    done = run("check", "--format", "json", "--fail-on", "never", "--backend", choice, str(image))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    return {rule["rule"]: (rule["status"], rule["known"]) for check in report["checks"] for rule in check["rules"]}


@pytest.mark.parametrize("kind", images.GUESTS)
def test_a_guest_on_what_native_does_not_read_is_judged(kind: str, tmp_path: Path) -> None:
    golden = judged(build_disk(GOLDEN, tmp_path / "golden.qcow2"), "native")
    found = judged(images.made() / kind, "auto")
    differing = {rule: found.get(rule) for rule in {*golden, *found} if golden.get(rule) != found.get(rule)}
    assert differing == OF_THE_TYPE
    while left_over():  # who was killed may not be gone yet
        time.sleep(0.1)


def left_over() -> list[str]:
    """Virtual machines whose drives are ours, once the folder of their scratch files is gone."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    folders = [
        match[0] for line in lines for match in re.finditer(rf"{tempfile.gettempdir()}/inspector-[^/ ]+/drives", line)
    ]
    return [folder for folder in folders if not Path(folder).exists()]
