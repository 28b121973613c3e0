"""Overlaps and ends, whatever the kind of table."""

from __future__ import annotations

from parsers.partition.table import Flaw, Partition, outside, overlaps


def partition(number: int, offset: int, size: int) -> Partition:
    return Partition(number, offset, size, "0x83")


def test_neighbours_do_not_overlap() -> None:
    assert list(overlaps("sda", [partition(1, 0, 10), partition(2, 10, 10), partition(3, 30, 1)])) == []


def test_each_partition_inside_an_earlier_one_is_named() -> None:
    found = list(overlaps("sda", [partition(3, 90, 20), partition(1, 0, 100), partition(2, 10, 10)]))
    assert [problem.message for problem in found] == [
        "partition 2 overlaps partition 1",
        "partition 3 overlaps partition 1",
    ]
    assert {problem.flaw for problem in found} == {Flaw.OVERLAP}


def test_a_partition_may_end_with_the_disk_and_no_later() -> None:
    assert list(outside("sda", [partition(1, 0, 100)], 100)) == []
    (problem,) = outside("sda", [partition(1, 1, 100)], 100)
    assert (problem.flaw, problem.place.offset) == (Flaw.OUTSIDE, 1)
