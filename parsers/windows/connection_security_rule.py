"""A rule of the Windows firewall that asks for IPsec: `v2.30|Action=SecureServer|Active=TRUE|EP1Port=3389|Protocol=6|`.

Specification: Microsoft, [MS-GPFAS] 2.2.6.2 "Connection Security Rule and the Connection Security Rule Grammar Rule",
[MS-FASP] 2.2.52 "FW_CS_RULE_ACTION". Either endpoint may be the machine itself. Not done: addresses, cards and releases
that a rule is limited to are kept as they stand; one of a tunnel is not told apart.
"""

from __future__ import annotations

from typing import Final

import msgspec

from parsers.windows.firewall_rule import contains_port, parse_fields

_TCP: Final = "6"
_REQUIRES: Final = frozenset({"secureserver", "secure"})
_EXEMPTS: Final = "donotsecure"
_ENDPOINTS: Final = ("ep1port", "ep2port")
_LIMITS: Final = ("ep1_4", "ep2_4", "ep1_6", "ep2_6", "if", "iftype", "platform", "platform2")


class ConnectionSecurityRule(msgspec.Struct, frozen=True):
    """A rule: its version, and the values of each field by the field's name in lower case."""

    version: str
    fields: dict[str, tuple[str, ...]]

    @property
    def is_active(self) -> bool:
        """Whether it counts."""
        return self._first("active").upper() == "TRUE"

    @property
    def requires(self) -> bool:
        """Whether connections from outside without IPsec are refused."""
        return self._first("action").lower() in _REQUIRES

    @property
    def exempts(self) -> bool:
        """Whether connections are let through as they are, whoever they are with."""
        limited = any(self.fields.get(name) for name in _LIMITS)
        return self._first("action").lower() == _EXEMPTS and not limited

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles that it holds for ("Domain", "Private", "Public"); none named means all."""
        return tuple(name.capitalize() for name in self.fields.get("profile", ()))

    def holds_for_port(self, port: int) -> bool:
        """Tell whether it is about TCP connections to or from `port`."""
        if self._first("protocol") not in {"", _TCP}:
            return False
        ranges = [text for name, texts in self.fields.items() if name.startswith(_ENDPOINTS) for text in texts]
        return not ranges or any(contains_port(part, port) for text in ranges for part in text.split(","))

    def _first(self, name: str) -> str:
        values = self.fields.get(name)
        return values[0] if values else ""


def parse_connection_security_rule(text: str) -> ConnectionSecurityRule | None:
    """Take a rule apart; None where it is none."""
    found = parse_fields(text)
    return ConnectionSecurityRule(*found) if found else None
