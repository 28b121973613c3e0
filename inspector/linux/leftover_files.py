"""Files that the life of a machine leaves behind, and the homes in which users leave theirs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.accounts import Accounts
from inspector.guest import Guest
from inspector.verdict import Evidence, Verdict, ok, unknown, warning
from parsers.filesystem.tree import FileType
from parsers.place import Place

MAX_SHOWN: Final = 16
_MAX_HOMES: Final = 1000
_NO_HOMES: Final = frozenset({"/", "/nonexistent", "/dev/null", "/var/empty", "/proc"})
_FIRST_USER: Final = 500  # system accounts, whose homes hold no person's files, lie below on every distribution


def leftovers(guest: Guest, patterns: Iterable[str], seen: str = "left behind") -> list[Evidence]:
    """Return the files that match a pattern and hold something, at most one more than are shown."""
    found = (path for pattern in patterns for path in guest.glob(pattern))
    return [Evidence(guest.place(path), seen) for path in islice(_filled(guest, found), MAX_SHOWN + 1)]


def _filled(guest: Guest, paths: Iterable[str]) -> Iterator[str]:
    """Give the files with content; an empty one, a directory or a link to nothing is no trace of anything."""
    for path in paths:
        stat = guest.lstat(path)
        if stat.type is FileType.FILE and stat.size:
            yield path


def none_left(guest: Guest, patterns: Iterable[str], message: str) -> Verdict:
    """Judge that no file matches; `message` is what to say where one does."""
    patterns = tuple(patterns)
    found = leftovers(guest, patterns)
    if len(found) > MAX_SHOWN:
        return warning(f"{message}: more than {MAX_SHOWN} files", *found[:MAX_SHOWN])
    if found:
        return warning(f"{message}: {len(found)} {'file' if len(found) == 1 else 'files'}", *found)
    return nothing_left(patterns)


def nothing_left(patterns: Iterable[str]) -> Verdict:
    """OK for where nothing was found; without a home to look into there is nothing to say."""
    places = absent(patterns)
    return ok("nothing is left behind", *places) if places else unknown("there is no home to look into")


def absent(patterns: Iterable[str]) -> list[Evidence]:
    """Return evidence that nothing was found where `patterns` look."""
    places = dict.fromkeys(_fixed_part(pattern) for pattern in patterns)
    return [Evidence(Place(path), "nothing left behind") for path in islice(places, MAX_SHOWN)]


def _fixed_part(pattern: str) -> str:
    parts = pattern.split("/")
    fixed = [part for part in parts[: _first_glob(parts)] if part]
    return "/" + "/".join(fixed)


def _first_glob(parts: list[str]) -> int:
    return next((index for index, part in enumerate(parts) if set(part) & set("*?[")), len(parts))


def homes(facts: Facts) -> list[str]:
    """Return the homes of root and of users, as passwd names them and as /home holds them.

    Raise `UnknownFact` where there are too many to look into.
    """
    guest, passwd = facts[Guest], facts[Accounts].passwd
    users = passwd.users if passwd else ()
    named = (posixpath.normpath(user.home) for user in users if user.uid == 0 or user.uid >= _FIRST_USER)
    candidates = dict.fromkeys(["/root", *named, *guest.glob("/home/*")])
    found = [path for path in islice(candidates, _MAX_HOMES + 1) if path not in _NO_HOMES and guest.is_dir(path)]
    if len(candidates) > _MAX_HOMES:
        raise UnknownFact(f"more than {_MAX_HOMES} homes to look into", Place("/home"))
    return found


def in_homes(facts: Facts, names: Iterable[str]) -> list[str]:
    """Return patterns for files of these names in every home."""
    names = tuple(names)
    return [f"{_literal(home)}/{name}" for home in homes(facts) for name in names]


def _literal(path: str) -> str:
    """A path as a pattern that matches it alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)
