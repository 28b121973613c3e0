"""hosts.allow and hosts.deny, by which programs with TCP wrappers (Debian's sshd among them) refuse clients.

Syntax: hosts_access(5): `daemons : clients [: command or option ...]`, lists parted by blanks or commas, a backslash
at the end of a line continues it. The first line that matches counts, hosts.allow before hosts.deny.
Not done: which client matches a pattern; only whether a line is for all of them.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

_SEPARATORS: Final = re.compile(r"[\s,]+")
_FIELD: Final = re.compile(r":(?![^\[]*\])")
"""A colon that does not stand in an IPv6 address, which brackets enclose."""


class AccessRule(msgspec.Struct, frozen=True):
    """One line. `options` are its further fields, such as "allow", "deny" or "spawn ..."."""

    place: Place
    daemons: tuple[str, ...]
    clients: tuple[str, ...]
    options: tuple[str, ...] = ()

    def concerns(self, daemon: str) -> bool:
        """Tell whether the line is for a daemon, by its name or as one of ALL but those excepted."""
        wanted, _, excepted = _parted(self.daemons)
        names = {name.partition("@")[0] for name in wanted}
        return (daemon in names or "ALL" in names) and daemon not in excepted

    @property
    def everybody(self) -> bool:
        """Whether it is for every client, or for all but some."""
        return "ALL" in _parted(self.clients)[0]


class AccessRules(msgspec.Struct, frozen=True):
    """The lines of one file."""

    rules: tuple[AccessRule, ...]
    problems: tuple[Problem, ...] = ()


def parse_hosts_access(text: str, path: str) -> AccessRules:
    """Read every line that can be read; `path` only labels the places."""
    rules: list[AccessRule] = []
    problems: list[Problem] = []
    first, whole = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        first = first if whole else number
        if line.endswith("\\"):
            whole += line[:-1] + " "
            continue
        whole, joined = "", whole + line
        if not joined.strip() or joined.lstrip().startswith("#"):
            continue
        fields = [field.strip() for field in _FIELD.split(joined)]
        if len(fields) < 2 or not fields[0] or not fields[1]:
            problems.append(Problem(Place(path, first), f"daemons : clients wanted, {joined.strip()[:80]} found"))
            continue
        daemons, clients = (tuple(filter(None, _SEPARATORS.split(field))) for field in fields[:2])
        rules.append(AccessRule(Place(path, first), daemons, clients, tuple(fields[2:])))
    return AccessRules(tuple(rules), tuple(problems))


def _parted(words: tuple[str, ...]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Part a list at its first EXCEPT."""
    if "EXCEPT" not in words:
        return words, "", ()
    at = words.index("EXCEPT")
    return words[:at], "EXCEPT", words[at + 1 :]
