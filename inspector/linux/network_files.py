"""What the collectors of network back ends share: the files of a directory, and the state of a back end's service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from inspector.facts.services import Services, UnitState
from inspector.guest import Guest

TEXT_LIMIT: Final = 1 << 20
FILES_MAX: Final = 1024


def texts(guest: Guest, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give (path, text) of those paths that are files."""
    for number, path in enumerate(paths):
        if number < FILES_MAX and guest.is_file(path):
            yield path, guest.read_text(path, TEXT_LIMIT)


def overlaid(guest: Guest, folders: Iterable[str], suffix: str) -> list[str]:
    """Return the files of several directories in the order of their names; a later directory hides earlier ones."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in guest.glob(f"{folder}/*{suffix}"):
            found[path.rpartition("/")[2]] = path
    return [found[name] for name in sorted(found)][:FILES_MAX]


def service_state(services: Services, program: str, *units: str) -> UnitState:
    """Return the first of the units that is started, else the first that is there, else the first."""
    states = [services.working(unit, program) for unit in units]
    started = next((state for state in states if state.enabled), None)
    return started or next((state for state in states if state.installed), states[0])
