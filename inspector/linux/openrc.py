"""Services of OpenRC (Alpine, Gentoo): init scripts in runlevels, and what those need: openrc(8), openrc-run(8).

The runlevels of a boot are sysinit, boot and default, as inittab(5) has them run; `softlevel=` of the kernel's
arguments takes the place of default. A runlevel may hold others (rc-update(8), --stack). A service that one in a
runlevel needs is started with it; where a name is needed that no script has (`net`), and no service of the runlevels
provides it, the first script does that provides it. Not done: `use` and `want`, which start nothing that is in no
runlevel here, and dependencies that a script works out when it runs: those below `if`, `for`, `while` and `case`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
_WORDS: Final = re.compile(r"[ \t]*(need|provide)[ \t]+([^#]*)")
_OPENS: Final = re.compile(r"[ \t]*(?:if|for|while|until|case)\b")
_CLOSES: Final = re.compile(r"(?:^|;)[ \t]*(?:fi|done|esac)\b")
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
            script, reason = found
            return UnitState(unit, Enablement.INDIRECT, Place(script), reason, path, started=True)
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
        """What services of the runlevels need beyond them: the script, and a sentence that says who needs it."""
        found: dict[str, tuple[str, str]] = {}
        pending = list(self._listed)
        while pending:
            by = pending.pop()
            for path, word in self._needs(by):
                name = self._meant(word, found)
                if name and name not in self._listed and name not in found:
                    found[name] = (path, f"{by} needs {'it' if name == word else f'{word}, which it provides'}")
                    pending.append(name)
        return found

    def _meant(self, word: str, found: Mapping[str, object]) -> str | None:
        """The service that is started for a name; None where one that provides it is started anyhow."""
        if script_path(self._guest, word):
            return word
        providers = self._providers.get(word, ())
        started = any(name in self._listed or name in found for name in providers)
        return None if started or not providers else providers[0]

    @cached_property
    def _providers(self) -> dict[str, list[str]]:
        """Names -> the scripts that provide them, in alphabetical order."""
        found: dict[str, list[str]] = {}
        for path in self._guest.glob(f"{SCRIPTS[0]}/[!.]*")[:_MAX_SERVICES]:
            for word in _said(self._text(path), "provide"):
                found.setdefault(word, []).append(path.rpartition("/")[2])
        return found

    def _needs(self, service: str) -> Iterator[tuple[str, str]]:
        path = script_path(self._guest, service)
        if path is not None:
            yield from ((path, word) for word in _said(self._text(path), "need"))
        settings = f"/etc/conf.d/{service}"
        for words in _SET_NEED.findall(self._text(settings)):
            yield from ((settings, word) for word in words.split() if _NAME.match(word))

    def _text(self, path: str) -> str:
        return self._guest.read_text(path, limit=_LIMIT) if self._guest.is_file(path) else ""


def _said(text: str, kind: str) -> Iterator[str]:
    """Give the words after `need` or `provide` that a script says whatever it finds when it runs."""
    depth = 0
    for line in text.split("\n"):
        match = _WORDS.match(line)
        if match and match[1] == kind and depth == 0:
            yield from (word for word in match[2].split() if _NAME.match(word))
        depth = max(0, depth + bool(_OPENS.match(line)) - len(_CLOSES.findall(line)))
