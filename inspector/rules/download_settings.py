"""Rules about where the guest downloads from: proxies and archives that only its source's network has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest
from inspector.linux.leftover_files import MAX_SHOWN, absent
from inspector.linux.network_files import texts
from inspector.linux.private_address import is_private_host
from inspector.linux.proxy import APT, ENVIRONMENT, YUM
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning

_FLAGS: Final = re.IGNORECASE | re.MULTILINE
_PROXIES: Final = (
    (ENVIRONMENT, re.compile(
        r"^[ \t]*(?:export[ \t]+|(?:Default)?Environment=)?[\"']?(?:https?|ftp|all)_proxy[ \t]*=[ \t]*[\"']?"
        r"(?P<value>[^\s\"';]+)", _FLAGS)),
    (APT, re.compile(r"^(?![ \t]*(?://|#))[^\n]*\bProxy[ \t]+\"(?P<value>[^\"\n]+)\"", _FLAGS)),
    (YUM, re.compile(r"^[ \t]*proxy(?:_hostname)?[ \t]*=[ \t]*(?P<value>\S+)", _FLAGS)),
)  # fmt: skip
_NO_PROXY: Final = frozenset({"direct", "false", "none", "_none_", "libproxy"})
_USER: Final = re.compile(r"//[^/\s]*@")
_ARCHIVES: Final = (
    "/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources",
    "/etc/yum.repos.d/*.repo", "/etc/zypp/repos.d/*.repo", "/etc/apk/repositories", "/etc/pacman.d/mirrorlist",
    "/etc/pacman.conf",
)  # fmt: skip
_SECTION: Final = re.compile(r"^(?=\[)", re.MULTILINE)
_STANZA: Final = re.compile(r"(?<=\n)(?=[ \t]*\n)")
"""Where a section of a .repo file begins, and a stanza of deb822 ends (sources.list(5))."""
_SWITCHED_OFF: Final = re.compile(r"^[ \t]*(?:enabled[ \t]*=[ \t]*(?:0|no|false)|Enabled:[ \t]*no)[ \t]*$", _FLAGS)
_ADDRESS: Final = re.compile(
    r"^(?![ \t]*[#!;])[^\n]*?(?:(?<=[=\s])(?P<medium>cdrom|cd|dvd|hd|iso):|\b(?:https?|ftp)://(?:[^\s/@]*@)?"
    r"(?P<host>\[[^\]\s]+\]|[^\s/:]+))", _FLAGS,
)  # fmt: skip


@rule("no-proxy-is-set", "No proxy of the source's network is set")
def no_proxy_is_set(facts: Facts) -> Verdict:
    """Why: a copy in another network reaches no such proxy, and can install and fetch nothing.

    Fix: take the settings that are named out.
    Reads: /etc/environment, the shells' profiles, wgetrc, units' drop-ins, /etc/sysconfig/proxy, the settings of apt,
    yum, dnf, pip and subscription-manager

    References: apt.conf(5), dnf.conf(5), environment(7)
    """
    guest = facts[Guest]
    files = [(path, text, setting) for patterns, setting in _PROXIES for path, text in _texts(guest, patterns)]
    found = [item for path, text, setting in files for item in _set(guest, path, text, setting)]
    if found:
        return warning("a proxy is set", *found[:MAX_SHOWN])
    read = [Evidence(guest.place(path), "no proxy") for path, _, _ in files]
    return ok("no proxy is set", *(read[:MAX_SHOWN] or absent(("/etc/environment",))))


def _texts(guest: Guest, patterns: Iterable[str]) -> Iterator[tuple[str, str]]:
    return texts(guest, (path for pattern in patterns for path in guest.glob(pattern)))


def _set(guest: Guest, path: str, text: str, setting: re.Pattern[str]) -> Iterator[Evidence]:
    for match in islice(setting.finditer(text), MAX_SHOWN):
        value = _USER.sub("//...@", match["value"])
        if value.lower() not in _NO_PROXY:
            yield Evidence(guest.place(path, text.count("\n", 0, match.start("value")) + 1), value[:80])


@rule("package-archives-are-public", "Packages come from no archive of the source's site, and from no disc")
def package_archives_are_public(facts: Facts) -> Verdict:
    """Why: a copy in another network cannot reach the archive, so that it gets neither updates nor packages.

    Fix: name public archives, or those of the cloud; take lines with cdrom: out.
    Reads: the sources of apt, yum, dnf, zypper, apk and pacman

    References: sources.list(5), dnf.conf(5)
    """
    guest = facts[Guest]
    files = list(_texts(guest, _ARCHIVES))
    found = [item for path, text in files for item in _sites(guest, path, text)]
    if found:
        return warning("archives of the source's site", *found[:MAX_SHOWN])
    read = [Evidence(guest.place(path), "no private address") for path, _ in files]
    return ok("archives are public", *(read[:MAX_SHOWN] or absent(("/etc/apt/sources.list",))))


def _sites(guest: Guest, path: str, text: str) -> Iterator[Evidence]:
    position = 0
    for section in (_STANZA if path.endswith(".sources") else _SECTION).split(text):
        if not _SWITCHED_OFF.search(section):
            for match in islice(_ADDRESS.finditer(section), MAX_SHOWN):
                if match["medium"] or is_private_host(match["host"]):
                    line = text.count("\n", 0, position + match.start()) + 1
                    yield Evidence(guest.place(path, line), match["host"] or f"{match['medium']}:")
        position += len(section)


RULES = (no_proxy_is_set, package_archives_are_public)
