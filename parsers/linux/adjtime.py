"""/etc/adjtime: whether the hardware clock keeps UTC or local time.

Format: hwclock(8), "The adjtime file": three lines, the third `UTC` or `LOCAL`. A file without a third line means UTC.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from parsers.place import Place, Problem


class ClockMode(StrEnum):
    """What the hardware clock keeps."""

    UTC = "utc"
    LOCAL = "local"


class Adjtime(msgspec.Struct, frozen=True):
    """The third line; `mode` is None where it says neither."""

    mode: ClockMode | None
    place: Place
    problems: tuple[Problem, ...] = ()


def parse_adjtime(text: str, path: str = "/etc/adjtime") -> Adjtime:
    """Read the third line; `path` only labels the places."""
    lines = text.split("\n")
    word = lines[2].strip() if len(lines) > 2 else ""
    if not word:
        return Adjtime(ClockMode.UTC, Place(path))
    place = Place(path, 3)
    if word in {"UTC", "LOCAL"}:
        return Adjtime(ClockMode(word.lower()), place)
    return Adjtime(None, place, (Problem(place, f"UTC or LOCAL wanted, {word[:80]} found"),))
