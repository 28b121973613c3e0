"""Collects `Fstab` and `Crypttab`."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest, NotFound
from parsers.linux.crypttab import Crypttab, parse_crypttab
from parsers.linux.fstab import Fstab, parse_fstab
from parsers.place import Place, Problem

FSTAB: Final = "/etc/fstab"
CRYPTTAB: Final = "/etc/crypttab"
LIMIT: Final = 1 << 18
"""Bytes of either table; thousands of lines."""
ABSENT: Final = "the file wanted, none found"


def collect_fstab(facts: Facts) -> Fstab:
    """Read /etc/fstab; where there is none, the table is empty and that is its problem."""
    try:
        return parse_fstab(facts[Guest].read_text(FSTAB, limit=LIMIT), FSTAB)
    except NotFound:
        return Fstab((), (Problem(Place(FSTAB), ABSENT),), FSTAB)


def collect_crypttab(facts: Facts) -> Crypttab:
    """Read /etc/crypttab; most guests have none, which is an empty table."""
    try:
        return parse_crypttab(facts[Guest].read_text(CRYPTTAB, limit=LIMIT), CRYPTTAB)
    except NotFound:
        return Crypttab(())
