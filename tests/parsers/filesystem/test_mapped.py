from __future__ import annotations

import pytest

from parsers.filesystem.mapped import MappedContent
from parsers.place import ParseError
from parsers.source import Memory

BLOCK = 16
DISK = bytes(range(BLOCK * 8))


class Runs:
    """Logical block -> (block of the volume or None, how many follow in step)."""

    def __init__(self, *runs: tuple[int, int | None, int]) -> None:
        self._runs = runs

    def find(self, logical: int) -> tuple[int | None, int]:
        for first, block, count in self._runs:
            if first <= logical < first + count:
                step = logical - first
                return (None if block is None else block + step), count - step
        raise AssertionError(logical)


class Counting(Memory):
    reads = 0

    def read_at(self, offset: int, size: int) -> bytes:
        self.reads += 1
        return super().read_at(offset, size)


CONTENT = DISK[3 * BLOCK : 5 * BLOCK] + bytes(2 * BLOCK) + DISK[BLOCK : 2 * BLOCK] + DISK[2 * BLOCK : 3 * BLOCK]


def opened(size: int = len(CONTENT)) -> tuple[MappedContent, Counting]:
    disk = Counting(DISK)
    runs = Runs((0, 3, 2), (2, None, 2), (4, 1, 1), (5, 2, 1))
    return MappedContent(disk, BLOCK, runs, "sda1 inode 12", size), disk


def test_any_range_reads_as_the_blocks_and_holes_say() -> None:
    content, _ = opened()
    for start in range(len(CONTENT)):
        for end in range(start, len(CONTENT) + 1, 5):
            assert content.read_at(start, end - start) == CONTENT[start:end]


def test_what_lies_together_is_read_at_once() -> None:
    content, disk = opened()
    content.read_at(0, len(CONTENT))
    assert disk.reads == 2


def test_nothing_behind_the_end_is_read() -> None:
    content, _ = opened(size=20)
    assert content.read_at(10, 10) == CONTENT[10:20]
    with pytest.raises(ParseError, match="sda1 inode 12"):
        content.read_at(10, 11)
