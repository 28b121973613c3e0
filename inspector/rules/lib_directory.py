"""Rules about /lib, /lib64, /bin and /sbin, through which every program finds its loader and its libraries."""

from __future__ import annotations

import posixpath
from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Status, Verdict, failed, ok, warning
from parsers.filesystem.tree import FileType
from parsers.place import Place

_NEEDED: Final = ("/lib", "/bin", "/sbin")
_MERGED: Final = frozenset({"usr/lib", "usr/lib64", "usr/bin", "usr/sbin"})
_LOADER_NEEDS_LIB64: Final = ("/usr/lib64", "/lib/x86_64-linux-gnu")


@rule(
    "system-directories-resolve", "/lib, /lib64, /bin and /sbin are directories or relative links to those below /usr"
)
def system_directories_resolve(facts: Facts) -> Verdict:
    """Why: an absolute link leads into the wrong tree where the disk is mounted for repair, and a dangling one nowhere.

    Then no program finds its loader, and passwords and keys cannot be set.

    Fix: make the link relative, for example ln -sfn usr/lib64 /lib64.
    Reads: the four directories
    References: file-hierarchy(7)
    """
    guest = facts[Guest]
    found = [_judge(guest, path) for path in (*_NEEDED, "/lib64")]
    bad = [evidence for status, evidence in found if status is Status.FAILED]
    poor = [evidence for status, evidence in found if status is Status.WARNING]
    if bad:
        return failed(f"{', '.join(item.place.path for item in bad)} cannot be relied on", *bad, *poor)
    if poor:
        return warning(f"{', '.join(item.place.path for item in poor)} lead to an unusual place", *poor)
    return ok("all of them are directories or lead to one below /usr", *(evidence for _, evidence in found))


def _judge(guest: Guest, path: str) -> tuple[Status, Evidence]:
    try:
        kind = guest.lstat(path).type
    except NotFound:
        return _absent(guest, path)
    if kind is FileType.DIRECTORY:
        return Status.OK, Evidence(Place(path), "a directory")
    if kind is not FileType.SYMLINK:
        return Status.FAILED, Evidence(Place(path), f"a directory or a link to one wanted, {kind} found")
    target = guest.readlink(path)
    seen = f"a link to {target}"
    if target.startswith("/"):
        return Status.FAILED, Evidence(Place(path), f"a relative link wanted, {seen} found")
    if not guest.is_dir(path):
        wrong = "is no directory" if guest.exists(path) else "does not exist"
        return Status.FAILED, Evidence(Place(path), f"{seen}, which {wrong}")
    usual = posixpath.normpath(target) in _MERGED
    return Status.OK if usual else Status.WARNING, Evidence(Place(path), seen)


def _absent(guest: Guest, path: str) -> tuple[Status, Evidence]:
    """/lib64 is needed only where the architecture's loader lies in it."""
    if path in _NEEDED or any(map(guest.is_dir, _LOADER_NEEDS_LIB64)):
        return Status.FAILED, Evidence(Place(path), "a directory or a link to one wanted, nothing found")
    return Status.OK, Evidence(Place(path), "absent, as on an architecture without it")


RULES = (system_directories_resolve,)
