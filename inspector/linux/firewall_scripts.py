"""Scripts of the guest's own that load a firewall at boot, without a firewall service that could be asked for.

Looked through are the hooks and `up` commands of ifupdown, rc.local, `@reboot` in cron, and the services that
somebody wrote into /etc/systemd/system, with the script that such a service starts. Only lines that refuse packets
or load a saved table count: what forwards or translates addresses keeps nobody out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from inspector.facts.services import Services
from inspector.guest import Guest
from inspector.linux.units import CONFIG
from inspector.verdict import Evidence
from parsers.linux.systemd import parse_unit, split_words
from parsers.place import Place

_HOOKS: Final = ("/etc/network/if-pre-up.d/*", "/etc/network/if-up.d/*", "/etc/rc.local", "/etc/rc.d/rc.local")
_INTERFACES: Final = ("/etc/network/interfaces", "/etc/network/interfaces.d/*")
_CRON: Final = ("/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/root")
_UP: Final = re.compile(r"\s*(?:pre-up|up|post-up)\s")
_REBOOT: Final = re.compile(r"\s*@reboot\s")
_LOADS: Final = re.compile(
    r"\bip6?tables(?:-legacy|-nft)?-restore\b"
    r"|\bnft\s+(?:-[a-zA-Z]+\s+)*(?:-f|--file)\b"
    r"|\bip6?tables(?:-legacy|-nft)?\b.*(?:-P\s+INPUT\s+(?:DROP|REJECT)|-[AI]\s+INPUT\b.*-j\s+(?:DROP|REJECT))\b"
    r"|\bnft\s+add\s.*\b(?:drop|reject)\b"
)
_LIMIT: Final = 1 << 18
_MAX_FILES: Final = 500


def firewall_scripts(guest: Guest, services: Services) -> list[Evidence]:
    """Return the lines that load a firewall at boot."""
    found = [line for path in _files(guest, _HOOKS) if _runs(guest, path) for line in _lines(guest, path)]
    found += [line for path in _files(guest, _INTERFACES) for line in _lines(guest, path, _UP)]
    found += [line for path in _files(guest, _CRON) for line in _lines(guest, path, _REBOOT)]
    if services.manager == "systemd":
        for path in _files(guest, (f"{CONFIG}/*.service",)):
            if services.state(path.rpartition("/")[2]).enabled:
                found += _unit(guest, path)
    return found


def _files(guest: Guest, patterns: tuple[str, ...]) -> list[str]:
    return [path for pattern in patterns for path in guest.glob(pattern)[:_MAX_FILES] if guest.is_file(path)]


def _runs(guest: Guest, path: str) -> bool:
    return guest.stat(path).mode & 0o111 != 0


def _lines(guest: Guest, path: str, wanted: re.Pattern[str] | None = None) -> Iterator[Evidence]:
    if guest.stat(path).size > _LIMIT:
        return
    for number, line in enumerate(guest.read_text(path, limit=_LIMIT).split("\n"), start=1):
        if (wanted is None or wanted.match(line)) and not line.lstrip().startswith("#") and _LOADS.search(line):
            yield Evidence(Place(path, number), line.strip()[:120])


def _unit(guest: Guest, path: str) -> Iterator[Evidence]:
    if guest.stat(path).size > _LIMIT:
        return
    unit = parse_unit(guest.read_text(path, limit=_LIMIT), path)
    for key in ("ExecStartPre", "ExecStart", "ExecStartPost"):
        for item in unit.all("Service", key):
            if _LOADS.search(item.value):
                yield Evidence(item.place, item.value[:120])
            for word in split_words(item.value.lstrip("@-:+!"))[:3]:
                if word.startswith("/") and guest.is_file(word) and _is_script(guest, word):
                    yield from _lines(guest, word)


def _is_script(guest: Guest, path: str) -> bool:
    source = guest.open(path)
    return source.size >= 2 and source.read_at(0, 2) == b"#!"
