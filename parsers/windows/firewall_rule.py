"""A rule of the Windows firewall as the registry keeps it: `v2.30|Action=Allow|Active=TRUE|Dir=In|LPort=22|`.

Specification: Microsoft, [MS-GPFAS] "Group Policy: Firewall and Advanced Security Data Structure", "Firewall Rule and
the Firewall Rule Grammar Rule". Fields that stand more than once are a list. Not done: the addresses, interfaces and
users that a rule may be limited to are kept as they stand.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

MAX_FIELDS: Final = 4096
_TCP: Final = "6"
_LIMITS: Final = ("IF", "RMauth", "RUAuth", "Security", "Security2", "Security2_9")
_PORT: Final = re.compile(r"[0-9]{1,5}")


class FirewallRule(msgspec.Struct, frozen=True):
    """A rule: its version, and the values of each field by the field's name."""

    version: str
    fields: dict[str, tuple[str, ...]]

    def first(self, name: str) -> str:
        """Return the first value of a field; "" where it is not there."""
        values = self.fields.get(name)
        return values[0] if values else ""

    @property
    def is_active(self) -> bool:
        """Whether it counts."""
        return self.first("Active").upper() == "TRUE"

    @property
    def is_inbound(self) -> bool:
        """Whether it is about connections from outside."""
        return self.first("Dir") == "In"

    @property
    def allows(self) -> bool:
        """Whether it lets in; otherwise it blocks."""
        return self.first("Action") in {"Allow", "ByPass"}

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles that it holds for ("Domain", "Private", "Public"); none named means all."""
        return self.fields.get("Profile", ())

    @property
    def is_limited(self) -> bool:
        """Whether it is about some interfaces, users or machines only, or about connections with IPsec only."""
        return any(self.fields.get(name) for name in _LIMITS)

    @property
    def names_ports(self) -> bool:
        """Whether it is limited to ports."""
        return bool(self.fields.get("LPort") or self.fields.get("LPort2_10"))

    def holds_for_port(self, port: int) -> bool:
        """Tell whether it is about TCP connections to `port`, of whichever addresses and programs."""
        if self.first("Protocol") not in {"", _TCP}:
            return False
        ranges = (*self.fields.get("LPort", ()), *self.fields.get("LPort2_10", ()))
        return not ranges or any(_holds(part, port) for text in ranges for part in text.split(","))


def parse_firewall_rule(text: str) -> FirewallRule | None:
    """Take a rule apart; None where it is none."""
    version, *parts = text.rstrip("|").split("|", MAX_FIELDS)
    if not version.startswith("v") or not parts:
        return None
    fields: dict[str, tuple[str, ...]] = {}
    for part in parts:
        name, _, value = part.partition("=")
        fields[name] = (*fields.get(name, ()), value)
    return FirewallRule(version, fields)


def _holds(text: str, port: int) -> bool:
    low, _, high = text.partition("-")
    if not _PORT.fullmatch(low):
        return False
    return int(low) <= port <= int(high if _PORT.fullmatch(high) else low)
