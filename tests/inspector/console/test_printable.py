from __future__ import annotations

import datetime
import json

import pytest

from inspector.console.json_line import json_text
from inspector.console.printable import iso_time, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größe 漢字 🙂", "größe 漢字 🙂"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x7f\x80\x9b", "\\x7f\\u0080\\u009b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2028\u2029\ufeff\u200b", "\\u2028\\u2029\\ufeff\\u200b"),
        ("\udcff\udc80", "\\xff\\x80"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_is_unprintable_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_what_is_to_be_kept_is_kept() -> None:
    assert printable("a\tb\nc\x1b", keep="\n\t") == "a\tb\nc\\x1b"


def test_any_text_goes_through_json_and_back_as_printable_ascii() -> None:
    text = "".join(map(chr, range(0x300))) + "\u202e\udc80\udcff\ud800x\U0001f642"
    line = json_text({"path": text})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"path": text}


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_715_811_030_123_456_789, "2024-05-15T22:10:30.123456789Z"),
        (-(2**31) * 10**9, "1901-12-13T20:45:52.000000000Z"),
        (300_000_000_000 * 10**9, "@300000000000.000000000"),
        (2**90, "@1237940039285380274.899124224"),
    ],
)
def test_times(nanoseconds: int, shown: str) -> None:
    assert iso_time(nanoseconds) == shown


def test_times_are_those_of_the_calendar() -> None:
    for seconds in range(-(10**9), 5 * 10**9, 123_456_789):
        wanted = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
        assert iso_time(seconds * 10**9) == wanted.isoformat() + ".000000000Z"


def test_no_time_is_none() -> None:
    assert iso_time(None) is None
