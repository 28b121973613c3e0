"""What sshd needs besides itself to start: the directory that it shuts strangers into, and the programs of its parts.

sshd(8), FILES; OpenSSH's release notes of 9.8 (sshd-session) and 10.0 (sshd-auth). Their paths are compiled in, so that
they are known of the distributions in `_FOLDERS` alone. Of the directory Red Hat's is known, which its account sshd has
for a home; Debian makes its own at boot.
"""

from __future__ import annotations

from typing import Final

from inspector.facts.sshd import Sshd
from inspector.guest import Guest, NotFound
from inspector.linux.programs import program_flaw
from inspector.verdict import Evidence
from parsers.filesystem.tree import FileType
from parsers.linux.sshd import Release
from parsers.place import Place

_FOLDERS: Final = {"redhat": "/usr/libexec/openssh", "debian": "/usr/lib/openssh"}
_PROGRAMS: Final[tuple[tuple[str, Release], ...]] = (("sshd-session", (9, 8)), ("sshd-auth", (10, 0)))
"""The programs, each with the first release that starts it."""
_DIRECTORIES: Final = frozenset({"/var/empty/sshd", "/usr/share/empty.sshd"})
_WRITABLE: Final = 0o022


def missing_part(guest: Guest, sshd: Sshd) -> Evidence | None:
    """Return why a program that sshd starts for each connection cannot be run, or None."""
    folder = _FOLDERS.get(sshd.vendor)
    if folder is None or sshd.release is None:
        return None
    names = [name for name, since in _PROGRAMS if sshd.release >= since]
    return next((flaw for name in names if (flaw := program_flaw(guest, f"{folder}/{name}"))), None)


def directory_flaw(guest: Guest, home: str) -> Evidence | None:
    """Return why sshd refuses the directory that it shuts strangers into, where `home` tells it, or None."""
    if home not in _DIRECTORIES:
        return None
    try:
        stat = guest.stat(home)
    except NotFound:
        return Evidence(Place(home), "no such directory")
    if stat.type is not FileType.DIRECTORY:
        return Evidence(Place(home), f"a directory wanted, a {stat.type} found")
    if stat.uid != 0 or stat.mode & _WRITABLE:
        found = f"owner {stat.uid}, mode {stat.mode & 0o7777:04o}"
        return Evidence(Place(home), f"owner 0 and nobody else who may write wanted, {found} found")
    return None
