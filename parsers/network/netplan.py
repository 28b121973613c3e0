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
from parsers.network.netplan_keys import keys_of, stray
from parsers.network.netplan_node import Flaw, boolean_of, items_of, mapping_of, only, shape, text_of
from parsers.network.netplan_openvswitch import check_openvswitch, patch_ports
from parsers.network.netplan_values import check_definition, check_peers
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
_ID: Final = re.compile(r"\S+\Z")
_MAC_WORDS: Final = {"permanent", "preserve", "random", "stable", "stable-ssid"}
_DEFAULT_ROUTES: Final = {"default", "0.0.0.0/0", "0/0"}


class NetplanFile(msgspec.Struct, frozen=True):
    """One file: its `network` mapping, or None where it has none; `flaw` is a mistake that stops netplan."""

    network: Mapping | None
    problems: tuple[Problem, ...] = ()
    flaw: Problem | None = None


def parse_netplan(text: str, path: str) -> NetplanFile:
    """Read one file of a netplan directory."""
    document = parse_yaml(text, path, first=True, join=_join)
    if document.flaw is not None or document.root is None:
        return NetplanFile(None, document.problems, document.flaw)
    try:
        root = only(mapping_of(document.root), "network")
        network = root.get("network")
        if network is None:
            return NetplanFile(None, document.problems)
        return NetplanFile(mapping_of(network), document.problems)
    except Flaw as flaw:
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
        problems += _checked(network, profiles)
        check_openvswitch(network)
    except Flaw as flaw:
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


def _profiles(network: Mapping) -> Iterator[Profile]:
    version = network.get("version")
    if version is not None and text_of(version) != "2":
        raise Flaw(version.place, f"version 2 wanted, {shape(version)} found")
    renderer = _renderer(network.get("renderer")) or "networkd"
    seen: dict[str, str] = {}
    for section, kind in KINDS.items():
        node = network.get(section)
        if node is None:
            continue
        group = mapping_of(node)
        group_renderer = _renderer(group.get("renderer")) or renderer
        for name, definition in group.entries.items():
            if name in ("renderer", "version") and isinstance(definition, Scalar):
                continue
            place = group.keys[name]
            text = name if isinstance(name, str) else str(name)
            if not _ID.match(text):
                raise Flaw(place, f"an interface id wanted, {text[:80]} found")
            if seen.setdefault(text, section) != section:
                raise Flaw(place, f"{text[:80]} in one section wanted, found in {seen[text]} and {section}")
            yield _profile(place, text, kind, mapping_of(definition), group_renderer)


def _renderer(node: Node | None) -> str | None:
    text = text_of(node)
    if node is not None and text not in ("networkd", "NetworkManager", "sriov"):
        raise Flaw(node.place, f"renderer networkd or NetworkManager wanted, {text} found")
    return text


def _profile(place: Place, name: str, kind: Kind, definition: Mapping, renderer: str) -> Profile:
    ipv4, ipv6 = _addresses(definition.get("addresses"))
    link_local = {text_of(item) for item in items_of(definition.get("link-local"))}
    dhcp4, dhcp6 = boolean_of(definition.get("dhcp4")), boolean_of(definition.get("dhcp6"))
    mac = definition.get("macaddress")
    if mac is not None and normal_mac(text := text_of(mac) or "") is None and text not in _MAC_WORDS:
        raise Flaw(mac.place, f"a hardware address wanted, {shape(mac)} found")
    if kind is Kind.VLAN:
        _check_vlan(definition, place)
    if definition.get("set-name") is not None and definition.get("match") is None:
        raise Flaw(definition.keys["set-name"], "a match beside set-name wanted, none found")
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
        at_boot=text_of(definition.get("activation-mode")) not in ("manual", "off"),
        renamed=text_of(definition.get("set-name")),
        renderer=_renderer(definition.get("renderer")) or renderer,
        said=_said(definition),
    )


def _check_vlan(definition: Mapping, place: Place) -> None:
    number = text_of(definition.get("id"))
    if number is None or not number.isdecimal() or len(number) > 4 or int(number) > 4094:
        raise Flaw(place, f"a VLAN id from 0 to 4094 wanted, {number or 'none'} found")
    if not text_of(definition.get("link")):
        raise Flaw(place, "a link of the VLAN wanted, none found")


def _method(*, dhcp: bool, addresses: tuple[str, ...], link_local: bool) -> Method:
    if dhcp:
        return Method.DHCP
    if addresses:
        return Method.STATIC
    return Method.LINK_LOCAL if link_local else Method.NONE


def _match(name: str, node: Node | None) -> Match:
    if node is None:
        return Match(names=(name,))
    match = only(mapping_of(node), "name", "macaddress", "driver")
    glob = text_of(match.get("name"))
    mac = text_of(match.get("macaddress"))
    driver = match.get("driver")
    if mac is not None and normal_mac(mac) is None:
        raise Flaw(match.place, f"a hardware address wanted, {mac[:80]} found")
    drivers = items_of(driver) if isinstance(driver, Sequence) else ([driver] if driver else [])
    return Match(
        names=(glob,) if glob else (),
        macs=(normal_mac(mac) or mac,) if mac else (),
        drivers=tuple(text for item in drivers if (text := text_of(item))),
    )


def _said(definition: Mapping) -> Said:
    match = definition.get("match")
    keys = match.keys if isinstance(match, Mapping) else {}
    return Said(keys.get("name"), keys.get("macaddress"), definition.keys.get("activation-mode"))


def _addresses(node: Node | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the IPv4 and the IPv6 addresses; an item is an address or a mapping from one to its options."""
    ipv4: list[str] = []
    ipv6: list[str] = []
    for item in items_of(node):
        text = next((str(key) for key in item.entries), "") if isinstance(item, Mapping) else text_of(item) or ""
        try:
            interface = ip_interface(text)
        except ValueError:
            interface = None
        if interface is None or "/" not in text:
            raise Flaw(item.place, f"an address with its prefix length wanted, {text[:80]} found")
        (ipv4 if interface.version == 4 else ipv6).append(text)
    return tuple(ipv4), tuple(ipv6)


def _gateway(definition: Mapping) -> str | None:
    node = definition.get("gateway4")
    if node is not None:
        gateway = text_of(node) or ""
        if not is_ipv4(gateway) or "/" in gateway:
            raise Flaw(node.place, f"an IPv4 address wanted, {gateway[:80] or 'none'} found")
        return gateway
    for item in items_of(definition.get("routes")):
        route = mapping_of(item)
        via = text_of(route.get("via"))
        if via and "." in via and text_of(route.get("to")) in _DEFAULT_ROUTES:
            return via
    return None


def _with_masters(network: Mapping, profiles: Iterator[Profile]) -> Iterator[Profile]:
    """Tell each member of a bond or bridge its master; a member that is not defined is a mistake."""
    found = list(profiles)
    names = {profile.name for profile in found} | patch_ports(network)
    masters: dict[str, str] = {}
    for section in ("bonds", "bridges", "vrfs"):
        group = network.get(section)
        for name, definition in group.entries.items() if isinstance(group, Mapping) else ():
            interfaces = definition.get("interfaces") if isinstance(definition, Mapping) else None
            for item in items_of(interfaces):
                member = text_of(item) or ""
                if member not in names:
                    raise Flaw(item.place, f"a defined interface wanted as a member, {member[:80]} found")
                if masters.setdefault(member, str(name)) != str(name):
                    raise Flaw(item.place, f"{member[:80]} in one bond or bridge wanted, found in a second")
    for profile in found:
        yield replace(profile, master=masters.get(profile.name))


def _checked(network: Mapping, profiles: Iterable[Profile]) -> Iterator[Problem]:
    """Check every definition; what is not of this release alone is a problem."""
    renderers = {profile.name: profile.renderer or "" for profile in profiles}
    names = frozenset(renderers) | patch_ports(network)
    for section in KINDS:
        group = network.get(section)
        for name, definition in group.entries.items() if isinstance(group, Mapping) else ():
            if isinstance(definition, Mapping):
                yield from check_definition(section, definition, renderers.get(str(name), ""), names)
        if section == "virtual-ethernets" and isinstance(group, Mapping):
            check_peers(group)


def _unknown_keys(network: Mapping) -> Iterator[Problem]:
    for key, place in network.keys.items():
        if key not in _TOP_KEYS:
            yield Problem(place, f"a key of network wanted, {str(key)[:80]} found")
    for section in KINDS:
        group = network.get(section)
        for definition in group.entries.values() if isinstance(group, Mapping) else ():
            if isinstance(definition, Mapping):
                yield from stray(definition, keys_of(section), f"a key of {section}")
