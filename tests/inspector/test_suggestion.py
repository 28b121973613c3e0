from __future__ import annotations

import pytest

from inspector.suggestion import suggestion

KNOWN = ["Fstab", "fstab-parses", "windows-bcd-starts-windows", "windows-hives-load", "viostor.sys", "s"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("fstb", "Fstab"),
        ("FSTAB-parse", "fstab-parses"),
        ("windows-bcd", "windows-bcd-starts-windows"),
        ("hives", "windows-hives-load"),
        ("viostr.sys", "viostor.sys"),
    ],
)
def test_what_is_close_or_longer_is_meant(name: str, meant: str) -> None:
    assert suggestion(name, KNOWN) == f"; did you mean {meant!r}?"


@pytest.mark.parametrize("name", ["nothing of the kind", "", "*"])
def test_nothing_is_guessed_where_nothing_is_close(name: str) -> None:
    assert suggestion(name, KNOWN) == ""


def test_a_guest_with_more_names_than_are_worth_it() -> None:
    assert suggestion("abc", (f"{number:09}" for number in range(10**9))) == ""
