"""Collects `Hostname`: hostname(5), the settings of releases before systemd, and the computer name of Windows."""

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
_COMPUTER: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName"
_VALUE: Final = r"""\s*{}=["']?([^"'#\s]+)"""


def collect_hostname(facts: Facts) -> Hostname:
    """Return the first host name that a file sets."""
    guest = facts[Guest]
    if guest.family == "windows":
        return _windows(facts)
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


def _windows(facts: Facts) -> Hostname:
    from inspector.windows.registry import Registry  # which no other guest has

    registry = facts[Registry]
    return Hostname(registry.text(_COMPUTER, "ComputerName") or None, registry.place(_COMPUTER, "ComputerName"))


def _lines(guest: Guest, path: str) -> list[str]:
    try:
        return guest.read_text(path, limit=_LIMIT).split("\n")
    except NotFound:
        return []
