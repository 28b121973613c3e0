"""Collects `Selinux`."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.facts.selinux import Selinux
from inspector.guest import Guest, NotFound
from parsers.linux.selinux import parse_selinux_config

LIMIT: Final = 1 << 16
CONFIG: Final = "/etc/selinux/config"


def collect_selinux(facts: Facts) -> Selinux:
    """Read the configuration, and look for policies and for the wish to relabel."""
    guest = facts[Guest]
    try:
        config = parse_selinux_config(guest.read_text(CONFIG, limit=LIMIT), CONFIG)
    except NotFound:
        config = None
    policies = {path.split("/")[3] for path in guest.glob("/etc/selinux/*/policy/policy.*")}
    return Selinux(config, tuple(sorted(policies)), guest.exists("/.autorelabel"))
