"""A rule of the Windows firewall that asks for IPsec: `v2.30|Action=SecureServer|Active=TRUE|EP1Port=3389|Protocol=6|`.

Specification: Microsoft, [MS-GPFAS] 2.2.6.2 "Connection Security Rule and the Connection Security Rule Grammar Rule",
[MS-FASP] 2.2.52 "FW_CS_RULE_ACTION". Either endpoint may be the machine itself. Not done: addresses, cards and releases
that a rule is limited to are kept as they stand; one of a tunnel is not told apart.
"""

from __future__ import annotations

from typing import ClassVar, Final

from parsers.windows.firewall_rule import PolicyRule, parse_fields

_REQUIRES: Final = frozenset({"secureserver", "secure"})
_EXEMPTS: Final = "donotsecure"
_LIMITS: Final = ("ep1_4", "ep2_4", "ep1_6", "ep2_6", "if", "iftype", "platform", "platform2")


class ConnectionSecurityRule(PolicyRule, frozen=True):
    """A rule that asks for IPsec, or exempts from it; its ports may be those of either endpoint."""

    port_fields: ClassVar[tuple[str, ...]] = ("ep1port", "ep2port")

    @property
    def requires(self) -> bool:
        """Whether connections from outside without IPsec are refused."""
        return self.first("action").lower() in _REQUIRES

    @property
    def exempts(self) -> bool:
        """Whether connections are let through as they are, whoever they are with."""
        limited = any(self.fields.get(name) for name in _LIMITS)
        return self.first("action").lower() == _EXEMPTS and not limited


def parse_connection_security_rule(text: str) -> ConnectionSecurityRule | None:
    """Take a rule apart; None where it is none."""
    found = parse_fields(text)
    return ConnectionSecurityRule(*found) if found else None
