"""Images of every container with a known content: written by qemu-img and qemu-io, who also say what they hold."""

from __future__ import annotations

import json
import random
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

from parsers.place import ParseError
from parsers.source import Source, check_range

MIB = 1 << 20


def random_image(path: Path, kind: str, options: str = "", size: int = 20 * MIB, seed: int = 1) -> Path:
    """Make an image with random writes in it, and return it as qemu-img reads it: a raw file beside it."""
    chance = random.Random(seed)
    made = path.with_suffix(".made") if "streamOptimized" in options else path
    how = ["raw"] if made != path else [kind, *(["-o", options] if options else [])]
    subprocess.run(["qemu-img", "create", "-q", "-f", *how, str(made), str(size)], check=True)
    info = json.loads(subprocess.check_output(["qemu-img", "info", "-f", how[0], "--output=json", str(made)]))
    sectors = info["virtual-size"] // 512
    words = []
    for number in range(24):
        length = chance.randrange(1, 400)
        offset = sectors - length if number == 0 else chance.randrange(sectors - length)
        words += ["-c", f"write -q -P {number + 1} {offset * 512} {length * 512}"]
    subprocess.run(["qemu-io", "-f", how[0], *words, str(made)], check=True, capture_output=True)
    if made != path:
        command = ["qemu-img", "convert", "-f", "raw", "-O", kind, "-o", options, str(made), str(path)]
        subprocess.run(command, check=True)
    return as_raw(path, kind)


def as_raw(path: Path, kind: str) -> Path:
    """Convert an image to a raw file beside it."""
    raw = path.with_suffix(".as-raw")
    subprocess.run(["qemu-img", "convert", "-f", kind, "-O", "raw", str(path), str(raw)], check=True)
    return raw


def assert_same(disk: Source, raw: Path, seed: int = 2) -> None:
    """Compare a disk with a raw file: in pieces of a megabyte, and in pieces of odd sizes at odd places."""
    chance = random.Random(seed)
    assert disk.size == raw.stat().st_size
    with raw.open("rb") as file:
        for offset in range(0, disk.size, MIB):
            assert disk.read_at(offset, min(MIB, disk.size - offset)) == file.read(MIB)
        for _ in range(300):
            length = chance.choice((0, 1, 511, 512, 4096, 65536, 70000, 3 * MIB))
            length = min(length, disk.size)
            offset = chance.randrange(disk.size - length + 1)
            file.seek(offset)
            assert disk.read_at(offset, length) == file.read(length)
    for offset, length in ((-1, 1), (disk.size, 1), (0, disk.size + 1)):
        try:
            disk.read_at(offset, length)
        except ParseError:
            continue
        raise AssertionError("a read outside the disk succeeded")


class Damaged:
    """Bytes with patches over them, perhaps cut off."""

    def __init__(self, data: bytes, patches: Sequence[tuple[int, bytes]], size: int) -> None:
        self.name = "damaged"
        self.size = size
        self._data = data
        self._patches = patches

    def read_at(self, offset: int, size: int) -> bytes:
        check_range(self, offset, size)
        found = bytearray(self._data[offset : offset + size])
        for at, patch in self._patches:
            start, stop = max(at, offset), min(at + len(patch), offset + size)
            if start < stop:
                found[start - offset : stop - offset] = patch[start - at : stop - at]
        return bytes(found)


def assert_survives(
    data: bytes, areas: Sequence[tuple[int, int]], opened: Callable[[Source], Source], count: int = 300
) -> int:
    """Open and read `count` damaged copies, hit where `areas` (offset, length) say; return how many could be read.

    Nothing but `ParseError` may come, no copy may take more than ten seconds of the processor, nor all of them 64 MiB.
    """
    whole = 0
    tracemalloc.start()
    try:
        for seed in range(count):
            chance = random.Random(seed)
            patches = []
            for _ in range(chance.choice((1, 1, 2, 4))):
                start, length = chance.choice(areas)
                at = start + chance.randrange(length)
                patch = chance.choice(
                    (b"\0", b"\xff", b"\x7f", bytes(4), b"\xff" * 4, b"\xff" * 8, chance.randbytes(2))
                )
                flipped = bytes([data[at] ^ 1 << chance.randrange(8)])
                patches.append((at, chance.choice((patch, flipped))))
            size = chance.randrange(len(data)) if chance.random() < 0.1 else len(data)
            started = time.process_time()
            whole += _reads(Damaged(data, patches, size), opened, chance)
            assert time.process_time() - started < 10, seed
        assert tracemalloc.get_traced_memory()[1] < 64 * MIB
    finally:
        tracemalloc.stop()
    return whole


def _reads(source: Source, opened: Callable[[Source], Source], chance: random.Random) -> bool:
    try:
        disk = opened(source)
        for offset in (0, disk.size // 2, disk.size - 512, *(chance.randrange(disk.size) for _ in range(5))):
            offset = min(max(offset, 0), disk.size)
            length = min(100_000, disk.size - offset)
            assert len(disk.read_at(offset, length)) == length
    except ParseError:
        return False
    return True
