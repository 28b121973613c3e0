"""What systemd enables by itself at a first boot.

machine-id(5), "First boot semantics": the boot is a first one where /etc/machine-id is missing or says
"uninitialized"; an empty file is none. Then every unit is preset (systemd.preset(5)), which enables those that no
preset file disables, the ones that somebody had disabled among them.
"""

from __future__ import annotations

import fnmatch
import posixpath
from typing import Final

from inspector.guest import Guest, NotFound
from parsers.place import Place

MACHINE_ID: Final = "/etc/machine-id"
_FOLDERS: Final = (
    "/etc/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
)
_LIMIT: Final = 1 << 16
_ACTIONS: Final = frozenset({"enable", "disable", "ignore"})


def first_boot(guest: Guest) -> Place | None:
    """Return what makes the next boot a first one, or None where it is not."""
    try:
        text = guest.read_text(MACHINE_ID, limit=_LIMIT)
    except NotFound:
        return Place(MACHINE_ID)
    return Place(MACHINE_ID, 1) if text.strip() == "uninitialized" else None


def preset_enables(guest: Guest, unit: str) -> Place | None:
    """Return the line that has a first boot enable `unit`, MACHINE_ID where no line speaks of it, else None."""
    for path in _files(guest):
        for number, line in enumerate(guest.read_text(path, limit=_LIMIT).split("\n"), start=1):
            action, *patterns = line.split() or [""]
            if action in _ACTIONS and patterns and fnmatch.fnmatchcase(unit, patterns[0]):
                return Place(path, number) if action == "enable" else None
    return Place(MACHINE_ID)


def _files(guest: Guest) -> list[str]:
    """The preset files in the order of their names; of two with one name the first folder's counts."""
    files: dict[str, str] = {}
    for folder in _FOLDERS:
        for path in guest.glob(f"{folder}/*.preset"):
            files.setdefault(posixpath.basename(path), path)
    return [path for _, path in sorted(files.items()) if guest.is_file(path)]
