"""Collects `Hostname`: hostname(5), and the settings of releases before systemd."""

from __future__ import annotations

import re
from typing import Final

from inspector.facts import Facts
from inspector.facts.hostname import Hostname
from inspector.guest import Guest, NotFound
from parsers.place import Place

_MAX: Final = 253
_LIMIT: Final = 1 << 16
_PLAIN: Final = ("/etc/hostname", "/etc/HOSTNAME")
_ASSIGNED: Final = (("/etc/sysconfig/network", "HOSTNAME"), ("/etc/conf.d/hostname", "hostname"))
_VALUE: Final = r"""\s*{}=["']?([^"'#\s]+)"""


def collect_hostname(facts: Facts) -> Hostname:
    """Return the first host name that a file sets."""
    guest = facts[Guest]
    for path in _PLAIN:
        for number, line in enumerate(_lines(guest, path), start=1):
            if line.strip() and not line.lstrip().startswith("#"):
                return Hostname(line.strip()[:_MAX], Place(path, number))
    for path, key in _ASSIGNED:
        setting = re.compile(_VALUE.format(key))
        for number, line in enumerate(_lines(guest, path), start=1):
            if match := setting.match(line):
                return Hostname(match[1][:_MAX], Place(path, number))
    return Hostname(None, Place(_PLAIN[0]))


def _lines(guest: Guest, path: str) -> list[str]:
    try:
        return guest.read_text(path, limit=_LIMIT).split("\n")
    except NotFound:
        return []
