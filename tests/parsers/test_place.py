from __future__ import annotations

import pytest

from parsers.place import ParseError, Place, Problem


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("/etc/fstab"), "/etc/fstab"),
        (Place("/etc/fstab", 4), "/etc/fstab:4"),
        (Place("/etc/shadow", 1, "root"), "/etc/shadow:1 root"),
        (Place("sda1", offset=1024, volume="sda1"), "sda1 at byte 1024"),
    ],
)
def test_a_place_reads_as_one_would_write_it(place: Place, text: str) -> None:
    assert str(place) == text


def test_problems_and_errors_begin_with_their_place() -> None:
    assert str(Problem(Place("/etc/fstab", 4), "3 fields wanted, 2 found")) == "/etc/fstab:4: 3 fields wanted, 2 found"
    error = ParseError(Place("disk", offset=510), "55 aa wanted, 00 00 found")
    assert str(error) == "disk at byte 510: 55 aa wanted, 00 00 found"
    assert error.place.offset == 510
