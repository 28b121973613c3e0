"""Whether the log is clean, by the kernel: images copied while mounted, frozen, unmounted, and logs that went round."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from parsers.filesystem.xfs import open_xfs
from parsers.filesystem.xfs.log import Log
from tests.parsers.filesystem.ext4.files import FileSource, Patched, exhaust
from tests.parsers.filesystem.ext4.reference import differences, mounted, needs_mount, usage_differs
from tests.parsers.filesystem.xfs.reference import make, needs_xfsprogs, xfs_db

pytestmark = needs_xfsprogs


def churn(top: Path, rounds: int) -> None:
    for number in range(rounds):
        for name in range(40):
            (top / f"{number % 7}-{name}").write_text("x")
        os.sync()


def copy(image: Path, to: Path) -> Path:
    subprocess.run(["cp", "--sparse=always", image, to], check=True)
    return to


def test_a_new_file_system_is_clean(tmp_path: Path) -> None:
    tree = open_xfs(FileSource(make(tmp_path / "x.img", "300M")))
    assert not tree.unreplayed_journal
    assert tree.unclean is None
    assert tree.problems == ()
    assert list(tree.entries(tree.root)) == []


@needs_mount
@pytest.mark.parametrize("options", [(), ("-l", "su=262144"), ("-l", "su=4096"), ("-s", "size=4096")], ids=" ".join)
def test_a_copy_of_a_mounted_volume_is_dirty(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "300M", *options)
    with mounted(image, kind="xfs") as top:
        churn(top, 3)
        live = copy(image, tmp_path / "live.img")
    tree = open_xfs(FileSource(live))
    assert tree.unreplayed_journal
    assert tree.unclean
    assert "has to be replayed" in tree.unclean.message
    assert tree.problems[0] == tree.unclean
    exhaust(tree)
    assert open_xfs(FileSource(image)).problems == ()
    with mounted(live, "nouuid", kind="xfs"):  # the kernel replays it, and unmounts it
        pass
    tree = open_xfs(FileSource(live))
    assert tree.problems == ()
    with mounted(live, "ro,nouuid", kind="xfs") as top:
        assert differences(tree, top) == []
        assert usage_differs(tree, top) == []


@needs_mount
@pytest.mark.skipif(not shutil.which("xfs_freeze"), reason="xfs_freeze is absent")
def test_a_frozen_snapshot_is_dirty_by_design(tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "300M")
    with mounted(image, kind="xfs") as top:
        churn(top, 2)
        subprocess.run(["xfs_freeze", "-f", top], check=True)
        try:
            frozen = copy(image, tmp_path / "frozen.img")
        finally:
            subprocess.run(["xfs_freeze", "-u", top], check=True)
    tree = open_xfs(FileSource(frozen))
    assert tree.unclean
    assert "frozen" in tree.unclean.message
    assert len(list(tree.entries(tree.root))) == 80


@needs_mount
@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-l", "su=32768")], ids=" ".join)
def test_a_log_that_went_round(options: tuple[str, ...], tmp_path: Path) -> None:
    """A log of 10 MiB is written more than once; at every unmount on the way it is clean, before it is not."""
    log = ",".join(("size=10m", *options[1:]))
    image = make(tmp_path / "x.img", "300M", "--unsupported", "-l", log)
    after = 0
    for _ in range(30):
        with mounted(image, kind="xfs") as top:
            for number in range(1000):
                os.close(os.open(top / f"{number:0200}", os.O_CREAT))
                if number % 10 == 0:
                    os.sync()
            for number in range(1000):
                (top / f"{number:0200}").unlink()
            live = copy(image, tmp_path / "live.img")
        assert open_xfs(FileSource(live)).unreplayed_journal
        assert open_xfs(FileSource(image)).problems == ()
        after += Log(open_xfs(FileSource(image))._volume)._cycle(0) > 1
        if after == 3:
            return
    pytest.fail("the log did not go round")


def test_a_log_of_zeros_is_clean(tmp_path: Path) -> None:
    source = FileSource(make(tmp_path / "x.img", "300M"))
    log = Log(open_xfs(source)._volume)
    tree = open_xfs(Patched(source, {log.offset: bytes(log.sectors * 512)}))
    assert not tree.unreplayed_journal


def test_a_log_of_garbage_is_not_clean(tmp_path: Path) -> None:
    source = FileSource(make(tmp_path / "x.img", "300M"))
    log = Log(open_xfs(source)._volume)
    dice = random.Random(3)
    for patch in (
        {log.offset: dice.randbytes(1 << 20)},
        {log.offset: b"\xfe\xed\xba\xbe" * 1000},
        {log.offset: bytes(3) + b"\2", log.offset + 512: b"\0\0\0\1"},
        {log.offset + 512 + 9: b"\0"},
        {log.offset + 12: b"\xff\xff\xff\xff"},
        {log.offset + 40: b"\0\0\0\2"},
        {log.offset + 8: b"\0\0\0\2", log.offset + 320: b"\xff\xff\xff\xff"},
    ):
        tree = open_xfs(Patched(source, patch))
        if log.offset + 8 not in patch:
            assert tree.unreplayed_journal, patch
            assert tree.problems


def test_a_log_elsewhere_is_not_known_to_be_clean(tmp_path: Path) -> None:
    log = tmp_path / "log.img"
    log.write_bytes(bytes(64 << 20))
    tree = open_xfs(FileSource(make(tmp_path / "x.img", "300M", "-l", f"logdev={log},size=16384b")))
    assert tree.unreplayed_journal
    assert "another device" in str(tree.unclean)


def test_the_place_of_the_log_is_that_of_xfs_db(tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "300M")
    start = int(xfs_db(image, "sb 0", "print logstart").split(" = ")[1])
    said = xfs_db(image, f"convert fsblock {start} daddr")
    assert Log(open_xfs(FileSource(image))._volume).offset == int(said.split("(")[1].split(")")[0]) * 512
