"""Collects `OsRelease` from the first release file that says anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, NotFound
from parsers.linux.os_release import (
    OsRelease,
    parse_lsb_release,
    parse_os_release,
    parse_redhat_release,
    parse_suse_release,
    parse_version_file,
)
from parsers.place import Place

_OS_RELEASE: Final = ("/etc/os-release", "/usr/lib/os-release")

LIMIT: Final = 1 << 16
"""Bytes; a real one has less than one KiB."""

Parser = Callable[[str, str], OsRelease | None]


def _version_file(distribution: str, name: str) -> Parser:
    return lambda text, path: parse_version_file(text, path, distribution, name)


_OLDER: Final[tuple[tuple[str, Parser], ...]] = (
    ("/etc/lsb-release", parse_lsb_release),
    ("/etc/centos-release", parse_redhat_release),
    ("/etc/oracle-release", parse_redhat_release),
    ("/etc/redhat-release", parse_redhat_release),
    ("/etc/fedora-release", parse_redhat_release),
    ("/etc/system-release", parse_redhat_release),
    ("/etc/SuSE-release", parse_suse_release),
    ("/etc/alpine-release", _version_file("alpine", "Alpine Linux")),
    ("/etc/slackware-version", _version_file("slackware", "Slackware")),
    ("/etc/gentoo-release", _version_file("gentoo", "Gentoo")),
    ("/etc/arch-release", _version_file("arch", "Arch Linux")),
    ("/etc/debian_version", _version_file("debian", "Debian GNU/Linux")),
)
"""The files of systems older than os-release, the more particular first: Ubuntu has a debian_version too."""
_POINT_RELEASES: Final[dict[str, tuple[str, Parser]]] = {
    "debian": ("/etc/debian_version", _version_file("debian", "Debian GNU/Linux")),
    "centos": ("/etc/centos-release", parse_redhat_release),
    "rhel": ("/etc/redhat-release", parse_redhat_release),
}
"""Where the point release stands that os-release leaves out."""


def collect_os_release(facts: Facts) -> OsRelease:
    """Read os-release; where there is none, or one that names no distribution, the older files."""
    guest = facts[Guest]
    problems = 0
    for path in _OS_RELEASE:
        release = _read(guest, path, parse_os_release)
        if release is not None and ("ID" in release.variables or "NAME" in release.variables):
            return _with_point_release(guest, release)
        problems += len(release.problems) if release else 0
    for path, parse in _OLDER:
        release = _read(guest, path, parse)
        if release is not None:
            return release
    wrong = f" ({problems} lines of os-release could not be read)" if problems else ""
    raise UnknownFact(f"no release file names the distribution{wrong}", *map(Place, _OS_RELEASE))


def _read(guest: Guest, path: str, parse: Parser) -> OsRelease | None:
    try:
        return parse(guest.read_text(path, limit=LIMIT), path)
    except NotFound:
        return None


def _with_point_release(guest: Guest, release: OsRelease) -> OsRelease:
    path, parse = _POINT_RELEASES.get(release.id, ("", parse_os_release))
    point = _read(guest, path, parse) if path else None
    if point and point.version_id and point.version_id.split(".")[0] == (release.version_id or "").split(".")[0]:
        return replace(release, release=point.version_id)
    return release
