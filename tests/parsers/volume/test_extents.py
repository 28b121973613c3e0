from __future__ import annotations

import pytest

from parsers.place import ParseError
from parsers.source import Memory
from parsers.volume.extents import Chunked, Extent, Extents, Mirror, Unreadable
from parsers.volume.raid import Striped


def test_extents_are_read_across_their_bounds() -> None:
    source = Extents("x", [Extent(3, Memory(b"abcdef"), 2), Extent(2, None), Extent(0, None), Extent(2, Memory(b"yz"))])
    assert source.size == 7
    assert source.read_at(0, 7) == b"cde\0\0yz"
    assert [source.read_at(offset, 2) for offset in range(6)] == [b"cd", b"de", b"e\0", b"\0\0", b"\0y", b"yz"]
    assert source.read_at(7, 0) == b""
    with pytest.raises(ParseError):
        source.read_at(6, 2)


def test_an_extent_outside_its_source_is_refused() -> None:
    with pytest.raises(ParseError, match="ends at byte 2"):
        Extents("x", [Extent(3, Memory(b"ab"))])


def test_what_is_missing_says_so_where_it_is_read() -> None:
    source = Extents("x", [Extent(2, Memory(b"ab")), Extent(2, None, 0, "pv1 is missing")])
    assert source.read_at(0, 2) == b"ab"
    with pytest.raises(ParseError, match="pv1 is missing"):
        source.read_at(1, 2)


def test_chunks_come_from_their_legs() -> None:
    source = Chunked("x", 8, 2, [Memory(b"abef"), Memory(b"cdgh")], Striped(2, 2))
    assert source.read_at(0, 8) == b"abcdefgh"
    assert source.read_at(1, 4) == b"bcde"
    assert source.read_at(3, 0) == b""


def test_too_few_legs_are_refused_at_once() -> None:
    with pytest.raises(ParseError, match="enough of 2 legs to read wanted, 1 missing"):
        Chunked("x", 8, 2, [Memory(b"abef"), None], Striped(2, 2))
    with pytest.raises(ParseError, match="at least one byte"):
        Chunked("x", 8, 0, [Memory(b"abef")], Striped(1, 1))


def test_a_mirror_reads_the_first_leg_that_is_there() -> None:
    assert Mirror("x", 2, [None, Memory(b"ab"), Memory(b"zz")]).read_at(0, 2) == b"ab"
    with pytest.raises(ParseError, match="at least one leg"):
        Mirror("x", 2, [None])


def test_what_is_unreadable_has_a_size_and_a_reason() -> None:
    with pytest.raises(ParseError, match="it is cached"):
        Unreadable("x", 10, "it is cached").read_at(0, 1)
