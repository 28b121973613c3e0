"""Collects `Packages` from the database of the guest's package manager, where each distribution keeps it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from inspector.facts import Facts, UnknownFact
from inspector.facts.packages import Packages
from inspector.guest import Guest, NotFound
from parsers.linux.os_release import OsRelease
from parsers.linux.package import PackageList
from parsers.place import ParseError, Place, Problem
from parsers.source import Source, Window

DPKG: Final = "/var/lib/dpkg/status"
_DPKG_UPDATES: Final = "/var/lib/dpkg/updates"
_SHOWN: Final = 8
DPKG_FOLDER: Final = "/var/lib/dpkg/status.d"
RPM_FOLDERS: Final = ("/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm")
"""SUSE and new Fedora; everybody before; OSTree. Of two, one is a link to the other."""
APK: Final = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed", "/var/lib/apk/db/installed")
PACMAN: Final = "/var/lib/pacman"
_USUAL: Final = {"dpkg": DPKG, "rpm": RPM_FOLDERS[1], "apk": APK[0], "pacman": PACMAN}
LIMIT: Final = 32 << 20
"""Bytes; a desktop with everything installed has some 10 MiB."""
_PORTAGE: Final = "/var/db/pkg"
_RPM_MACROS: Final = (
    "/usr/lib/rpm/macros",
    "/usr/lib/rpm/macros.d/macros.*",
    "/usr/lib/rpm/redhat/macros",
    "/etc/rpm/macros.*",
    "/etc/rpm/macros",
)
"""In the order in which rpm reads them, the last word counts."""
_RPM_BACKEND: Final = re.compile(r"^%_db_backend[ \t]+(\w+)", re.MULTILINE)
_RPM_SHAPES: Final = {"sqlite": "rpmdb.sqlite", "ndb": "Packages.db", "bdb": "Packages", "bdb_ro": "Packages"}
_PACMAN_PATH: Final = re.compile(r"^[ \t]*DBPath[ \t]*=[ \t]*(/\S*)", re.MULTILINE)
_DESCRIPTION_LIMIT: Final = 1 << 20
_TEXT_LIMIT: Final = 1 << 20
_MANAGERS: Final = {
    "dpkg": ("debian", "ubuntu"),
    "rpm": (
        "almalinux", "alinux", "amzn", "anolis", "azurelinux", "centos", "fedora", "mageia", "mariner", "ol",
        "openEuler", "opensuse", "photon", "rhel", "rocky", "sles", "suse",
    ),
    "apk": ("alpine", "wolfi", "chainguard"),
    "pacman": ("arch", "archarm"),
}  # fmt: skip
"""The package manager of a distribution, by ID and ID_LIKE of os-release."""


class _Database(msgspec.Struct, frozen=True):
    manager: str
    path: str
    read: Callable[[Guest, str], PackageList]


def manager_of(release: OsRelease) -> str | None:
    """Return the package manager of a distribution, None where it is not known."""
    return next((name for word in release.family for name, ids in _MANAGERS.items() if word in ids), None)


def collect_packages(facts: Facts) -> Packages:
    """Read the database of the distribution's package manager.

    Raises:
        UnknownFact: there is none, or there are several and nothing tells which counts, or it is not read so far.
    """
    guest = facts[Guest]
    if guest.family == "windows":
        raise UnknownFact("a Windows guest has no package manager of Linux")
    found = list(_databases(guest))
    wanted = _manager(facts)
    if wanted is not None:
        others = found
        found = [database for database in found if database.manager == wanted]
        if not found:
            seen = f", but one of {others[0].manager}" if others else ""
            places = (Place(_USUAL[wanted]), *(Place(other.path) for other in others))
            raise UnknownFact(f"no package database of {wanted} was found{seen}", *places)
    if not found:
        if guest.is_dir(_PORTAGE):
            raise UnknownFact("the package database of portage is not read so far", Place(_PORTAGE))
        raise UnknownFact("no package database was found", Place(DPKG))
    if len(found) > 1:
        names = ", ".join(database.path for database in found)
        raise UnknownFact(f"one package database wanted, {names} found", *(Place(item.path) for item in found))
    (database,) = found
    held = database.read(guest, database.path)
    return Packages(database.manager, database.path, held.packages, held.problems)


def _manager(facts: Facts) -> str | None:
    try:
        return manager_of(facts[OsRelease])
    except UnknownFact:
        return None


def _databases(guest: Guest) -> Iterator[_Database]:
    if guest.is_file(DPKG) and guest.stat(DPKG).size:
        yield _Database("dpkg", DPKG, _dpkg)
    elif guest.is_dir(DPKG_FOLDER):
        yield _Database("dpkg", DPKG_FOLDER, _dpkg_folder)
    yield from (_Database("rpm", path, _rpm) for path in _rpm_paths(guest))
    yield from (_Database("apk", path, _apk) for path in _distinct(guest, APK))
    pacman = f"{_pacman_path(guest)}/local"
    if guest.is_dir(pacman):
        yield _Database("pacman", pacman, _pacman)


def _distinct(guest: Guest, paths: tuple[str, ...]) -> list[str]:
    """Those of `paths` that lead to files, each file once."""
    return list({guest.realpath(path): path for path in reversed(paths) if guest.is_file(path)}.values())[::-1]


def _dpkg(guest: Guest, path: str) -> PackageList:
    from parsers.linux.dpkg import parse_dpkg_status, with_updates

    status = parse_dpkg_status(guest.read_text(path, LIMIT), path)
    pending = [update for update in guest.glob(f"{_DPKG_UPDATES}/[0-9]*") if update.rpartition("/")[2].isdecimal()]
    if len(set(map(len, pending))) > 1:
        raise UnknownFact("updates with names of one length wanted, others found", *map(Place, pending[:_SHOWN]))
    return with_updates(status, (parse_dpkg_status(guest.read_text(name, LIMIT), name) for name in pending))


def _dpkg_folder(guest: Guest, folder: str) -> PackageList:
    from parsers.linux.dpkg import parse_dpkg_status

    paths = [path for path in guest.glob(f"{folder}/*") if not path.endswith(".md5sums") and guest.is_file(path)]
    return _joined(parse_dpkg_status(guest.read_text(path), path) for path in paths)


def _apk(guest: Guest, path: str) -> PackageList:
    from parsers.linux.apk import parse_apk_installed

    return parse_apk_installed(guest.read_text(path, LIMIT), path)


def _pacman_path(guest: Guest) -> str:
    try:
        match = _PACMAN_PATH.search(guest.read_text("/etc/pacman.conf", _TEXT_LIMIT))
    except NotFound:
        match = None
    return match[1].rstrip("/") if match else PACMAN


def _pacman(guest: Guest, folder: str) -> PackageList:
    return _joined(_pacman_package(guest, path) for path in guest.glob(f"{folder}/*") if guest.is_dir(path))


def _pacman_package(guest: Guest, folder: str) -> PackageList:
    from parsers.linux.pacman import parse_pacman_desc

    path = f"{folder}/desc"
    try:
        return PackageList((parse_pacman_desc(guest.read_text(path, _DESCRIPTION_LIMIT), path),))
    except NotFound:
        return PackageList((), (Problem(Place(path), "the description of a package wanted, no such file found"),))
    except ParseError as error:
        return PackageList((), (Problem(error.place, error.message),))


def _joined(lists: Iterator[PackageList]) -> PackageList:
    parts = list(lists)
    return PackageList(
        tuple(package for part in parts for package in part.packages),
        tuple(problem for part in parts for problem in part.problems),
    )


def _rpm_paths(guest: Guest) -> list[str]:
    """The database of each folder: where there are several of different shapes, the one that rpm is set up for."""
    paths = tuple(f"{folder}/{name}" for folder in RPM_FOLDERS for name in dict.fromkeys(_RPM_SHAPES.values()))
    found = _distinct(guest, paths)
    if len(found) > 1 and (name := _RPM_SHAPES.get(_rpm_backend(guest))):
        return [path for path in found if posixpath.basename(path) == name] or found
    return found


def _rpm_backend(guest: Guest) -> str:
    texts = (guest.read_text(path) for pattern in _RPM_MACROS for path in guest.glob(pattern) if guest.is_file(path))
    words = [word for text in texts for word in _RPM_BACKEND.findall(text)]
    return words[-1] if words else ""


def _rpm(guest: Guest, path: str) -> PackageList:
    from parsers.linux.rpm.database import parse_rpm_berkeley, parse_rpm_ndb, parse_rpm_sqlite

    file = _open(guest, path)
    if path.endswith("/rpmdb.sqlite"):
        beside = (f"{path}-wal", f"{path}-journal")
        log, journal = (_open(guest, other) if guest.is_file(other) else None for other in beside)
        return parse_rpm_sqlite(file, log, journal)
    return parse_rpm_ndb(file) if path.endswith("/Packages.db") else parse_rpm_berkeley(file)


def _open(guest: Guest, path: str) -> Source:
    """A file under its path, whatever its tree calls it."""
    source = guest.open(path)
    return Window(source, 0, source.size, path)
