"""Who the guest is: the head of the report, from whatever facts could be had."""

from __future__ import annotations

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.report import GuestInfo


def identify_guest(facts: Facts) -> GuestInfo:
    """Return what is known of the guest; what could not be had stays null."""
    try:
        facts[Guest]
    except UnknownFact:
        return GuestInfo()
    return GuestInfo(os="linux")
