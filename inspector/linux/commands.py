"""Why a service that is started at boot would fail, or do something else than its name says (systemd.service(5)).

`systemctl is-enabled` knows nothing of it: a drop-in replaced the command, the command's program is gone, a unit that
is required is masked. Not done: what a command does once it runs, and what a specifier (`%i`) or variable stands for.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Final

from inspector.facts.services import Enablement, UnitState
from inspector.guest import Guest, NotFound
from inspector.linux.programs import FOLDERS, find_program, program_flaw
from inspector.verdict import Evidence
from parsers.linux.systemd import Assignment, Unit, split_words
from parsers.place import Place

_PREFIXES: Final = "@-:+!|"
_TRUE: Final = frozenset({"1", "yes", "y", "true", "t", "on"})
_COMMANDS: Final = ("ExecStartPre", "ExecStart")
_REQUIRES: Final = ("Requires", "BindsTo", "Requisite")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PASSWD: Final = "/etc/passwd"  # noqa: S105 - the path of a file


def service_flaw(
    guest: Guest, unit: Unit, fragment: str, programs: Sequence[str], required: Sequence[UnitState]
) -> Evidence | None:
    """Return why the service does not do its work, or None where nothing speaks against it.

    `fragment` is the path of its file; `programs` are words of which its command has one, whatever it is called by;
    `required` are the units that must start with it.
    """
    flaws = (
        *_missing_units(unit, required),
        *_missing_settings(guest, unit),
        *_broken_commands(guest, unit),
        *_other_command(unit, fragment, programs),
    )
    return next(iter(flaws), None)


def required_units(unit: Unit) -> tuple[str, ...]:
    """Return the services and sockets without which the unit is not started."""
    names = (name for key in _REQUIRES for name in unit.words("Unit", key))
    return tuple(name for name in names if name.endswith((".service", ".socket")) and "%" not in name)


def _missing_units(unit: Unit, required: Sequence[UnitState]) -> Iterator[Evidence]:
    gone = {state.unit: state for state in required if state.state in {Enablement.MASKED, Enablement.ABSENT}}
    for key in _REQUIRES:
        for item in unit.all("Unit", key):
            for name in split_words(item.value):
                if name in gone:
                    yield Evidence(item.place, f"{key}={name}, which is {gone[name].state}")


def _missing_settings(guest: Guest, unit: Unit) -> Iterator[Evidence]:
    for item in unit.all("Service", "EnvironmentFile"):
        path = item.value.strip("\"'")
        if path.startswith("/") and "%" not in path and not path.startswith("/run/") and not guest.glob(path):
            yield Evidence(item.place, f"EnvironmentFile={path}, which does not exist")
    user = unit.last("Service", "User")
    dynamic = unit.last("Service", "DynamicUser")
    if user and _NAME.fullmatch(user.value) and not (dynamic and dynamic.value.lower() in _TRUE):
        known = _users(guest)
        if known is not None and user.value not in known:
            yield Evidence(user.place, f"User={user.value}, who does not exist")
    alone = unit.last("Service", "PrivateNetwork")
    if alone and alone.value.lower() in _TRUE:
        yield Evidence(alone.place, "PrivateNetwork=yes cuts it off from the network")


def _users(guest: Guest) -> frozenset[str] | None:
    try:
        lines = guest.read_text(_PASSWD, limit=4 << 20).split("\n")
    except NotFound:
        return None
    return frozenset(line.partition(":")[0] for line in lines)


def _broken_commands(guest: Guest, unit: Unit) -> Iterator[Evidence]:
    for key in _COMMANDS:
        for item in unit.all("Service", key):
            prefix, name = _command(item)
            if not name or "-" in prefix or any(sign in name for sign in "%$"):
                continue
            path = find_program(guest, name) or name
            if not path.startswith("/"):
                yield Evidence(item.place, f"{name} lies in none of {', '.join(FOLDERS)}")
            elif flaw := program_flaw(guest, path):
                yield Evidence(item.place, f"{key}={path}: {flaw.seen}")
            elif posixpath.basename(path) == "false":
                yield Evidence(item.place, f"{key}={path}, which always fails")


def _command(item: Assignment) -> tuple[str, str]:
    """The signs before a command line, and the program that it begins with."""
    bare = item.value.lstrip(_PREFIXES)
    words = split_words(bare)
    return item.value[: len(item.value) - len(bare)], words[0] if words else ""


def _other_command(unit: Unit, fragment: str, programs: Sequence[str]) -> Iterator[Evidence]:
    commands = unit.all("Service", "ExecStart")
    if not commands and not unit.all("Service", "ExecStop"):
        yield Evidence(Place(fragment), "ExecStart= wanted, none found: systemd refuses the unit")
    elif programs and not any(word in item.value for item in commands for word in programs):
        for item in commands[:1]:
            yield Evidence(item.place, f"ExecStart={item.value[:120]}: {' or '.join(programs)} wanted")
