"""Collects `Sudo`: the program, its release, and sudoers with what it includes."""

from __future__ import annotations

import re
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.packages import Packages
from inspector.facts.sudo import PolicyFile, Sudo
from inspector.guest import Guest, NotFound
from inspector.linux.vendor_files import effective_path
from inspector.verdict import Evidence
from parsers.linux.sudoers import Release, Sudoers, parse_sudoers
from parsers.place import Place

POLICY: Final = "/etc/sudoers"
PROGRAMS: Final = ("/usr/bin/sudo", "/bin/sudo", "/usr/local/bin/sudo")
LIMIT: Final = 1 << 20
_PACKAGES: Final = ("sudo", "sudo-ldap")
_RELEASE: Final = re.compile(r"(?:\d+:)?(\d{1,2})\.(\d{1,2})\.(\d{1,3})")
_TRIED: Final[tuple[Release, ...]] = ((1, 9, 17), (1, 9, 13), (1, 9, 5), (1, 8, 29), (1, 8, 23), (1, 8, 6))
"""Where the release cannot be told, the policy is read as each of these would."""


def collect_sudo(facts: Facts) -> Sudo:
    """Read everything about sudo; a guest without it gives a `Sudo` without a program."""
    guest = facts[Guest]
    program = next((path for path in PROGRAMS if guest.is_file(path)), None)
    release, source = _release(facts, program)
    path = effective_path(guest, POLICY)
    read = [_policy(guest, path, tried) for tried in ([release] if release else _TRIED)]
    known = [policy for policy in read if policy is not None]
    policy = min(known, key=lambda item: len(item.problems)) if known else None
    agreed = len({bool(item.problems) for item in known}) <= 1
    files = policy.files if policy else ()
    return Sudo(program, path, policy, agreed, release, source, tuple(_file(guest, file) for file in files))


def _release(facts: Facts, program: str | None) -> tuple[Release | None, Evidence]:
    try:
        package = facts[Packages].first(*_PACKAGES)
    except UnknownFact as missing:
        return None, Evidence(Place(program or PROGRAMS[0]), missing.reason)
    if package and (match := _RELEASE.match(package.full_version)):
        seen = f"{package.name} {package.full_version}"
        return (int(match[1]), int(match[2]), int(match[3])), Evidence(package.place, seen)
    return None, Evidence(Place(program or PROGRAMS[0]), "the package database knows no sudo")


def _policy(guest: Guest, path: str, release: Release) -> Sudoers | None:
    def read_included(wanted: str, folder: bool) -> list[tuple[str, str | None]]:  # noqa: FBT001 - the parser's own
        if not folder:
            return [(wanted, guest.read_text(wanted, LIMIT) if guest.exists(wanted) else None)]
        found = guest.glob(f"{wanted.rstrip('/')}/*")
        taken = [item for item in found if _counts(item.rpartition("/")[2]) and guest.is_file(item)]
        return [(item, guest.read_text(item, LIMIT)) for item in sorted(taken)]

    try:
        return parse_sudoers(guest.read_text(path, LIMIT), path, read_included, release)
    except NotFound:
        return None


def _counts(name: str) -> bool:
    """Tell whether sudo reads a file of this name in a folder."""
    return "." not in name and not name.endswith("~")


def _file(guest: Guest, path: str) -> PolicyFile:
    stat = guest.stat(path)
    return PolicyFile(path, stat.uid, stat.gid, stat.mode & 0o7777)
