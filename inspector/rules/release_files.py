"""The rule about the files that name the release of the distribution, which clouds and programs read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning
from parsers.linux.os_release import (
    OsRelease,
    parse_os_release,
    parse_redhat_release,
    parse_suse_release,
    parse_version_file,
)

_LIMIT: Final = 1 << 16
Parser = Callable[[str, str], OsRelease | None]


def _alpine(text: str, path: str) -> OsRelease | None:
    return parse_version_file(text, path, "alpine", "Alpine Linux")


def _debian(text: str, path: str) -> OsRelease | None:
    return parse_version_file(text, path, "debian", "Debian GNU/Linux")


_FILES: Final[tuple[tuple[str, Parser, frozenset[str]], ...]] = (
    ("/etc/os-release", parse_os_release, frozenset()),
    ("/usr/lib/os-release", parse_os_release, frozenset()),
    ("/etc/redhat-release", parse_redhat_release, frozenset()),
    ("/etc/system-release", parse_redhat_release, frozenset()),
    ("/etc/centos-release", parse_redhat_release, frozenset()),
    ("/etc/oracle-release", parse_redhat_release, frozenset()),
    ("/etc/SuSE-release", parse_suse_release, frozenset()),
    ("/etc/alpine-release", _alpine, frozenset({"alpine"})),
    ("/etc/debian_version", _debian, frozenset({"debian"})),
)
"""Release files, what reads each, and the distributions that keep their own release in it; all where none is named.

Oracle Linux has a redhat-release that names Red Hat's, and Ubuntu a debian_version that names Debian's."""
_ISSUES: Final = ("/etc/issue", "/etc/issue.net")
_FROM_OS_RELEASE: Final = re.compile(r"\\S(?:\{(?:PRETTY_NAME|NAME|ID)\})?(?![a-z])")
"""What agetty(8) replaces by a field of os-release."""
_NUMBER: Final = re.compile(r"\d{1,9}")
_WORD: Final = re.compile(r"[a-z]{3,}")
_NO_NAMES: Final = frozenset({"linux", "gnu", "server", "enterprise", "release", "for", "the"})


@rule("release-files-agree", "Every file that names the release names the same one")
def release_files_agree(facts: Facts) -> Verdict:
    """Why: a cloud that finds another release, or a banner in /etc/issue, sets up the system as one that it is not.

    Fix: restore the file from the package that it belongs to; a banner for users stands in /etc/motd.
    Reads: os-release, redhat-release, system-release, SuSE-release, alpine-release, debian_version, issue, issue.net
    References: the vendor's instructions for importing images; os-release(5), agetty(8)
    """
    guest, release = facts[Guest], facts[OsRelease]
    found = [*_releases(guest, release), *_issues(guest, release)]
    if not found:
        raise UnknownFact("no file names the release", release.place)
    bad = [seen for fits, seen in found if not fits]
    if bad:
        return warning("files that do not name the release", *bad, _named(release))
    return ok(f"they name {release.pretty_name}", *(seen for _, seen in found))


def _named(release: OsRelease) -> Evidence:
    return Evidence(release.place, release.pretty_name)


def _releases(guest: Guest, release: OsRelease) -> Iterator[tuple[bool, Evidence]]:
    for path, parse, distributions in _FILES:
        if (distributions and release.id not in distributions) or not guest.is_file(path):
            continue
        text = guest.read_text(path, _LIMIT)
        other = parse(text, path) if text.strip() else None
        if other is None:
            yield _has_number(text, release), Evidence(guest.place(path), text.strip()[:80] or "empty")
            continue
        akin = {release.id, "rhel", *release.id_like} if parse is parse_redhat_release else {release.id}
        named = parse is parse_suse_release or other.id in akin
        fits = named and _major(other.version_id) in {None, _major(release.version_id)}
        yield fits, Evidence(guest.place(path, other.place.line), other.pretty_name[:80])


def _has_number(text: str, release: OsRelease) -> bool:
    """Tell whether a file in words of its own has the release's number, as those of little known distributions do."""
    return bool(text.strip()) and _major(release.version_id) in {None, *_NUMBER.findall(text[:1000])}


def _major(version: str | None) -> str | None:
    """The first number; None for a release without one (Debian's testing is "trixie/sid")."""
    match = _NUMBER.match(version or "")
    return match[0] if match else None


def _issues(guest: Guest, release: OsRelease) -> Iterator[tuple[bool, Evidence]]:
    words = set(_WORD.findall(f"{release.name} {release.pretty_name} {release.id}".lower())) - _NO_NAMES
    for path in _ISSUES:
        if guest.is_file(path):
            text = guest.read_text(path, _LIMIT)
            first = next((line.strip() for line in text.split("\n") if line.strip()), "empty")
            fits = bool(_FROM_OS_RELEASE.search(text)) or not words.isdisjoint(_WORD.findall(text.lower()))
            yield fits, Evidence(guest.place(path), first[:80])


RULES = (release_files_agree,)
