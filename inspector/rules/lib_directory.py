"""Rules about /lib, /lib64, /bin and /sbin, through which every program finds its loader and its libraries."""

from __future__ import annotations

import posixpath
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import Architecture
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Status, Verdict, failed, ok, paths_of, warning
from parsers.filesystem.tree import FileType
from parsers.place import Place

_NEEDED: Final = ("/lib", "/bin", "/sbin")
_MERGED: Final = frozenset({"usr/lib", "usr/lib64", "usr/bin", "usr/sbin"})
_LOADER_NEEDS_LIB64: Final = ("/usr/lib64", "/lib/x86_64-linux-gnu")
_LOADER_IN_LIB64: Final = frozenset({"x86_64", "ppc64", "ppc64le", "loongarch64"})
"""Machines whose ABI puts the loader of GNU libc into /lib64."""


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
    needed = (*_NEEDED, *(["/lib64"] if _needs_lib64(facts, guest) else []))
    found = [_judge(guest, path, needed) for path in (*_NEEDED, "/lib64")]
    bad = [evidence for status, evidence in found if status is Status.FAILED]
    poor = [evidence for status, evidence in found if status is Status.WARNING]
    if bad:
        return failed(f"{paths_of(bad)} cannot be relied on", *bad, *poor)
    if poor:
        return warning(f"{paths_of(poor)} lead to an unusual place", *poor)
    return ok("all of them are directories or lead to one below /usr", *(evidence for _, evidence in found))


def _judge(guest: Guest, path: str, needed: tuple[str, ...]) -> tuple[Status, Evidence]:
    try:
        kind = guest.lstat(path).type
    except NotFound:
        return _absent(path, needed)
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


def _absent(path: str, needed: tuple[str, ...]) -> tuple[Status, Evidence]:
    if path in needed:
        return Status.FAILED, Evidence(Place(path), "a directory or a link to one wanted, nothing found")
    return Status.OK, Evidence(Place(path), "absent, as on an architecture without it")


def _needs_lib64(facts: Facts, guest: Guest) -> bool:
    """Tell whether the programs' loader lies there: by the machine's ABI, unless they are musl's or busybox alone."""
    if any(map(guest.is_dir, _LOADER_NEEDS_LIB64)):
        return True
    try:
        machine = facts[Architecture].machine
    except UnknownFact:  # no program is there, which system-programs-exist reports
        return False
    alone = guest.exists("/bin/sh") and guest.realpath("/bin/sh").endswith("/busybox")
    return machine in _LOADER_IN_LIB64 and not alone and not guest.glob("/lib/ld-musl-*")


RULES = (system_directories_resolve,)
