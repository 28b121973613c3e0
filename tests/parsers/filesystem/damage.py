"""Damage to volumes, and what every reader of a file system has to stand: nothing but `ParseError` comes out, soon."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from parsers.filesystem.tree import Tree
from parsers.place import ParseError
from parsers.source import Source
from tests.parsers.filesystem.ext4.files import Patched, exhaust

Opener = Callable[[Source], Tree]
_SECONDS = 10


def fill(folder: Path, names: int, step: int) -> None:
    """Make a directory of so many long names, a file with a hole every `step` bytes, a deep file and a link to it."""
    (folder / "big").mkdir(parents=True)
    (folder / "a/b/c").mkdir(parents=True)
    for number in range(names):
        (folder / f"big/a long name that fills its block, {number:04}").write_bytes(b"x" * (number % 3))
    with (folder / "sparse").open("wb") as file:
        for number in range(60):
            file.seek(number * step)
            file.write(b"data")
    (folder / "a/b/c/text").write_bytes(bytes(range(256)) * 100)
    (folder / "link").symlink_to("a/b/c/text")


class Recorded:
    """A source that notes what was read of it."""

    def __init__(self, source: Source) -> None:
        self.name, self.size = source.name, source.size
        self.ranges: list[tuple[int, int]] = []
        self._source = source

    def read_at(self, offset: int, size: int) -> bytes:
        self.ranges.append((offset, size))
        return self._source.read_at(offset, size)


def survive(opened: Opener, source: Source, *, most: int = 60, content: int = 1 << 17) -> None:
    """Read whatever can be read of at most so many inodes, and so many bytes of each."""
    start = time.process_time()
    with suppress(ParseError):
        exhaust(opened(source), most=most, content=content)
    assert time.process_time() - start < _SECONDS


def glance(opened: Opener, source: Source) -> None:
    """Open a volume whose superblock is damaged, and look around."""
    with suppress(ParseError):
        tree = opened(source)
        assert tree.usage is None or tree.usage.free >= 0
        list(tree.entries(tree.root))


def touch(tree: Tree, number: int) -> None:
    """Ask everything of an inode, whatever it is."""
    for ask in (tree.stat, tree.xattrs, tree.readlink):
        with suppress(ParseError):
            ask(number)
    with suppress(ParseError):
        content = tree.open(number)
        content.read_at(0, min(content.size, 4096))
        content.read_at(max(0, content.size - 4096), min(content.size, 4096))
    with suppress(ParseError):
        for _ in zip(range(20), tree.entries(number), strict=False):
            pass
    with suppress(ParseError):
        tree.lookup(number, "absent")


def truncated(source: Source, count: int) -> Iterator[Source]:
    """Give a volume that ends early: within its superblock, and somewhere, `count` times."""
    dice = random.Random(1)
    for size in [*range(0, 4096, 511), *(dice.randrange(source.size) for _ in range(count))]:
        yield Patched(source, {}, size=size)


def damaged(
    source: Source, read: Callable[[Source], None], seed: int, rounds: int, near: int = 100
) -> Iterator[Source]:
    """Give a volume with three things changed where `read` reads, half of them in the first `near` bytes of a piece."""
    dice = random.Random(seed)
    recorded = Recorded(source)
    read(recorded)
    metadata = [(offset, size) for offset, size in recorded.ranges if 0 < size <= 65536]
    for _ in range(rounds):
        patches = {}
        for _ in range(3):
            offset, size = dice.choice(metadata)
            at = offset + dice.choice((dice.randrange(size), dice.randrange(min(size, near))))
            patches[at] = dice.choice((dice.randbytes(4), b"\xff\xff\xff\xff", bytes(2), bytes((dice.randrange(256),))))
        yield Patched(source, {at: patch for at, patch in patches.items() if at + 4 <= source.size})


@contextmanager
def allocating_at_most(limit: int) -> Iterator[None]:
    """Fail where what is done within allocates more bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()
