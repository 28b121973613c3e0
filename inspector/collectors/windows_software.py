r"""Collects `WindowsSoftware` from the lists of installed programs, and the packages of the servicing stack.

Source: Microsoft's documentation, "Uninstall Registry Key", "Registry Redirector", "Registry Keys Affected by WOW64":
below HKLM\SOFTWARE programs for 32 bits have a view of their own, `Wow6432Node` and, for ARM, `WowAA32Node`, while
HKEY_CURRENT_USER\Software is shared; "Configuring Add/Remove Programs with Windows Installer": a program that is
installed for one user is listed for that user alone. The users are those of `ProfileList`, the system's own accounts
among them.
Deliberately not read: apps of the Store (AppX, MSIX), which have a database of their own; `Installer\UserData`, where
Windows Installer keeps its products a second time; the profile that new users get a copy of (`C:\Users\Default`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from inspector.collectors.windows_packages import read_servicing_packages
from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import Architecture
from inspector.facts.windows_software import Profile, Program, WindowsSoftware
from inspector.guest import Guest
from inspector.unread import Unread
from inspector.windows.registry import PROFILE_LIST, UNFINISHED, UNINSTALL, Registry, RegistryPathError
from parsers.place import ParseError, Place, Problem
from parsers.windows.registry import HiveState, Key
from parsers.windows.uninstall_entry import parse_uninstall_entry

_SOFTWARE: Final = r"HKLM\SOFTWARE"
_VIEWS_OF_32_BITS: Final = ("Wow6432Node", "WowAA32Node")
_BACKUP: Final = ".bak"
_MAX_PROGRAMS: Final = 20_000
_MAX_PROFILES: Final = 1_000
"""A machine has some hundred of the one, and a few of the other."""


class _List(msgspec.Struct, frozen=True):
    """A list of programs: its key, and what holds of all in it."""

    path: str
    bits: int | None = None
    owner: Profile | None = None


def collect_windows_software(facts: Facts) -> WindowsSoftware:
    """Read what is installed; what cannot be read is a problem. Without the hive SOFTWARE nothing is known.

    A hive whose last write was not completed is read as it is, for a list is no verdict, and that is a problem.
    """
    registry, unread = _registry(facts), Unread()
    registry.key(_SOFTWARE)  # without its root there is nothing to be read
    place = registry.place(_SOFTWARE)
    programs: list[Program] = []
    problems: list[Problem] = []
    lists = (*_of_machine(facts, registry, unread), *_of_users(registry, unread))
    for where in lists:
        with unread.kept():
            for key in _entries(registry, where.path):
                with unread.kept():
                    entry, flaws = parse_uninstall_entry(_read(registry, key))
                    entry = replace(entry, place=registry.in_guest(entry.place))
                    programs.append(Program(entry, where.bits, where.owner))
                    problems += (Problem(registry.in_guest(flaw.place), flaw.message) for flaw in flaws)
                if len(programs) >= _MAX_PROGRAMS:
                    raise ParseError(key.place, f"fewer than {_MAX_PROGRAMS} programs wanted, as many found")
    updates = read_servicing_packages(registry, unread, unread).updates
    hives = {hive.name: hive for hive in (registry.locate(where.path).hive for where in lists)}
    unfinished = (Place(name) for name, hive in hives.items() if hive.state is HiveState.DIRTY)
    problems += (Problem(registry.in_guest(place), UNFINISHED) for place in unfinished)
    return WindowsSoftware(tuple(programs), updates, (*unread.problems(place), *problems), place)


def _entries(registry: Registry, path: str) -> Iterator[Key]:
    """Give the entries of a list, none where there is no such list, which many users have not.

    Raises:
        UnknownFact: on the way to it is a key that is not found by its name, and may be what was looked for.
    """
    if registry.key(path) is None:
        location = registry.locate(path)
        key, names = location.hive.root, [*location.names]
        while found := key.subkey(names.pop(0)):
            key = found
        if lost := key.misplaced():
            raise UnknownFact("a key that is found by its name wanted", registry.in_guest(lost[0].place))
    return registry.subkeys(path)


def _registry(facts: Facts) -> Registry:
    facts[Registry]  # it says why a guest has none
    return Registry(facts[Guest])


def _of_machine(facts: Facts, registry: Registry, unread: Unread) -> list[_List]:
    bits = None
    native = rf"{_SOFTWARE}\{UNINSTALL}"
    with unread.kept():
        try:
            bits = facts[Architecture].bits
        except UnknownFact as error:
            reason = f"for which architecture Windows is cannot be told: {error.reason}"
            raise UnknownFact(reason, *error.places) from None
    with unread.kept():
        if registry.key(native) is None:
            raise UnknownFact("the list of the machine's programs wanted, no such key found", registry.place(native))
    others = [_List(rf"{_SOFTWARE}\{view}\{UNINSTALL}", 32) for view in _VIEWS_OF_32_BITS]
    return [_List(native, bits), *others]


def _of_users(registry: Registry, unread: Unread) -> list[_List]:
    """The list of each user; of several profiles in one folder, as a `.bak` is, the first."""
    found: dict[str, _List] = {}
    with unread.kept():
        for count, key in enumerate(registry.subkeys(PROFILE_LIST), 1):
            if count > _MAX_PROFILES:
                raise ParseError(key.place, f"at most {_MAX_PROFILES} profiles wanted, more found")
            with unread.kept():
                where = _of_user(registry, _read(registry, key))
                found.setdefault(registry.locate(where.path).hive.name.lower(), where)
        if not found:
            raise UnknownFact("the programs of users are not known", registry.place(PROFILE_LIST))
    return list(found.values())


def _of_user(registry: Registry, key: Key) -> _List:
    value = key.value("ProfileImagePath")
    place = registry.in_guest(value.place if value else key.place)
    folder = registry.string(value)
    path = rf"HKU\{key.name}\Software\{UNINSTALL}"
    if not folder:
        raise UnknownFact("the folder of a profile wanted, none found", place)
    try:
        registry.locate(path)
    except RegistryPathError as error:  # the name of the key is none of a user
        raise UnknownFact(str(error), place) from None
    return _List(path, owner=Profile(key.name.removesuffix(_BACKUP), folder))


def _read(registry: Registry, key: Key) -> Key:
    """A key that was listed, unless another is read in its place."""
    registry.own(key)
    return key
