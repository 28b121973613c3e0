"""Collects `Accounts` from the files in /etc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from inspector.facts import Facts
from inspector.facts.accounts import Accounts
from inspector.guest import Guest, NotFound
from parsers.linux.accounts import parse_group, parse_passwd, parse_shadow

LIMIT: Final = 4 << 20
"""Bytes of each file; tens of thousands of accounts."""

Parsed = TypeVar("Parsed")


def collect_accounts(facts: Facts) -> Accounts:
    """Read passwd, shadow and group; one that is not there is None."""
    guest = facts[Guest]
    return Accounts(
        _read(guest, "/etc/passwd", parse_passwd),
        _read(guest, "/etc/shadow", parse_shadow),
        _read(guest, "/etc/group", parse_group),
    )


def _read(guest: Guest, path: str, parse: Callable[[str, str], Parsed]) -> Parsed | None:
    try:
        return parse(guest.read_text(path, limit=LIMIT), path)
    except NotFound:
        return None
