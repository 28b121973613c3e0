"""Cloudbase-Init's configuration: where it looks for metadata, which plugins it runs, whom it makes a user.

Specification: Cloudbase-Init's documentation, "Configuration file" and its options; oslo.config, "Option values in
config files": groups in brackets, "=" or ":" behind a name, lines that begin with white space go on with the value,
comments begin with "#" or ";" in the first column, and of an option that stands twice the last counts. Values of
options that hold secrets are not kept. Not done: references from one option to another ("$name"), and variables of the
environment.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

MAX_SIZE: Final = 1 << 20
DEFAULT: Final = "DEFAULT"
_OPTION: Final = re.compile(r"([^=:\s][^=:]*?)\s*[=:]\s*(.*)$")
_GROUP: Final = re.compile(r"\[([^\]]+)\]\s*$")
_SECRET: Final = re.compile(r"(?i)secret|oauth_(?:consumer|token)_key|password$|passphrase")
_TRUE: Final = frozenset({"true", "1", "on", "yes"})
_FALSE: Final = frozenset({"false", "0", "off", "no"})


class CloudbaseOption(msgspec.Struct, frozen=True):
    """An option: its line, its group, its name, and its value; None where that is a secret."""

    place: Place
    group: str
    name: str
    value: str | None


class CloudbaseInit(msgspec.Struct, frozen=True):
    """A configuration file: its options in their order, and the lines that are none."""

    path: str
    options: tuple[CloudbaseOption, ...]
    problems: tuple[Problem, ...]

    def option(self, name: str, group: str = DEFAULT) -> CloudbaseOption | None:
        """Return the option that counts, the last of its name; None where the file does not have it."""
        return next((item for item in reversed(self.options) if (item.group, item.name) == (group, name)), None)

    def texts(self, name: str, group: str = DEFAULT) -> tuple[str, ...] | None:
        """Return the values of a list such as `plugins`; None where the file does not have it."""
        found = self.option(name, group)
        if found is None or found.value is None:
            return None
        return tuple(part for text in re.split(r"[,\n]", found.value) if (part := text.strip()))

    def flag(self, name: str, group: str = DEFAULT) -> bool | None:
        """Return what a switch says; None where the file does not have it, or it says neither yes nor no."""
        found = self.option(name, group)
        value = (found.value or "").lower() if found else ""
        return True if value in _TRUE else False if value in _FALSE else None


def parse_cloudbase_init(text: str, path: str = "cloudbase-init.conf") -> CloudbaseInit:
    """Read every line that can be read."""
    if len(text) > MAX_SIZE:
        problem = Problem(Place(path), f"at most {MAX_SIZE} characters wanted, {len(text)} found")
        return CloudbaseInit(path, (), (problem,))
    problems: list[Problem] = []
    found: list[tuple[Place, str, str, list[str]]] = []
    group: str | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = line.rstrip()
        place = Place(path, line=number)
        if not line or line[0] in "#;":
            continue
        if line[0].isspace():
            if found:
                found[-1][3].append(line.strip())
            else:
                problems.append(Problem(place, "an option before its second line wanted, none found"))
        elif match := _GROUP.match(line):
            group = match[1].strip()
        elif group is None:
            problems.append(Problem(place, "a group such as [DEFAULT] before the options wanted, none found"))
        elif match := _OPTION.match(line):
            found.append((place, group, match[1], [match[2].strip()]))
        else:
            problems.append(Problem(place, 'an option and its value wanted, no "=" found'))
    return CloudbaseInit(path, tuple(_option(*item) for item in found), tuple(problems))


def _option(place: Place, group: str, name: str, lines: list[str]) -> CloudbaseOption:
    value = "\n".join(lines)
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    is_secret = _SECRET.search(name) and value.lower() not in _TRUE | _FALSE  # inject_user_password is a switch
    return CloudbaseOption(place, group, name, None if is_secret else value)
