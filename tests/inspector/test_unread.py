from __future__ import annotations

import pytest

from inspector.facts import UnknownFact
from inspector.unread import Unread
from parsers.place import ParseError, Place


def test_the_first_error_is_told_after_all_were_looked_at() -> None:
    unread = Unread()
    seen = []
    for number in range(3):
        with unread.kept():
            seen.append(number)
            if number:
                raise ParseError(Place(str(number)), "broken")
    assert seen == [0, 1, 2]
    with pytest.raises(ParseError, match="1: broken"):
        unread.tell()


def test_nothing_is_told_where_nothing_was_raised() -> None:
    unread = Unread()
    with unread.kept():
        pass
    unread.tell()


def test_other_errors_pass() -> None:
    unread = Unread()
    with pytest.raises(ZeroDivisionError), unread.kept():
        raise ZeroDivisionError
    with unread.kept():
        raise UnknownFact("not there")
    with pytest.raises(UnknownFact, match="not there"):
        unread.tell()
