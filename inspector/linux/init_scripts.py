"""Services of System V's init: scripts of /etc/init.d, started by the links of the default runlevel (inittab(5)).

Layouts: /etc/rcN.d (Debian), /etc/rc.d/rcN.d (Red Hat), /etc/init.d/rcN.d with boot.d (SUSE); rcS.d runs before every
runlevel. What a script's header says (`chkconfig:`, `Default-Start:`) only tells chkconfig(8) and insserv(8) which
links to make: without a link nothing starts. A service may also go by a name that the header of its script provides.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

import msgspec

from inspector.facts.services import Enablement, UnitState
from inspector.guest import Guest, NotFound
from inspector.linux.generators import has_sysv_generator
from inspector.linux.startpar import left_out
from inspector.verdict import Evidence
from parsers.filesystem.tree import FileType
from parsers.linux.init_script import parse_init_script
from parsers.place import Place

SCRIPTS: Final = ("/etc/init.d", "/etc/rc.d/init.d")
INITTAB: Final = "/etc/inittab"
MULTI_USER: Final = "2345"
"""The runlevels of a system that serves."""
RC_SYSINIT: Final = "/etc/init/rc-sysinit.conf"
_RCS: Final = "/etc/init/rcS.conf"
_RC: Final = "/etc/init/rc.conf"
_RC_OVERRIDE: Final = "/etc/init/rc.override"
_DEFAULT: Final = re.compile(r"\s*env\s+DEFAULT_RUNLEVEL=[\"']?([0-9S])")
_SINGLE: Final = frozenset({"single", "s", "S", "1"})
_INITTAB_FIELDS: Final = 4
_LEVELS: Final = ("/etc/rc{}.d", "/etc/rc.d/rc{}.d", "/etc/init.d/rc{}.d")
ALWAYS: Final = ("/etc/rcS.d", "/etc/init.d/boot.d")
"""What runs before every runlevel."""
_MAX_SCRIPTS: Final = 1024
_LIMIT: Final = 1 << 20


class InittabEntry(msgspec.Struct, frozen=True):
    """One line of inittab(5)."""

    place: Place
    levels: str
    action: str
    process: str


def default_runlevel(guest: Guest, arguments: Sequence[str] = (), place: Place | None = None) -> Evidence | None:
    """Return the runlevel that the guest boots into, `seen`, and what says so; None where nothing does.

    `arguments` are the kernel's, which stand at `place`; a runlevel among them wins.
    """
    for word in reversed(arguments if place else ()):
        if place and (word in _SINGLE or (len(word) == 1 and word in MULTI_USER)):
            return Evidence(place, "1" if word in _SINGLE else word)
    for entry in inittab(guest):
        if entry.action == "initdefault" and entry.levels:
            return Evidence(entry.place, entry.levels[0].upper())
    for number, line in enumerate(_lines(guest, RC_SYSINIT), start=1):
        if match := _DEFAULT.match(line):
            return Evidence(Place(RC_SYSINIT, number), match[1])
    return Evidence(Place(_RCS), "3") if guest.is_file(_RCS) else None  # EL 6, whose script falls back on it


def inittab(guest: Guest) -> Iterator[InittabEntry]:
    """Give the lines of /etc/inittab; none where there is no such file."""
    for number, line in enumerate(_lines(guest, INITTAB), start=1):
        fields = line.strip().split(":", _INITTAB_FIELDS - 1)
        if not line.lstrip().startswith("#") and len(fields) == _INITTAB_FIELDS:
            yield InittabEntry(Place(INITTAB, number), fields[1].strip(), fields[2].strip(), fields[3].strip())


def _lines(guest: Guest, path: str) -> list[str]:
    try:
        return guest.read_text(path, limit=_LIMIT).split("\n")
    except NotFound:
        return []


def script_path(guest: Guest, name: str) -> str | None:
    """Return the path of an init script, or None where there is none of that name."""
    paths = (posixpath.join(folder, name) for folder in SCRIPTS)
    return next((path for path in paths if guest.is_file(path)), None)


class InitScripts:
    """The init scripts of one guest, by their own names and by those that their headers provide."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    @cached_property
    def become_units(self) -> bool:
        """Whether systemd makes units of them."""
        return has_sysv_generator(self._guest)

    def named(self, name: str) -> list[str]:
        """Return the paths of the scripts of a service: that of its name, then those that provide it."""
        names = [file for file in (name, f"{name}.sh") if file in self._names]
        own = [path for file in names if (path := script_path(self._guest, file))]
        return [*own, *(path for path in self._providers.get(name, ()) if path not in own)]

    @cached_property
    def _names(self) -> frozenset[str]:
        folders = filter(self._guest.is_dir, SCRIPTS)
        return frozenset(entry.name for folder in folders for entry in self._guest.listdir(folder))

    @cached_property
    def _providers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in [path for folder in SCRIPTS for path in self._guest.glob(f"{folder}/[!.]*")][:_MAX_SCRIPTS]:
            if self._guest.is_file(path):
                for item in parse_init_script(self._guest.read_text(path, limit=_LIMIT), path):
                    found.setdefault(item.name.removesuffix(".sh"), []).append(path)
        return found

    @cached_property
    def _not_run(self) -> Evidence | None:
        """Why nothing runs the scripts of a runlevel: upstart's job rc does so where that is init."""
        guest = self._guest
        if not any(map(guest.is_file, (RC_SYSINIT, _RCS))):
            return None
        if not guest.is_file(_RC):
            return Evidence(Place(_RC), "no such job: nothing runs the scripts of a runlevel")
        try:
            lines = guest.read_text(_RC_OVERRIDE, limit=_LIMIT).split("\n")
        except NotFound:
            return None
        found = (number for number, line in enumerate(lines, start=1) if line.strip() == "manual")
        number = next(found, None)
        return (
            Evidence(Place(_RC_OVERRIDE, number), "manual: nothing runs the scripts of a runlevel") if number else None
        )

    def state(self, unit: str, runlevel: Evidence | None) -> UnitState:
        """Tell whether the default runlevel starts the script of a service."""
        guest = self._guest
        path = next(iter(self.named(unit.removesuffix(".service"))), None)
        if path is None:
            where = f"{SCRIPTS[0]}/{unit.removesuffix('.service')}"
            return UnitState(unit, Enablement.ABSENT, Place(SCRIPTS[0]), f"there is no {where}")
        script = posixpath.basename(path)
        if links := start_links(guest, script, runlevel.seen if runlevel else MULTI_USER):
            if passed_over := left_out(guest, script, links[0]):
                return UnitState(unit, Enablement.DISABLED, passed_over.place, passed_over.seen, path)
            if self._not_run and not links[0].startswith(ALWAYS):
                return UnitState(unit, Enablement.ENABLED, self._not_run.place, self._not_run.seen, path)
            return UnitState(unit, Enablement.ENABLED, Place(links[0]), "it has a start link", path, started=True)
        if runlevel and (links := start_links(guest, script)):
            reason = f"it has start links, none in runlevel {runlevel.seen}, into which {runlevel.place} boots"
            return UnitState(unit, Enablement.DISABLED, Place(links[0]), reason, path)
        return UnitState(unit, Enablement.DISABLED, Place(path), "it has no start link", path)


def start_links(guest: Guest, script: str, levels: str = MULTI_USER, always: Sequence[str] = ALWAYS) -> list[str]:
    """Return the start links of an init script in these runlevels, and in the folders that run before all of them."""
    folders = [*always, *(folder.format(level) for level in levels for folder in _LEVELS)]
    return [
        path
        for folder in folders
        for path in guest.glob(f"{folder}/S[0-9][0-9]*")
        if path.rpartition("/")[2][3:] == script and guest.lstat(path).type is FileType.SYMLINK
    ]
