"""Services of OpenRC (Alpine, Gentoo): init scripts in runlevels, and what those need: openrc(8), openrc-run(8).

The runlevels of a boot are sysinit, boot and default, as inittab(5) has them run; `softlevel=` of the kernel's
arguments takes the place of default. A runlevel may hold others (rc-update(8), --stack). A service that one in a
runlevel needs is started with it. Not done: `use` and `want`, which start nothing that is in no runlevel here, and
dependencies that a script works out when it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

from inspector.facts.services import Enablement, UnitState
from inspector.guest import Guest
from inspector.linux.init_scripts import SCRIPTS, inittab, script_path
from parsers.place import Place

FOLDER: Final = "/etc/runlevels"
_STANDARD: Final = ("sysinit", "boot", "default")
_RUNS: Final = re.compile(r"(?:^|/)(?:openrc|rc)\s+([A-Za-z0-9_.-]+)")
_AT_BOOT: Final = frozenset({"sysinit", "boot", "bootwait", "wait", "once"})
_ENDS: Final = frozenset({"shutdown", "reboot", "single"})
_NEED: Final = re.compile(r"^[ \t]*(need|provide)[ \t]+([^#\n]*)", re.MULTILINE)
_SET_NEED: Final = re.compile(r"""^[ \t]*rc_need=["']?([^"'#\n]*)""", re.MULTILINE)
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+\Z")
_LIMIT: Final = 1 << 18
_MAX_SERVICES: Final = 2048


class OpenRc:
    """The runlevels of one guest."""

    def __init__(self, guest: Guest, arguments: Sequence[str]) -> None:
        """`arguments` are the kernel's."""
        self._guest = guest
        named = [word.partition("=")[2] for word in arguments if word.startswith("softlevel=")]
        self._level = next((name for name in named if _NAME.match(name)), None)

    def state(self, unit: str) -> UnitState:
        """Return whether a service is in a runlevel of the boot, or needed by one that is."""
        name = unit.removesuffix(".service")
        path = script_path(self._guest, name)
        if path is None:
            return UnitState(unit, Enablement.ABSENT, Place(SCRIPTS[0]), f"there is no {SCRIPTS[0]}/{name}")
        if found := self._listed.get(name):
            link, level = found
            return UnitState(unit, Enablement.ENABLED, Place(link), f"in the runlevel {level}", path, started=True)
        if found := self._needed.get(name):
            script, by = found
            return UnitState(unit, Enablement.INDIRECT, Place(script), f"{by} needs it", path, started=True)
        return UnitState(unit, Enablement.DISABLED, Place(path), self._elsewhere(name), path)

    def _elsewhere(self, name: str) -> str:
        others = [path for path in self._guest.glob(f"{FOLDER}/*/{name}") if path.count("/") == 4]
        levels = ", ".join(path.split("/")[3] for path in others)
        return f"only in the runlevel {levels}, which is not entered at boot" if others else "in no runlevel"

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """The runlevels that a boot enters, in this order."""
        default = next((entry.levels for entry in inittab(self._guest) if entry.action == "initdefault"), "")
        found = [
            match[1]
            for entry in inittab(self._guest)
            if entry.action in _AT_BOOT and (match := _RUNS.search(entry.process))
            if not (entry.levels and default and default not in entry.levels)
        ]
        levels = tuple(dict.fromkeys(level for level in found if level not in _ENDS)) or _STANDARD
        if self._level and self._guest.is_dir(f"{FOLDER}/{self._level}"):
            levels = tuple(self._level if level == "default" else level for level in levels)
        return levels

    @cached_property
    def _listed(self) -> dict[str, tuple[str, str]]:
        """The services of the runlevels: the link and the runlevel of each."""
        found: dict[str, tuple[str, str]] = {}
        pending = [(f"{FOLDER}/{level}", level) for level in reversed(self.levels)]
        entered: set[str] = set()
        while pending and len(found) < _MAX_SERVICES:
            folder, level = pending.pop()
            if not self._guest.is_dir(folder) or (real := self._guest.realpath(folder)) in entered:
                continue
            entered.add(real)
            for entry in self._guest.listdir(folder):
                path = f"{folder}/{entry.name}"
                if self._guest.is_dir(path):
                    pending.append((path, level))
                else:
                    found.setdefault(entry.name, (path, level))
        return found

    @cached_property
    def _needed(self) -> dict[str, tuple[str, str]]:
        """What services of the runlevels need beyond them: the script and the service that say so."""
        found: dict[str, tuple[str, str]] = {}
        pending = list(self._listed)
        while pending:
            by = pending.pop()
            for path, name in self._needs(by):
                if name not in self._listed and name not in found and script_path(self._guest, name):
                    found[name] = (path, by)
                    pending.append(name)
        return found

    def _needs(self, service: str) -> Iterator[tuple[str, str]]:
        path = script_path(self._guest, service)
        if path is not None:
            for kind, words in _NEED.findall(self._guest.read_text(path, limit=_LIMIT)):
                yield from ((path, word) for word in words.split() if kind == "need" and _NAME.match(word))
        settings = f"/etc/conf.d/{service}"
        if self._guest.is_file(settings):
            for words in _SET_NEED.findall(self._guest.read_text(settings, limit=_LIMIT)):
                yield from ((settings, word) for word in words.split() if _NAME.match(word))
