"""/etc/hosts: names of addresses that need no name server.

Format: hosts(5): an address, its canonical name and aliases, parted by blanks; `#` begins a comment anywhere.
"""

from __future__ import annotations

import msgspec

from parsers.place import Place, Problem


class HostEntry(msgspec.Struct, frozen=True):
    """A line: `address` as it stands there, unchecked, and the names it is given, the canonical one first."""

    place: Place
    address: str
    names: tuple[str, ...]


class Hosts(msgspec.Struct, frozen=True):
    """Every line that could be read, and what is wrong with the others."""

    entries: tuple[HostEntry, ...]
    problems: tuple[Problem, ...] = ()


def parse_hosts(text: str, path: str = "/etc/hosts") -> Hosts:
    """Read every line that can be read; `path` only labels the places."""
    entries: list[HostEntry] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        place = Place(path, number)
        address, *names = line.partition("#")[0].split() or [""]
        if names:
            entries.append(HostEntry(place, address, tuple(names)))
        elif address:
            problems.append(Problem(place, f"an address and a name wanted, {address[:80]} alone found"))
    return Hosts(tuple(entries), tuple(problems))
