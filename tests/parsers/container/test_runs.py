"""Pieces of a disk, joined."""

from __future__ import annotations

import pytest

from parsers.container.runs import joined, read_runs
from parsers.place import ParseError
from parsers.source import Memory


def test_neighbours_are_joined() -> None:
    assert joined([(0, 4), (4, 2), (None, 3), (None, 1), (6, 1), (8, 1)]) == [(0, 6), (None, 4), (6, 1), (8, 1)]
    assert joined([]) == []
    assert joined([(5, 0), (7, 1)]) == [(7, 1)]


def test_the_bytes() -> None:
    file = Memory(bytes(range(10)))
    assert read_runs(file, [(2, 2), (None, 1), (9, 1)]) == b"\2\3\0\x09"
    assert read_runs(file, [(2, 2), (4, 1)]) == b"\2\3\4"
    assert read_runs(file, []) == b""
    with pytest.raises(ParseError):
        read_runs(file, [(9, 2)])
