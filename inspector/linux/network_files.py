"""What the collectors of network back ends share: the files of a directory, and the state of a back end's service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from inspector.facts import UnknownFact
from inspector.facts.services import Services, UnitState
from inspector.guest import Guest

if TYPE_CHECKING:
    from parsers.network.keyfile import NetworkManagerConf

TEXT_LIMIT: Final = 1 << 20
FILES_MAX: Final = 1024
_NM_CONF: Final = "/etc/NetworkManager/NetworkManager.conf"
_NM_CONF_FOLDERS: Final = ("/usr/lib/NetworkManager/conf.d", "/etc/NetworkManager/conf.d")


def texts(guest: Guest, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give (path, text) of those paths that are files.

    Raises:
        UnknownFact: there are more than `FILES_MAX` paths.
        ParseError: a file cannot be read, or is longer than `TEXT_LIMIT`.
    """
    for number, path in enumerate(paths):
        if number >= FILES_MAX:
            raise UnknownFact(f"at most {FILES_MAX} files wanted, more found", guest.place(path))
        if guest.is_file(path):
            yield path, guest.read_text(path, TEXT_LIMIT)


def overlaid(guest: Guest, folders: Iterable[str], suffix: str) -> list[str]:
    """Return the files of several directories in the order of their names; a later directory hides earlier ones.

    Raises:
        UnknownFact: there are more than `FILES_MAX`.
    """
    folders = tuple(folders)
    found: dict[str, str] = {}
    for folder in folders:
        for path in guest.glob(f"{folder}/*{suffix}"):
            found[path.rpartition("/")[2]] = path
    if len(found) > FILES_MAX:
        raise UnknownFact(f"at most {FILES_MAX} files wanted, {len(found)} found", *map(guest.place, folders))
    return [found[name] for name in sorted(found)]


def service_state(services: Services, program: str, *units: str) -> UnitState:
    """Return the first of the units that is started, else the first that is there, else the first."""
    states = [services.working(unit, program) for unit in units]
    started = next((state for state in states if state.enabled), None)
    return started or next((state for state in states if state.installed), states[0])


def networkmanager_conf(guest: Guest) -> NetworkManagerConf:
    """Read NetworkManager.conf and conf.d, the vendor's first; a file of /etc hides the vendor's of the same name."""
    from parsers.network.keyfile import parse_networkmanager_conf

    hidden = {path.rpartition("/")[2] for path in guest.glob(f"{_NM_CONF_FOLDERS[1]}/*.conf")}
    vendor = [path for path in guest.glob(f"{_NM_CONF_FOLDERS[0]}/*.conf") if path.rpartition("/")[2] not in hidden]
    paths = [*vendor, _NM_CONF, *guest.glob(f"{_NM_CONF_FOLDERS[1]}/*.conf")]
    return parse_networkmanager_conf((text, path) for path, text in texts(guest, paths))
