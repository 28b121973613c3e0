"""What netplan checks of a definition before it writes anything: values, families of addresses, what is referred to.

Reference: netplan-yaml; where it is silent, what `netplan generate` 0.106 answers, which the tests ask. A mistake is
fatal, as netplan then writes nothing at all; what some releases alone refuse is a problem.
Not done: keys of WireGuard, lengths of Wi-Fi passwords, time intervals (netplan hands them on unread), default routes
that contradict one another (netplan warns of them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final

from parsers.network.netplan_keys import ACCESS_POINT, BOND, BRIDGE, OF_CARDS, POLICY, ROUTE, stray
from parsers.network.netplan_node import FALSE, TRUE, Flaw, items_of, mapping_of, shape, text_of
from parsers.place import Problem
from parsers.yaml_document import Mapping, Node, Scalar, Sequence

Check = Callable[[Node], str | None]
"""Says what is wanted, where a value is something else."""
Schema = dict[str, Check]

_WITH_CARDS: Final = frozenset({"ethernets", "wifis", "modems", "nm-devices"})


def _number(most: int = 0xFFFF_FFFF, least: int = 0) -> Check:
    def check(node: Node) -> str | None:
        text = node.text if isinstance(node, Scalar) else ""
        fits = text.isascii() and text.isdecimal() and len(text) <= 10 and least <= int(text) <= most
        return None if fits else f"a number from {least} to {most}"

    return check


def _integer(node: Node) -> str | None:
    return None if isinstance(node, Scalar) and node.text.removeprefix("-").isdecimal() else "a number"


def _word(*words: str) -> Check:
    def check(node: Node) -> str | None:
        return None if isinstance(node, Scalar) and node.text in words else " or ".join(words)

    return check


def _boolean(node: Node) -> str | None:
    return None if isinstance(node, Scalar) and node.text.lower() in TRUE | FALSE else "true or false"


def _mapping(node: Node) -> str | None:
    return None if isinstance(node, Mapping) else "a mapping"


def _list(node: Node) -> str | None:
    return None if isinstance(node, Sequence) else "a list"


def _ipv6(node: Node) -> str | None:
    return None if family_of(node) == 6 else "an IPv6 address"


def _ipv4(node: Node) -> str | None:
    return None if family_of(node) == 4 else "an IPv4 address"


_NUMBER: Final = _number()
_DEVICE: Final[Schema] = {
    **dict.fromkeys(
        (
            "optional", "critical", "accept-ra", "wakeonlan", "ignore-carrier", "ipv6-privacy", "emit-lldp",
            "neigh-suppress", "delay-virtual-functions-rebind", *(key for key in OF_CARDS if key.endswith("-offload")),
        ),
        _boolean,
    ),
    **dict.fromkeys(("mtu", "ipv6-mtu", "virtual-function-count"), _NUMBER),
    **dict.fromkeys(("nameservers", "dhcp4-overrides", "dhcp6-overrides", "auth", "parameters"), _mapping),
    **dict.fromkeys(("optional-addresses", "wakeonwlan", "link-local"), _list),
    "ipv6-address-token": _ipv6,
    "dhcp-identifier": _word("mac", "duid"),
    "ipv6-address-generation": _word("eui64", "stable-privacy"),
    "infiniband-mode": _word("datagram", "connected"),
    "embedded-switch-mode": _word("switchdev", "legacy"),
    "activation-mode": _word("manual", "off"),
}  # fmt: skip
_BOND: Final[Schema] = {
    "mode": _word(
        "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb",
        "balance-tcp", "balance-slb",
    ),
    **dict.fromkeys(
        ("gratuitous-arp", "gratuitious-arp", "min-links", "resend-igmp", "packets-per-slave", "packets-per-member"),
        _NUMBER,
    ),
    **dict.fromkeys(("all-slaves-active", "all-members-active"), _boolean),
}  # fmt: skip
_BRIDGE: Final[Schema] = {"stp": _boolean, "priority": _NUMBER}
_ROUTE: Final[Schema] = {
    **dict.fromkeys(("metric", "table", "mtu", "congestion-window", "advertised-receive-window"), _NUMBER),
    "on-link": _boolean,
    "scope": _word("global", "link", "host"),
    "type": _word(
        "unicast", "anycast", "blackhole", "broadcast", "local", "multicast", "nat", "prohibit", "throw",
        "unreachable", "xresolve",
    ),
}  # fmt: skip
_POLICY: Final[Schema] = {**dict.fromkeys(("table", "priority", "mark"), _NUMBER), "type-of-service": _number(255)}
_AUTH: Final[Schema] = {
    "key-management": _word("none", "psk", "psk-sha256", "sae", "eap", "eap-sha256", "eap-suite-b-192", "802.1x")
}
_BANDS: Final = {"2.4GHz": 14, "2.4G": 14, "5GHz": 196, "5G": 196}
_ACCESS_POINT: Final[Schema] = {
    "mode": _word("infrastructure", "ap", "adhoc"),
    "band": _word(*_BANDS),
    "channel": _NUMBER,
    "hidden": _boolean,
    "auth": _mapping,
}
_VXLAN: Final[Schema] = {"id": _number(0xFF_FFFF, 1), "flow-label": _number(0xF_FFFF)}


def family_of(node: Node | None) -> int | None:
    """Return 4 or 6 for an address or a network; None for anything else."""
    try:
        text = text_of(node) or ""
        return ip_address(text.partition("/")[0]).version  # netplan does not look at the length of a prefix
    except ValueError:
        return None


def checked(mapping: Mapping, schema: Schema) -> Mapping:
    """Return a mapping whose values the schema allows."""
    for key, node in mapping.entries.items():
        if key in schema:
            require(key, node, schema[key])
    return mapping


def require(key: str, node: Node, check: Check) -> None:
    """Refuse a value that the check does not allow."""
    wanted = check(node)
    if wanted is not None:
        raise Flaw(node.place, f"{key}: {wanted} wanted, {shape(node)} found")


def check_definition(section: str, definition: Mapping, renderer: str, names: frozenset[str]) -> Iterator[Problem]:
    """Check one definition; `names` are all that are defined. Yields what some releases of netplan alone refuse."""
    foreign = OF_CARDS & definition.keys.keys() if section not in _WITH_CARDS else None
    if foreign:
        key = min(foreign)
        raise Flaw(definition.keys[key], f"a key of {section} wanted, {key} found")
    checked(definition, _DEVICE)
    _check_pairs(section, definition, renderer)
    _check_known(definition.get("link"), names)
    match = definition.get("match")
    if renderer == "networkd" and isinstance(match, Mapping) and not match.entries:
        # netplan 0.106 then writes an empty [Match], which networkd 252 ignores with the whole file.
        yield Problem(match.place, "a condition in match wanted, none found: older networkd takes no interface")
    if isinstance(auth := definition.get("auth"), Mapping):
        checked(auth, _AUTH)
    for route in items_of(definition.get("routes")):
        yield from _check_route(mapping_of(route), renderer)
    for policy in items_of(definition.get("routing-policy")):
        yield from _check_policy(mapping_of(policy), renderer)
    further = _SECTIONS.get(section)
    if further is not None:
        yield from further(definition, renderer, names)


def _check_pairs(section: str, definition: Mapping, renderer: str) -> None:
    """Refuse keys that shut one another out."""
    token = definition.keys.get("ipv6-address-token")
    if token is not None and "ipv6-address-generation" in definition.keys:
        raise Flaw(token, "ipv6-address-generation or ipv6-address-token wanted, both found")
    if renderer == "NetworkManager" and text_of(definition.get("activation-mode")) == "off":
        raise Flaw(definition.keys["activation-mode"], "manual wanted for NetworkManager, off found")
    if section == "modems" and renderer != "NetworkManager":
        raise Flaw(definition.place, f"renderer NetworkManager wanted for a modem, {renderer} found")
    match = definition.get("match")
    if not isinstance(match, Mapping):
        return
    if section == "wifis" and renderer == "networkd":
        raise Flaw(definition.keys["match"], "the name of an interface wanted for networkd's Wi-Fi, match found")
    for key in ("name", "driver"):
        node = match.get(key)
        if isinstance(node, Scalar) and set(node.text) & set(" \t"):
            raise Flaw(node.place, f"{key}: a pattern without blanks wanted, {node.text[:80]!r} found")


def _check_known(node: Node | None, names: frozenset[str]) -> None:
    name = text_of(node)
    if node is not None and name and name not in names:
        raise Flaw(node.place, f"a defined interface wanted, {name[:80]} found")


def _check_families(mapping: Mapping, *keys: str) -> None:
    """All the addresses of a route are of one family."""
    families: set[int] = set()
    for key in keys:
        node = mapping.get(key)
        if node is None or (key == "to" and text_of(node) in ("default", "0/0")):
            continue
        family = family_of(node)
        if family is None:
            raise Flaw(node.place, f"{key}: an address wanted, {shape(node)} found")
        families.add(family)
        if len(families) > 1:
            raise Flaw(node.place, f"{key}: an address of the family of the others wanted, {shape(node)} found")


def _check_route(route: Mapping, renderer: str) -> Iterator[Problem]:
    checked(route, _ROUTE)
    kind, scope = text_of(route.get("type")) or "unicast", text_of(route.get("scope")) or "global"
    if route.get("to") is None:
        wanted = "to" if scope != "global" else "to and via"
        raise Flaw(route.place, f"{wanted} of a route wanted, no to found")
    _check_families(route, "to", "via", "from")
    if kind != "unicast" and renderer == "NetworkManager":
        raise Flaw(route.entries["type"].place, f"a unicast route wanted for NetworkManager, {kind} found")
    if text_of(route.get("to")) == "default" and route.get("via") is None and renderer == "networkd":
        yield Problem(route.place, "via of the default route wanted, none found: older netplan ends there")
    yield from stray(route, ROUTE, "a key of a route")


def _check_policy(policy: Mapping, renderer: str) -> Iterator[Problem]:
    checked(policy, _POLICY)
    if policy.get("from") is None and policy.get("to") is None:
        raise Flaw(policy.place, "from or to of a routing policy wanted, neither found")
    _check_families(policy, "from", "to")
    if renderer == "NetworkManager" and policy.get("priority") is None:
        yield Problem(policy.place, "a priority wanted for NetworkManager, none found: newer netplan refuses it")
    yield from stray(policy, POLICY, "a key of a routing policy")


def _bond(definition: Mapping, _renderer: str, names: frozenset[str]) -> Iterator[Problem]:
    parameters = definition.get("parameters")
    if not isinstance(parameters, Mapping):
        return
    checked(parameters, _BOND)
    for target in items_of(parameters.get("arp-ip-targets")):
        require("arp-ip-targets", target, _ipv4)
    _check_known(parameters.get("primary"), names)
    rate = parameters.get("lacp-rate")
    if rate is not None and text_of(rate) not in ("slow", "fast"):
        yield Problem(rate.place, f"lacp-rate: slow or fast wanted, {shape(rate)} found: newer netplan refuses it")
    yield from stray(parameters, BOND, "a parameter of a bond")


def _bridge(definition: Mapping, _renderer: str, names: frozenset[str]) -> Iterator[Problem]:
    parameters = definition.get("parameters")
    if isinstance(parameters, Mapping):
        checked(parameters, _BRIDGE)
        for key, check in (("path-cost", _integer), ("port-priority", _number(63))):
            ports = mapping_of(parameters.entries[key]) if key in parameters.entries else None
            for port, node in ports.entries.items() if ports else ():
                _check_known(Scalar(node.place, str(port), port), names)
                require(key, node, check)
        yield from stray(parameters, BRIDGE, "a parameter of a bridge")


def _wifi(definition: Mapping, renderer: str, _names: frozenset[str]) -> Iterator[Problem]:
    node = definition.get("access-points")
    if node is None or not mapping_of(node).entries:
        raise Flaw(definition.place, "an access point wanted, none found")
    for name, one in mapping_of(node).entries.items():
        point = checked(mapping_of(one), _ACCESS_POINT)
        if isinstance(auth := point.get("auth"), Mapping):
            checked(auth, _AUTH)
        band, channel = text_of(point.get("band")) or "", text_of(point.get("channel"))
        if channel and int(channel) > _BANDS.get(band, int(channel)):
            raise Flaw(point.entries["channel"].place, f"a channel of {band} wanted, {channel} found")
        yield from stray(point, ACCESS_POINT, "a key of an access point")
        if renderer != "NetworkManager" and point.get("networkmanager") is not None:
            message = f"renderer NetworkManager wanted for {str(name)[:80]}, {renderer} found: newer netplan refuses it"
            yield Problem(point.keys["networkmanager"], message)


def _tunnel(definition: Mapping, _renderer: str, _names: frozenset[str]) -> Iterator[Problem]:
    if text_of(definition.get("mode")) == "vxlan":
        checked(definition, _VXLAN)
        for port in items_of(definition.get("port-range")):
            require("port-range", port, _NUMBER)
    elif definition.get("peers") is not None:
        items_of(definition.get("peers"))
    yield from ()


def _nm_device(definition: Mapping, _renderer: str, _names: frozenset[str]) -> Iterator[Problem]:
    settings = definition.get("networkmanager")
    passthrough = settings.get("passthrough") if isinstance(settings, Mapping) else None
    if not isinstance(passthrough, Mapping) or "connection.type" not in passthrough.entries:
        raise Flaw(definition.place, "connection.type in networkmanager.passthrough wanted, none found")
    for key, place in passthrough.keys.items():
        if "." not in str(key):
            yield Problem(place, f"a group and a key wanted, {str(key)[:80]} found: newer netplan refuses it")


def check_peers(group: Mapping) -> None:
    """Refuse virtual Ethernet pairs whose ends do not name one another."""
    for name, definition in group.entries.items():
        node = definition.get("peer") if isinstance(definition, Mapping) else None
        peer = group.get(text_of(node))
        if node is None or not isinstance(peer, Mapping) or text_of(peer.get("peer")) != str(name):
            place = definition.place if node is None else node.place
            raise Flaw(place, f"another end that names {str(name)[:80]} as its peer wanted, none found")


_SECTIONS: Final[dict[str, Callable[[Mapping, str, frozenset[str]], Iterator[Problem]]]] = {
    "bonds": _bond,
    "bridges": _bridge,
    "wifis": _wifi,
    "tunnels": _tunnel,
    "nm-devices": _nm_device,
}
