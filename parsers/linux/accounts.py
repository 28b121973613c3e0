"""Accounts: passwd, shadow, group and gshadow.

Formats: passwd(5), shadow(5), group(5), gshadow(5): fields parted by colons. As in glibc's "files" service, blanks at
the beginning of a line do not count and a line that begins with # is a comment.
Not done: the NIS entries (`+`, `-`) are kept apart, not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.place import Place, Problem

_ID: Final = re.compile(r"[0-9]{1,10}")
_MAX_ID: Final = 2**32 - 1
_DAYS: Final = re.compile(r"-?[0-9]{1,18}|")


class User(msgspec.Struct, frozen=True):
    """A line of passwd."""

    place: Place
    name: str
    password: str
    uid: int
    gid: int
    comment: str
    home: str
    shell: str


class Secret(msgspec.Struct, frozen=True):
    """A line of shadow. Times are days; None where the field is empty or missing."""

    place: Place
    name: str
    password: str
    last_change: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    warning: int | None = None
    inactive: int | None = None
    expires: int | None = None

    @property
    def locked(self) -> bool:
        """Whether no password fits: the hash is "*", "!" or begins with "!"."""
        return self.password.startswith(("!", "*"))


class Group(msgspec.Struct, frozen=True):
    """A line of group."""

    place: Place
    name: str
    password: str
    gid: int
    members: tuple[str, ...]


class GroupSecret(msgspec.Struct, frozen=True):
    """A line of gshadow."""

    place: Place
    name: str
    password: str
    administrators: tuple[str, ...]
    members: tuple[str, ...]


class Passwd(msgspec.Struct, frozen=True):
    """The users; `nis` holds the places of the entries that ask NIS for more."""

    users: tuple[User, ...]
    problems: tuple[Problem, ...] = ()
    nis: tuple[Place, ...] = ()


class Shadow(msgspec.Struct, frozen=True):
    """The secrets of users."""

    secrets: tuple[Secret, ...]
    problems: tuple[Problem, ...] = ()


class Groups(msgspec.Struct, frozen=True):
    """The groups."""

    groups: tuple[Group, ...]
    problems: tuple[Problem, ...] = ()


class Gshadow(msgspec.Struct, frozen=True):
    """The secrets of groups."""

    secrets: tuple[GroupSecret, ...]
    problems: tuple[Problem, ...] = ()


def parse_passwd(text: str, path: str = "/etc/passwd") -> Passwd:
    """Read every line that can be read; `path` only labels the places."""
    users: list[User] = []
    problems: list[Problem] = []
    nis: list[Place] = []
    for place, fields in _lines(text, path):
        if fields[0].startswith(("+", "-")):
            nis.append(place)
        elif flaw := _flaw(fields, 7, ids=(2, 3)):
            problems.append(Problem(place, flaw))
        else:
            name, password, uid, gid, comment, home, shell = fields
            users.append(User(place, name, password, int(uid), int(gid), comment, home, shell))
    return Passwd(tuple(users), tuple(problems), tuple(nis))


def parse_shadow(text: str, path: str = "/etc/shadow") -> Shadow:
    """Read every line that can be read. Lines of fewer than nine fields are taken, as by glibc, from two on."""
    secrets: list[Secret] = []
    problems: list[Problem] = []
    for place, fields in _lines(text, path):
        days = (fields[2:8] + [""] * 6)[:6]
        reserved = fields[8:9] or [""]
        if fields[0].startswith(("+", "-")):
            continue
        if not 2 <= len(fields) <= 9:
            problems.append(Problem(place, f"9 fields wanted, {len(fields)} found"))
        elif bad := next((field for field in days if not _DAYS.fullmatch(field)), None):
            problems.append(Problem(place, f"a number of days wanted, {bad[:80]} found"))
        elif not _DAYS.fullmatch(reserved[0]):  # glibc drops the whole line, as where it ends with \r
            problems.append(Problem(place, f"a number or nothing wanted in field 9, {reserved[0][:80]!r} found"))
        elif not fields[0]:
            problems.append(Problem(place, "a name wanted, none found"))
        else:
            secrets.append(Secret(place, fields[0], fields[1], *(int(day) if day else None for day in days)))
    return Shadow(tuple(secrets), tuple(problems))


def parse_group(text: str, path: str = "/etc/group") -> Groups:
    """Read every line that can be read; `path` only labels the places."""
    groups: list[Group] = []
    problems: list[Problem] = []
    for place, fields in _lines(text, path):
        if fields[0].startswith(("+", "-")):
            continue
        if flaw := _flaw(fields, 4, ids=(2,)):
            problems.append(Problem(place, flaw))
        else:
            name, password, gid, members = fields
            groups.append(Group(place, name, password, int(gid), _names(members)))
    return Groups(tuple(groups), tuple(problems))


def parse_gshadow(text: str, path: str = "/etc/gshadow") -> Gshadow:
    """Read every line that can be read; `path` only labels the places."""
    secrets: list[GroupSecret] = []
    problems: list[Problem] = []
    for place, fields in _lines(text, path):
        if flaw := _flaw(fields, 4, ids=()):
            problems.append(Problem(place, flaw))
        else:
            name, password, administrators, members = fields
            secrets.append(GroupSecret(place, name, password, _names(administrators), _names(members)))
    return Gshadow(tuple(secrets), tuple(problems))


def _lines(text: str, path: str) -> Iterator[tuple[Place, list[str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.lstrip(" \t")
        if line and not line.startswith("#"):
            yield Place(path, number), line.split(":")


def _flaw(fields: list[str], wanted: int, ids: tuple[int, ...]) -> str | None:
    if len(fields) != wanted:
        return f"{wanted} fields wanted, {len(fields)} found"
    if not fields[0]:
        return "a name wanted, none found"
    for index in ids:
        if not _ID.fullmatch(fields[index]) or int(fields[index]) > _MAX_ID:
            return f"a number wanted in field {index + 1}, {fields[index][:80] or 'nothing'} found"
    return None


def _names(field: str) -> tuple[str, ...]:
    return tuple(name for name in field.split(",") if name)
