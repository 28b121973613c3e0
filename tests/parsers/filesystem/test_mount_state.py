"""How a file system fared: fresh from its mkfs it is clean, and each sign of the contrary is seen."""

from __future__ import annotations

import random
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from fixtures.disk import tool
from parsers.filesystem.mount_state import MountState, parse_mount_state
from parsers.place import ParseError
from parsers.source import Memory
from tests.oracles import needs

MAKERS = {"f2fs": ("mkfs.f2fs", "-q"), "jfs": ("jfs_mkfs", "-q"), "nilfs2": ("mkfs.nilfs2", "-q")}
CLEAN = MountState()
SEGMENT = 512 * 4096


def fresh(kind: str, folder: Path) -> bytearray:
    path = folder / kind
    with path.open("wb") as file:
        file.truncate(160 << 20 if kind == "nilfs2" else 64 << 20)
    subprocess.run([tool(MAKERS[kind][0]), *MAKERS[kind][1:], str(path)], check=True, capture_output=True)
    return bytearray(path.read_bytes())


def state(image: bytes | bytearray, kind: str) -> MountState:
    found = parse_mount_state(Memory(bytes(image)), kind)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=needs(MAKERS[kind][0])) for kind in MAKERS])
def test_what_was_just_made_is_clean(kind: str, tmp_path: Path) -> None:
    assert state(fresh(kind, tmp_path), kind) == CLEAN


def test_other_types_are_not_known() -> None:
    assert parse_mount_state(Memory(bytes(4096)), "ext4") is None


@needs("mkfs.f2fs")
def test_f2fs(tmp_path: Path) -> None:
    image = fresh("f2fs", tmp_path)
    start = int.from_bytes(image[1100:1104], "little") * 4096
    assert state(checkpoint(image, start, flags=0x1 | 0x8), "f2fs") == MountState(errors=("errors are on record",))
    assert state(checkpoint(image, start, flags=0x1 | 0x10), "f2fs").errors == ("a full check is asked for",)
    crashed = state(checkpoint(image, start, flags=0), "f2fs")
    assert crashed == MountState("the last checkpoint was not made when unmounting", stale=True)
    image[start + 140] ^= 1
    assert state(image, "f2fs") == CLEAN  # from the other one, with which mkfs begins
    image[start + SEGMENT + 140] ^= 1
    assert state(image, "f2fs").unclean == "no checkpoint is valid"
    image[1024 + 16] = 14
    assert state(image, "f2fs").stale


@needs("mkfs.f2fs")
def test_of_two_checkpoints_the_newer_one_counts(tmp_path: Path) -> None:
    image = fresh("f2fs", tmp_path)
    start = int.from_bytes(image[1100:1104], "little") * 4096
    count = int.from_bytes(image[start + 136 : start + 140], "little") * 4096
    second = start + SEGMENT
    image[second : second + count] = image[start : start + count]
    newer = checkpoint(image, second, flags=0, version=1 << 63)
    assert state(newer, "f2fs").stale
    newer[second + count - 4096] ^= 1  # its last block: it was not written to its end
    assert state(newer, "f2fs") == CLEAN


def checkpoint(image: bytearray, start: int, flags: int, version: int = 0) -> bytearray:
    """Return the image with other flags in a checkpoint, its checksums made right by the rule of the documentation."""
    changed = bytearray(image)
    count = int.from_bytes(changed[start + 136 : start + 140], "little")
    for block in (start, start + (count - 1) * 4096):
        place = int.from_bytes(changed[block + 164 : block + 168], "little")
        struct.pack_into("<I", changed, block + 132, flags)
        if version:
            struct.pack_into("<Q", changed, block, version)
        crc = zlib.crc32(changed[block : block + place], 0xF2F52010 ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
        struct.pack_into("<I", changed, block + place, crc)
    return changed


@needs("jfs_mkfs")
@pytest.mark.parametrize(("value", "errors"), [(1, ()), (2, ()), (6, ("replaying the log failed",))])
def test_jfs(value: int, errors: tuple[str, ...], tmp_path: Path) -> None:
    image = fresh("jfs", tmp_path)
    image[32768 + 40] = value
    assert state(image, "jfs") == MountState(f"state 0 (clean) wanted, {value:#x} found", stale=True, errors=errors)


@needs("mkfs.nilfs2")
@pytest.mark.parametrize(("value", "stale", "errors"), [(0, True, ()), (2, True, 1), (3, False, 1)])
def test_nilfs2(value: int, stale: bool, errors: int, tmp_path: Path) -> None:
    image = fresh("nilfs2", tmp_path)
    image[1024 + 116] = value
    found = state(image, "nilfs2")
    assert (found.stale, len(found.errors)) == (stale, errors or 0)


@pytest.mark.parametrize("base", [8 << 10, 64 << 10])
def test_reiserfs(base: int) -> None:
    """By hand: nothing makes ReiserFS any more."""
    image = bytearray(128 << 10)
    image[base + 52 : base + 61] = b"ReIsEr2Fs"
    image[base + 50] = 1
    assert state(image, "reiserfs") == CLEAN
    image[base + 62] = 1
    assert state(image, "reiserfs").errors == ("errors are on record: 0x1",)
    image[base + 50] = 2
    assert state(image, "reiserfs").stale


@pytest.mark.parametrize("kind", ["f2fs", "jfs", "nilfs2", "reiserfs"])
def test_noise_is_not_clean_and_does_not_escape(kind: str) -> None:
    for seed in range(200):
        noise = random.Random(seed)
        image = bytearray(noise.randbytes(noise.choice([0, 100, 2000, 70_000])))
        if len(image) > 2000:
            image[1024 + 16] = 12
            image[1024 + 20 : 1024 + 24] = bytes([noise.randrange(30), 0, 0, 0])
            image[1024 + 76 : 1024 + 80] = bytes([noise.randrange(17), 0, 0, noise.choice([0, 0, 255])])
        try:
            found = parse_mount_state(Memory(bytes(image)), kind)
        except ParseError:
            continue
        assert found is not None
        if kind in {"f2fs", "nilfs2"} and not image[1140:1141].strip(b"\0"):
            assert found.stale, seed
