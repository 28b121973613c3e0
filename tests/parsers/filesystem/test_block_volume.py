from __future__ import annotations

from parsers.filesystem.block_volume import BlockVolume
from parsers.place import Place, Problem
from parsers.source import Memory

KNOWN = (Problem(Place("sda1"), "known before"),)


def test_it_notes_each_thing_once_and_at_most_a_hundred() -> None:
    volume = BlockVolume(Memory(bytes(4096), "sda1"), 1024, 4, KNOWN, checksums=True)
    for number in range(200):
        volume.report(number // 2, "wrong")
    assert volume.problems[:2] == (*KNOWN, Problem(Place("sda1", offset=0), "wrong"))
    assert len(volume.problems) == 100
    assert volume.error(7, "broken").place == Place("sda1", offset=7)


def test_a_volume_that_ends_too_soon_is_told() -> None:
    volume = BlockVolume(Memory(bytes(4096), "sda1"), 1024, 5, (), checksums=False)
    assert [problem.message for problem in volume.problems] == [
        "a file system of 5120 bytes wanted, the volume ends at byte 4096"
    ]


def test_metadata_are_verified_once_where_they_have_checksums() -> None:
    volume = BlockVolume(Memory(b"", "sda1"), 1024, 0, (), checksums=True)
    assert [volume.verifies(offset) for offset in (0, 512, 0)] == [True, True, False]
    assert not BlockVolume(Memory(b"", "sda1"), 1024, 0, (), checksums=False).verifies(0)
