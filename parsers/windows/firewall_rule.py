"""A rule of the Windows firewall as the registry keeps it: `v2.30|Action=Allow|Active=TRUE|Dir=In|LPort=22|`.

Specification: Microsoft, [MS-GPFAS] "Group Policy: Firewall and Advanced Security Data Structure", "Firewall Rule and
the Firewall Rule Grammar Rule" (2.2.2.19; interface types 2.2.2.8, keywords of ports 2.2.2.3). The grammar is ABNF,
whose words have no case, and the rules of restricted services of a real machine are written in any. Fields that stand
more than once are a list; one without ports, profiles, a protocol or addresses holds for all. Not done: ranges of
addresses are kept as they stand, and the releases that a rule is for (Platform) are not compared, but count as a limit.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import ClassVar, Final

import msgspec

MAX_FIELDS: Final = 4096
_TCP: Final = "6"
_LIMITS: Final = (
    "if", "rmauth", "ruauth", "luauth", "luauth2_24", "luown", "apppkgid", "platform", "nnm", "securityrealmid",
    "security", "security2", "security2_9", "ttk", "ttk2_22", "ttk2_27", "ttk2_28", "rport", "rport2_10",
)  # fmt: skip
"""Fields of which any makes a rule hold for some connections only."""
_WIRED: Final = "lan"
_REMOTE: Final = ("ra4", "ra42", "ra6", "ra62")
_PRIVATE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"))
)
"""Networks of which no address comes from outside (RFC 1918, 3927, 1122)."""
_LOCAL: Final = ("la4", "la42", "la6", "la62")
_ANYBODY: Final = frozenset({"0.0.0.0-255.255.255.255", "0.0.0.0/0", "0.0.0.0/0.0.0.0", "internet"})
_RELEASES: Final = "platform"
_PORT: Final = re.compile(r"[0-9]{1,5}")


class PolicyRule(msgspec.Struct, frozen=True):
    """A rule of any kind: its version, and the values of each field by the field's name in lower case.

    `port_fields` is how the fields begin that name ports; later versions of the grammar brought fields of their own.
    """

    version: str
    fields: dict[str, tuple[str, ...]]
    port_fields: ClassVar[tuple[str, ...]]

    def first(self, name: str) -> str:
        """Return the first value of a field; "" where it is not there."""
        values = self.fields.get(name.lower())
        return values[0] if values else ""

    @property
    def is_active(self) -> bool:
        """Whether it counts."""
        return self.first("Active").upper() == "TRUE"

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles that it holds for ("Domain", "Private", "Public"); none named means all."""
        return tuple(name.capitalize() for name in self.fields.get("profile", ()))

    @property
    def names_ports(self) -> bool:
        """Whether it is limited to ports."""
        return bool(self._ports)

    @property
    def _ports(self) -> tuple[str, ...]:
        return tuple(text for name, texts in self.fields.items() if name.startswith(self.port_fields) for text in texts)

    def holds_for_port(self, port: int) -> bool:
        """Tell whether it is about TCP connections that concern `port`, of whichever addresses and programs."""
        if self.first("Protocol") not in {"", _TCP}:
            return False
        ranges = self._ports
        return not ranges or any(_contains(part, port) for text in ranges for part in text.split(","))


class FirewallRule(PolicyRule, frozen=True):
    """A rule that lets connections in or out, or blocks them."""

    port_fields: ClassVar[tuple[str, ...]] = ("lport",)

    @property
    def is_inbound(self) -> bool:
        """Whether it is about connections from outside."""
        return self.first("Dir").lower() == "in"

    @property
    def allows(self) -> bool:
        """Whether it lets in; otherwise it blocks."""
        return self.first("Action").lower() in {"allow", "bypass"}

    @property
    def is_limited(self) -> bool:
        """Whether it is about some interfaces, users, machines or releases only, or about connections with IPsec only.

        So is a rule for cards without a wire, for some addresses of its own machine, and one for IPv6, for the
        machine's own network, its servers, or private networks alone.
        """
        return any(self.fields.get(name) for name in (*_LIMITS, *_LOCAL)) or self._is_wireless or self._is_near

    @property
    def is_partial(self) -> bool:
        """Whether some connections are certainly left out: it names addresses, cards, users, packages and the like."""
        named = any(self.fields.get(name) for name in (*_LIMITS, *_LOCAL, *_REMOTE) if name != _RELEASES)
        everywhere = {text.lower() for name in ("ra4", "ra42") for text in self.fields.get(name, ())} & _ANYBODY
        return (named and not everywhere) or self._is_wireless

    @property
    def _is_wireless(self) -> bool:
        kinds = {kind.lower() for kind in self.fields.get("iftype", ())}
        return bool(kinds) and _WIRED not in kinds

    @property
    def _is_near(self) -> bool:
        """Whether no address of IPv4 beyond private networks is among those that it is limited to."""
        limited = any(self.fields.get(name) for name in _REMOTE)
        ranges = (*self.fields.get("ra4", ()), *self.fields.get("ra42", ()))
        return limited and all(map(_is_private, ranges))


def parse_firewall_rule(text: str) -> FirewallRule | None:
    """Take a rule apart; None where it is none."""
    found = parse_fields(text)
    return FirewallRule(*found) if found else None


def parse_fields(text: str) -> tuple[str, dict[str, tuple[str, ...]]] | None:
    """Return the version of a rule, and its fields by their names in lower case; None where it is no rule."""
    version, *parts = text.rstrip("|").split("|", MAX_FIELDS)
    if not version.lower().startswith("v") or not parts:
        return None
    fields: dict[str, tuple[str, ...]] = {}
    for part in parts:
        name, _, value = part.partition("=")
        fields[name.lower()] = (*fields.get(name.lower(), ()), value)
    return version, fields


def _is_private(text: str) -> bool:
    """Tell whether a range of addresses, a network, or what a keyword stands for, lies within a private network."""
    first, _, last = text.partition("-")
    ends = [end.partition("/")[0].strip() for end in (first, last or first)]
    try:
        addresses = [ip_address(end) for end in ends]
    except ValueError:  # a keyword: the machine's own network, or servers that it knows
        return text.lower() not in _ANYBODY
    return any(all(address in network for address in addresses) for network in _PRIVATE)


def _contains(text: str, port: int) -> bool:
    """Tell whether a port, or a range of ports, has `port`; a keyword such as "RPC" has none."""
    low, _, high = text.partition("-")
    if not _PORT.fullmatch(low):
        return False
    return int(low) <= port <= int(high if _PORT.fullmatch(high) else low)
