"""Replay in memory against e2fsck and the kernel, and journals that are damaged."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from parsers.filesystem.ext4 import Ext4Tree, open_ext4
from parsers.filesystem.ext4.journal import parse_journal_superblock, replay_journal
from parsers.place import ParseError
from parsers.source import Source
from tests.parsers.filesystem.ext4.files import FileSource, Patched, exhaust
from tests.parsers.filesystem.ext4.reference import (
    E2FSCK,
    debugfs,
    differences,
    make,
    mounted,
    needs_e2fsprogs,
    needs_mount,
)

pytestmark = needs_e2fsprogs
MAGIC = bytes.fromhex("c03b3998")
PIECE = 1 << 20


def e2fsck(image: Path) -> Path:
    """Replay by e2fsck, in a copy."""
    copy = image.with_suffix(".replayed")
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    assert E2FSCK
    subprocess.run([E2FSCK, "-fy", "-E", "journal_only", copy], check=False, capture_output=True)
    return copy


def differing_blocks(one: Source, other: Source, block_size: int) -> set[int]:
    found = set()
    for start in range(0, one.size, PIECE):
        size = min(PIECE, one.size - start)
        first, second = one.read_at(start, size), other.read_at(start, size)
        if first != second:
            steps = range(0, size, block_size)
            found |= {
                (start + at) // block_size
                for at in steps
                if first[at : at + block_size] != second[at : at + block_size]
            }
    return found


def administrative(tree: Ext4Tree, image: Path) -> set[int]:
    """Blocks that e2fsck changes besides: the superblock and that of the journal."""
    words = debugfs(image, "blocks <8>").split()
    journal = int(next(word for word in words if word.isdigit()))
    return {1024 // tree.superblock.block_size, journal}


def assert_replayed_like_e2fsck(image: Path) -> Ext4Tree:
    tree = open_ext4(FileSource(image))
    replayed = FileSource(e2fsck(image))
    assert not tree.unreplayed_journal
    assert tree.unclean
    assert "replayed in memory" in tree.unclean.message
    assert tree.problems == (tree.unclean,)
    different = differing_blocks(tree._volume.source, replayed, tree.superblock.block_size)
    assert different <= administrative(tree, image)
    return tree


def written(folder: Path, *options: str, version: str = "", revoke: bool = True) -> Path:
    """A volume with transactions that debugfs wrote into its journal, one of them with an escaped block."""
    image = make(folder / "x.img", "16M", "-t", "ext4", "-b", "1024", *options)
    text, escaped = folder / "text", folder / "escaped"
    text.write_bytes(b"t" * 3072)
    escaped.write_bytes(MAGIC + b"e" * 1020)
    debugfs(
        image,
        f"journal_open {version}",
        f"journal_write -b 9000,9001,9002 {text}",
        f"journal_write -b 9003 {escaped}",
        f"journal_write -b 9010,9011,9012 {text}",
        *(["journal_write -r 9011,9002"] if revoke else []),
        f"journal_write -b 9002 {escaped}",
        "journal_close",
    )
    return image


@pytest.mark.parametrize("bits", ["64bit", "^64bit"])
@pytest.mark.parametrize("version", ["", "-c", "-c -v 2", "-c -v 3", "-c -v 1"])
def test_transactions_of_debugfs(bits: str, version: str, tmp_path: Path) -> None:
    image = written(tmp_path, "-O", bits, version=version)
    tree = assert_replayed_like_e2fsck(image)
    source = tree._volume.source
    assert source.read_at(9000 << 10, 1024) == b"t" * 1024
    assert source.read_at((9003 << 10) + 2, 6) == MAGIC[2:] + b"eeee"
    assert source.read_at(9011 << 10, 1024) == bytes(1024)
    assert source.read_at(9002 << 10, 8) == MAGIC + b"eeee"


def test_an_empty_journal_is_replayed_trivially(tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "16M", "-t", "ext4")
    debugfs(image, "feature needs_recovery")
    tree = assert_replayed_like_e2fsck(image)
    assert tree.unclean
    assert "0 transactions" in tree.unclean.message


@pytest.mark.parametrize("at", [0xE0, 0x5C])
def test_a_journal_elsewhere_or_nowhere_is_said(at: int, tmp_path: Path) -> None:
    tree = open_ext4(Patched(FileSource(written(tmp_path)), {1024 + at: bytes(4)}))
    assert tree.unreplayed_journal
    assert tree.unclean
    assert "another device" in tree.unclean.message or "none found" in tree.unclean.message


def positions(image: Path, kind: int) -> list[int]:
    data = image.read_bytes()
    wanted, found, at = MAGIC + kind.to_bytes(4, "big"), [], -1
    while (at := data.find(wanted, at + 1)) >= 0:
        found.append(at)
    return found


def test_replay_stops_at_the_first_bad_commit(tmp_path: Path) -> None:
    image = written(tmp_path, version="-c -v 3")
    commits = positions(image, 2)
    assert len(commits) == 5
    tree = open_ext4(Patched(FileSource(image), {commits[1] + 0x30: b"\xff"}))
    assert tree.unreplayed_journal
    source = tree._volume.source
    assert source.read_at(9000 << 10, 4) == b"tttt"
    assert source.read_at(9003 << 10, 4) == bytes(4)
    tree = open_ext4(Patched(FileSource(image), {commits[1]: bytes(4)}))  # merely the end of the log
    assert not tree.unreplayed_journal
    assert tree._volume.source.read_at(9003 << 10, 4) == bytes(4)


def test_a_damaged_copy_of_a_block_is_left_out_and_said(tmp_path: Path) -> None:
    image = written(tmp_path, version="-c -v 3")
    first = positions(image, 1)[0] + 1024
    tree = open_ext4(Patched(FileSource(image), {first + 100: b"?"}))
    assert tree.unreplayed_journal
    assert tree.unclean
    assert "copy of block 9000" in tree.unclean.message
    assert tree._volume.source.read_at(9000 << 10, 4) == bytes(4)
    assert tree._volume.source.read_at(9001 << 10, 4) == b"tttt"


def test_damaged_journals_end_in_an_answer(tmp_path: Path) -> None:
    dice = random.Random(7)
    for version in ("", "-c -v 3"):
        image = written(tmp_path, version=version)
        spots = [at for kind in (1, 2, 4, 5) for at in positions(image, kind)]
        clean = FileSource(image)
        for _ in range(150):
            patches = {dice.choice(spots) + dice.randrange(96): dice.randbytes(dice.choice((1, 4))) for _ in range(2)}
            tree = open_ext4(Patched(clean, patches))
            assert tree.unclean
            exhaust(tree)


def test_a_log_that_fills_its_ring_ends(tmp_path: Path) -> None:
    """Every block of the log claims to be the same descriptor, so that a careless reader goes round for ever."""
    image = written(tmp_path)
    source = FileSource(image)
    tree = open_ext4(source)
    journal = tree._inodes.get(8)
    content = tree._content(journal)
    superblock = parse_journal_superblock(content)
    descriptor = MAGIC + (1).to_bytes(4, "big") + superblock.sequence.to_bytes(4, "big") + bytes(1012)
    ring = Patched(content, {block << 10: descriptor for block in range(1, superblock.blocks)})
    assert replay_journal(ring, 1024, 16384).blocks == {}


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    image = written(tmp_path)
    tree = open_ext4(FileSource(image))
    content = tree._content(tree._inodes.get(8))
    for at, patch in ((0, bytes(4)), (12, bytes(4)), (16, b"\xff\xff\xff\xff"), (20, bytes(4)), (28, b"\xff" * 4)):
        with pytest.raises(ParseError):
            replay_journal(Patched(content, {at: patch}), 1024, 16384)
    with pytest.raises(ParseError):
        replay_journal(Patched(content, {0x28: b"\xff\xff\xff\xff"}), 1024, 16384)
    with pytest.raises(ParseError):
        replay_journal(content, 4096, 16384)


KERNEL = {
    "4 KiB blocks": (),
    "1 KiB blocks": ("-b", "1024"),
    "no checksums": ("-O", "^metadata_csum"),
    "32 bit": ("-O", "^64bit"),
    "ext3": ("-t", "ext3"),
    "a small journal that wraps": ("-b", "1024", "-J", "size=1", "-O", "^metadata_csum,^64bit"),
}


@needs_mount
@pytest.mark.slow
@pytest.mark.parametrize("options", KERNEL.values(), ids=KERNEL.keys())
def test_a_snapshot_of_a_running_guest_reads_as_after_its_next_mount(options: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "x.img", "64M", *(options if "-t" in options else ("-t", "ext4", *options)))
    snapshot = tmp_path / "snapshot.img"
    with mounted(image) as top:
        for turn in range(12):
            (top / f"d{turn}").mkdir()
            for number in range(60):
                (top / f"d{turn}/f{number}").write_text(str(number))
            (top / f"d{turn}/escaped").write_bytes(MAGIC + b"q" * 5000)
            if turn % 3 == 2:
                shutil.rmtree(top / f"d{turn - 1}")
            os.sync() if turn == 0 else subprocess.run(["sync", "-f", top], check=True)
        subprocess.run(["cp", "--sparse=always", image, snapshot], check=True)
    tree = assert_replayed_like_e2fsck(snapshot)
    with mounted(e2fsck(snapshot), "ro") as top:
        assert differences(tree, top) == []
