"""Places, problems and the one error, as a person reads them."""

from __future__ import annotations

import pytest

from parsers.place import ParseError, Place, Problem


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("/etc/fstab"), "/etc/fstab"),
        (Place("/etc/fstab", 4), "/etc/fstab:4"),
        (Place("/etc/ssh/sshd_config", 7, "Port"), "/etc/ssh/sshd_config:7 Port"),
        (Place("sda1", offset=1024), "sda1 at byte 1024"),
        (Place("sda1", offset=0, volume="sda1"), "sda1 at byte 0"),
    ],
)
def test_a_place_says_where(place: Place, text: str) -> None:
    assert str(place) == text


def test_problems_and_errors_say_where_and_what() -> None:
    place = Place("/etc/fstab", 2)
    assert str(Problem(place, "3 fields wanted, 2 found")) == "/etc/fstab:2: 3 fields wanted, 2 found"
    error = ParseError(place, "3 fields wanted, 2 found")
    assert str(error) == "/etc/fstab:2: 3 fields wanted, 2 found"
    assert (error.place, error.message) == (place, "3 fields wanted, 2 found")
