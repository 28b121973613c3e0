"""What systemd enables and disables by itself at a first boot.

machine-id(5), "First boot semantics": the boot is a first one where /etc/machine-id is missing or, since systemd 247,
says "uninitialized"; an empty file is none. The kernel's argument `systemd.condition-first-boot=` overrides both.
Then every unit is preset (systemd.preset(5)), which enables those that no preset file disables, the ones that somebody
had disabled among them. Units that are enabled stay so, but where systemd was built with `first-boot-full-preset`
(NEWS of 252), as Fedora's is since 39 and RHEL's since 10: those that the presets disable are disabled.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from inspector.guest import Guest, NotFound
from inspector.linux.pull import Pull
from inspector.linux.template import template_of
from parsers.linux.os_release import OsRelease
from parsers.linux.systemd import Unit
from parsers.place import Place

if TYPE_CHECKING:
    from inspector.linux.units import UnitFiles

MACHINE_ID: Final = "/etc/machine-id"
_FOLDERS: Final = (
    "/etc/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
)
_LIMIT: Final = 1 << 16
_ACTIONS: Final = frozenset({"enable", "disable", "ignore"})
_SINCE: Final = 247
"""The systemd that takes "uninitialized" for a first boot."""
_ARGUMENTS: Final = ("systemd.condition-first-boot", "systemd.condition_first_boot")
_YES: Final = frozenset({"", "1", "yes", "y", "true", "t", "on"})
_FULL: Final = {"fedora": 39, **dict.fromkeys(("almalinux", "centos", "ol", "rhel", "rocky"), 10)}
"""The first release whose systemd applies presets in full, by ID of os-release."""
_WANTS: Final = ("WantedBy", "RequiredBy", "UpheldBy")
_MAX_UNITS: Final = 4096


def first_boot(
    guest: Guest, arguments: Sequence[str] = (), release: Callable[[], int | None] = lambda: None
) -> Place | None:
    """Return what makes the next boot a first one, or None where it is not.

    `arguments` are the kernel's; `release` tells systemd's, None where that is not known: a new one, then.
    """
    for word in reversed(arguments):
        key, _, value = word.partition("=")
        if key in _ARGUMENTS:
            return Place(MACHINE_ID) if value.lower() in _YES else None
    try:
        text = guest.read_text(MACHINE_ID, limit=_LIMIT)
    except NotFound:
        return Place(MACHINE_ID)
    if text.strip() != "uninitialized":
        return None
    known = release()
    return Place(MACHINE_ID, 1) if known is None or known >= _SINCE else None


def applied_in_full(release: OsRelease) -> bool:
    """Tell whether the distribution's systemd disables at a first boot what presets disable."""
    major = (release.version_id or "").partition(".")[0]
    first = _FULL.get(release.id)
    return first is not None and major.isdigit() and int(major) >= first


class _Line(msgspec.Struct, frozen=True):
    """A line of a preset file."""

    action: str
    pattern: str
    instances: tuple[str, ...]
    place: Place


class FirstBoot:
    """A next boot that is a first one.

    Attributes:
        place: what makes it one.
    """

    def __init__(self, guest: Guest, place: Place, *, full: bool = False) -> None:
        self._guest = guest
        self._full = full
        self.place = place

    def action(self, unit: str) -> tuple[str, Place]:
        """Return whether presets "enable", "disable" or "ignore" a unit, and the line; `place` where none fits."""
        found = self._line(unit)
        return (found.action, found.place) if found else ("enable", self.place)

    def _line(self, unit: str) -> _Line | None:
        """The first line that speaks of a unit; of an instance also one that does of its template."""
        template = template_of(unit)
        names = (unit, template) if template else (unit,)
        return next((one for one in self._lines if any(fnmatch.fnmatchcase(name, one.pattern) for name in names)), None)

    @cached_property
    def _lines(self) -> list[_Line]:
        found: list[_Line] = []
        for path in _files(self._guest):
            for number, line in enumerate(self._guest.read_text(path, limit=_LIMIT).split("\n"), start=1):
                action, rest = (*line.split(None, 1), "", "")[:2]
                pattern, *instances = rest.split() or [""]
                if action != "enable":  # which alone takes instances; blanks are part of the pattern of the others
                    pattern, instances = rest.strip(), []
                if action in _ACTIONS and pattern:
                    found.append(_Line(action, pattern, tuple(instances), Place(path, number)))
        return found

    def disables(self, unit: str) -> Place | None:
        """Return the line that has an enabled unit disabled, or None."""
        action, place = self.action(unit)
        return place if self._full and action == "disable" else None

    def links(self, files: UnitFiles, below: str) -> dict[str, list[Pull]]:
        """Return what pulls in what once presets are applied to the links of `files`, `below` being where those lie."""
        pulls = {
            by: [pull for pull in made if not pull.place.path.startswith(f"{below}/") or not self.disables(pull.unit)]
            for by, made in files.links.items()
        }
        pending = [(unit, *self.action(unit)) for unit in files.names()[:_MAX_UNITS]]
        pending = [(unit, action, place) for unit, action, place in pending if action == "enable"]
        seen: set[str] = set()
        while pending:
            unit, action, place = pending.pop()
            if unit in seen:
                continue
            seen.add(unit)
            text = files.text(unit)
            pending += [(other, action, place) for other in text.words("Install", "Also")]
            reason = f"the next boot is a first one ({self.place}), whose presets enable it"
            for by in dict.fromkeys(word for key in _WANTS for word in text.words("Install", key)):
                pulls.setdefault(by, []).extend(Pull(name, by, place, reason) for name in self._instances(unit, text))
        return pulls

    def _instances(self, unit: str, text: Unit) -> list[str]:
        """What is enabled: of a template the instances that the preset's line names, else its default one."""
        if "@." not in unit:
            return [unit]
        line, default = self._line(unit), text.last("Install", "DefaultInstance")
        named = line.instances if line and line.instances else (default.value,) if default else ()
        return [unit.replace("@.", f"@{name}.") for name in named]


def _files(guest: Guest) -> list[str]:
    """The preset files in the order of their names; of two with one name the first folder's counts."""
    files: dict[str, str] = {}
    for folder in _FOLDERS:
        for path in guest.glob(f"{folder}/*.preset"):
            files.setdefault(posixpath.basename(path), path)
    return [path for _, path in sorted(files.items()) if guest.is_file(path)]
