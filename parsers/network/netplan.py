"""netplan: YAML files that are merged into one and written out for systemd-networkd or NetworkManager.

Format: netplan-yaml reference; netplan-generate(8) for the order and the merging: mappings are merged, lists are
joined, anything else is overridden by the later file. A mistake in any file makes `netplan generate` give nothing
at all, so it is fatal here too.
Not done: the full schema. A key that is not in the reference is a problem, not fatal, as it may be newer than the
reference; only what decides about addresses is checked: types, booleans, addresses, versions, known interfaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_interface
from typing import Final

import msgspec
from msgspec.structs import replace

from parsers.network.interface import Configuration, Kind, Match, Method, Profile, Said, is_ipv4, normal_mac
from parsers.place import Place, Problem
from parsers.yaml_document import NODES_MAX, Mapping, Node, Scalar, Sequence, parse_yaml

KINDS: Final = {
    "ethernets": Kind.ETHERNET,
    "wifis": Kind.WIRELESS,
    "bonds": Kind.BOND,
    "bridges": Kind.BRIDGE,
    "vlans": Kind.VLAN,
    "modems": Kind.OTHER,
    "tunnels": Kind.OTHER,
    "vrfs": Kind.OTHER,
    "dummy-devices": Kind.OTHER,
    "virtual-ethernets": Kind.OTHER,
    "nm-devices": Kind.OTHER,
}
_TOP_KEYS: Final = {"version", "renderer", "openvswitch", *KINDS}
_TRUE: Final = {"true", "on", "yes", "y"}
_FALSE: Final = {"false", "off", "no", "n"}
_ID: Final = re.compile(r"\S+\Z")
_MAC_WORDS: Final = {"permanent", "preserve", "random", "stable", "stable-ssid"}
_ACTIVATION: Final = {"manual", "off"}
_DEVICE_KEYS: Final = frozenset(
    """accept-ra access-points activation-mode addresses apn arp-proxy auth auto-config auto-connect critical
    delay-virtual-functions-rebind device-id dhcp-identifier dhcp4 dhcp4-overrides dhcp6 dhcp6-overrides
    do-not-fragment embedded-switch-mode emit-lldp extensions flow-label gateway4 gateway6
    generic-receive-offload generic-segmentation-offload hairpin id ignore-carrier infiniband-mode interfaces
    ipv6-address-generation ipv6-address-token ipv6-mtu ipv6-privacy key keys large-receive-offload limit link
    link-local local mac-learning macaddress mark match mode mtu nameservers neigh-suppress network-id networkmanager
    notifications number openvswitch optional optional-addresses parameters password peer peers pin port
    port-mac-learning port-range ra-overrides receive-checksum-offload regulatory-domain remote renderer routes
    routing-policy set-name short-circuit sim-id sim-operator-id table tcp-segmentation-offload
    tcp6-segmentation-offload transmit-checksum-offload ttl type-of-service username virtual-function-count wakeonlan
    wakeonwlan bond bridge checksums tunnel-mode type""".split()  # noqa: SIM905 - written out one by one they fill two pages
)
_DEFAULT_ROUTES: Final = {"default", "0.0.0.0/0", "0/0"}


class NetplanFile(msgspec.Struct, frozen=True):
    """One file: its `network` mapping, or None where it has none; `flaw` is a mistake that stops netplan."""

    network: Mapping | None
    problems: tuple[Problem, ...] = ()
    flaw: Problem | None = None


class _Flaw(Exception):  # noqa: N818 - one entry that netplan refuses, never leaves this module
    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(place, message)


def parse_netplan(text: str, path: str) -> NetplanFile:
    """Read one file of a netplan directory."""
    document = parse_yaml(text, path, first=True, join=_join)
    if document.flaw is not None or document.root is None:
        return NetplanFile(None, document.problems, document.flaw)
    try:
        root = _only(_mapping(document.root), "network")
        network = root.get("network")
        if network is None:
            return NetplanFile(None, document.problems)
        return NetplanFile(_mapping(network), document.problems)
    except _Flaw as flaw:
        return NetplanFile(None, (*document.problems, flaw.problem), flaw.problem)


def merge_netplan(files: Iterable[NetplanFile]) -> Configuration:
    """Merge the files, given in the order of their names, and return the profiles of the whole."""
    problems: list[Problem] = []
    network: Mapping | None = None
    for file in files:
        problems += file.problems
        if file.flaw is not None:
            return Configuration((), tuple(problems), file.flaw)
        if file.network is not None:
            network = _merge(network, file.network) if network else file.network
            if network.size > NODES_MAX:
                flaw = Problem(network.place, f"at most {NODES_MAX} nodes wanted, merging gives {network.size}")
                return Configuration((), (*problems, flaw), flaw)
    if network is None:
        return Configuration((), tuple(problems))
    try:
        profiles = tuple(_with_masters(network, _profiles(network)))
    except _Flaw as flaw:
        return Configuration((), (*problems, flaw.problem), flaw.problem)
    return Configuration(profiles, (*problems, *_unknown_keys(network)))


def _join(older: Node, newer: Node) -> Node:
    """Make one value of two for the same key; netplan does so within a file as well."""
    if isinstance(older, Mapping) and isinstance(newer, Mapping):
        return _merge(older, newer)
    if isinstance(older, Sequence) and isinstance(newer, Sequence):
        return Sequence(newer.place, older.items + newer.items, newer.flow, older.size + newer.size)
    return newer


def _merge(older: Mapping, newer: Mapping) -> Mapping:
    """Merge two mappings; the depth was bounded when they were read."""
    entries, keys = dict(older.entries), {**older.keys, **newer.keys}
    for key, value in newer.entries.items():
        entries[key] = _join(entries[key], value) if key in entries else value
    return Mapping(newer.place, entries, keys, older.size + newer.size)


def _mapping(node: Node) -> Mapping:
    if not isinstance(node, Mapping):
        raise _Flaw(node.place, f"a mapping wanted, {_shape(node)} found")
    return node


def _only(mapping: Mapping, *keys: str) -> Mapping:
    stray = next((key for key in mapping.entries if key not in keys), None)
    if stray is not None:
        raise _Flaw(mapping.keys[stray], f"{' or '.join(keys)} wanted, {str(stray)[:80]} found")
    return mapping


def _shape(node: Node) -> str:
    if isinstance(node, Scalar):
        return node.text[:80] or "nothing"
    return "a list" if isinstance(node, Sequence) else "a mapping"


def _text(node: Node | None) -> str | None:
    if node is None:
        return None
    if not isinstance(node, Scalar):
        raise _Flaw(node.place, f"a scalar wanted, {_shape(node)} found")
    return node.text


def _boolean(node: Node | None) -> bool:
    text = _text(node)
    if node is None or text is None or text.lower() in _FALSE:
        return False
    if text.lower() not in _TRUE:
        raise _Flaw(node.place, f"true or false wanted, {text[:80]} found")
    return True


def _items(node: Node | None) -> tuple[Node, ...]:
    if node is None:
        return ()
    if not isinstance(node, Sequence):
        raise _Flaw(node.place, f"a list wanted, {_shape(node)} found")
    return node.items


def _profiles(network: Mapping) -> Iterator[Profile]:
    version = network.get("version")
    if version is not None and _text(version) != "2":
        raise _Flaw(version.place, f"version 2 wanted, {_shape(version)} found")
    renderer = _renderer(network.get("renderer")) or "networkd"
    seen: dict[str, str] = {}
    for section, kind in KINDS.items():
        node = network.get(section)
        if node is None:
            continue
        group = _mapping(node)
        group_renderer = _renderer(group.get("renderer")) or renderer
        for name, definition in group.entries.items():
            if name in ("renderer", "version") and isinstance(definition, Scalar):
                continue
            place = group.keys[name]
            text = name if isinstance(name, str) else str(name)
            if not _ID.match(text):
                raise _Flaw(place, f"an interface id wanted, {text[:80]} found")
            if seen.setdefault(text, section) != section:
                raise _Flaw(place, f"{text[:80]} in one section wanted, found in {seen[text]} and {section}")
            yield _profile(place, text, kind, _mapping(definition), group_renderer)


def _renderer(node: Node | None) -> str | None:
    text = _text(node)
    if node is not None and text not in ("networkd", "NetworkManager", "sriov"):
        raise _Flaw(node.place, f"renderer networkd or NetworkManager wanted, {text} found")
    return text


def _profile(place: Place, name: str, kind: Kind, definition: Mapping, renderer: str) -> Profile:
    ipv4, ipv6 = _addresses(definition.get("addresses"))
    link_local = {_text(item) for item in _items(definition.get("link-local"))}
    dhcp4, dhcp6 = _boolean(definition.get("dhcp4")), _boolean(definition.get("dhcp6"))
    activation = _text(definition.get("activation-mode"))
    if activation is not None and activation not in _ACTIVATION:
        raise _Flaw(definition.entries["activation-mode"].place, f"manual or off wanted, {activation[:80]} found")
    if kind is Kind.VLAN:
        _check_vlan(definition, place)
    if definition.get("set-name") is not None and definition.get("match") is None:
        raise _Flaw(definition.keys["set-name"], "a match beside set-name wanted, none found")
    _check_values(definition)
    return Profile(
        place=place,
        backend="netplan",
        name=name,
        match=_match(name, definition.get("match")) if kind in (Kind.ETHERNET, Kind.WIRELESS) else Match((name,)),
        kind=Kind.LOOPBACK if name == "lo" else kind,
        ipv4=_method(dhcp=dhcp4, addresses=ipv4, link_local="ipv4" in link_local),
        ipv6=_method(dhcp=dhcp6, addresses=ipv6, link_local="ipv6" in link_local),
        addresses=ipv4,
        gateway=_gateway(definition),
        at_boot=activation not in ("manual", "off"),
        renamed=_text(definition.get("set-name")),
        renderer=_renderer(definition.get("renderer")) or renderer,
        said=_said(definition),
    )


def _check_values(definition: Mapping) -> None:
    """Refuse values of keys that decide nothing here, but for which netplan refuses everything."""
    for key in ("optional", "critical", "accept-ra", "wakeonlan"):
        _boolean(definition.get(key))
    mtu, mac, servers = (definition.get(key) for key in ("mtu", "macaddress", "nameservers"))
    if mtu is not None and not (_text(mtu) or "").isdecimal():
        raise _Flaw(mtu.place, f"a number wanted, {_shape(mtu)} found")
    if mac is not None and normal_mac(text := _text(mac) or "") is None and text not in _MAC_WORDS:
        raise _Flaw(mac.place, f"a hardware address wanted, {_shape(mac)} found")
    if servers is not None:
        _mapping(servers)


def _check_vlan(definition: Mapping, place: Place) -> None:
    number = _text(definition.get("id"))
    if number is None or not number.isdecimal() or len(number) > 4 or int(number) > 4094:
        raise _Flaw(place, f"a VLAN id from 0 to 4094 wanted, {number or 'none'} found")
    if not _text(definition.get("link")):
        raise _Flaw(place, "a link of the VLAN wanted, none found")


def _method(*, dhcp: bool, addresses: tuple[str, ...], link_local: bool) -> Method:
    if dhcp:
        return Method.DHCP
    if addresses:
        return Method.STATIC
    return Method.LINK_LOCAL if link_local else Method.NONE


def _match(name: str, node: Node | None) -> Match:
    if node is None:
        return Match(names=(name,))
    match = _only(_mapping(node), "name", "macaddress", "driver")
    glob = _text(match.get("name"))
    mac = _text(match.get("macaddress"))
    driver = match.get("driver")
    if mac is not None and normal_mac(mac) is None:
        raise _Flaw(match.place, f"a hardware address wanted, {mac[:80]} found")
    drivers = _items(driver) if isinstance(driver, Sequence) else ([driver] if driver else [])
    return Match(
        names=(glob,) if glob else (),
        macs=(normal_mac(mac) or mac,) if mac else (),
        drivers=tuple(text for item in drivers if (text := _text(item))),
    )


def _said(definition: Mapping) -> Said:
    match = definition.get("match")
    keys = match.keys if isinstance(match, Mapping) else {}
    return Said(keys.get("name"), keys.get("macaddress"), definition.keys.get("activation-mode"))


def _addresses(node: Node | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the IPv4 and the IPv6 addresses; an item is an address or a mapping from one to its options."""
    ipv4: list[str] = []
    ipv6: list[str] = []
    for item in _items(node):
        text = next((str(key) for key in item.entries), "") if isinstance(item, Mapping) else _text(item) or ""
        try:
            interface = ip_interface(text)
        except ValueError:
            interface = None
        if interface is None or "/" not in text:
            raise _Flaw(item.place, f"an address with its prefix length wanted, {text[:80]} found")
        (ipv4 if interface.version == 4 else ipv6).append(text)
    return tuple(ipv4), tuple(ipv6)


def _gateway(definition: Mapping) -> str | None:
    node = definition.get("gateway4")
    if node is not None:
        gateway = _text(node) or ""
        if not is_ipv4(gateway) or "/" in gateway:
            raise _Flaw(node.place, f"an IPv4 address wanted, {gateway[:80] or 'none'} found")
        return gateway
    for item in _items(definition.get("routes")):
        route = _mapping(item)
        via = _text(route.get("via"))
        if via and "." in via and _text(route.get("to")) in _DEFAULT_ROUTES:
            return via
    return None


def _with_masters(network: Mapping, profiles: Iterator[Profile]) -> Iterator[Profile]:
    """Tell each member of a bond or bridge its master; a member that is not defined is a mistake."""
    found = list(profiles)
    names = {profile.name for profile in found} | set(_ovs_ports(network))
    masters: dict[str, str] = {}
    for section in ("bonds", "bridges", "vrfs"):
        group = network.get(section)
        for name, definition in group.entries.items() if isinstance(group, Mapping) else ():
            interfaces = definition.get("interfaces") if isinstance(definition, Mapping) else None
            for item in _items(interfaces):
                member = _text(item) or ""
                if member not in names:
                    raise _Flaw(item.place, f"a defined interface wanted as a member, {member[:80]} found")
                if masters.setdefault(member, str(name)) != str(name):
                    raise _Flaw(item.place, f"{member[:80]} in one bond or bridge wanted, found in a second")
    for profile in found:
        yield replace(profile, master=masters.get(profile.name))


def _ovs_ports(network: Mapping) -> Iterator[str]:
    """Yield the patch ports of Open vSwitch, which are defined without a section of their own."""
    settings = network.get("openvswitch")
    ports = settings.get("ports") if isinstance(settings, Mapping) else None
    for pair in ports.items if isinstance(ports, Sequence) else ():
        yield from (
            item.text for item in (pair.items if isinstance(pair, Sequence) else ()) if isinstance(item, Scalar)
        )


def _unknown_keys(network: Mapping) -> Iterator[Problem]:
    for key, place in network.keys.items():
        if key not in _TOP_KEYS:
            yield Problem(place, f"a key of network wanted, {str(key)[:80]} found")
    for section in KINDS:
        group = network.get(section)
        for definition in group.entries.values() if isinstance(group, Mapping) else ():
            if not isinstance(definition, Mapping):
                continue
            match = definition.get("match")
            if isinstance(match, Mapping) and not match.entries:
                # netplan 0.106 then writes an empty [Match], which networkd 252 ignores with the whole file.
                yield Problem(match.place, "a condition in match wanted, none found: older networkd takes no interface")
            for key, place in definition.keys.items():
                if key not in _DEVICE_KEYS:
                    yield Problem(place, f"a key of an interface wanted, {str(key)[:80]} found")
