"""What netplan checks of settings of Open vSwitch, which stand beside those of bonds and bridges.

Reference: netplan-yaml, "Properties for device type openvswitch". Every mistake is fatal: netplan writes nothing then.
Not done: whether ovs-vsctl is installed, without which netplan refuses them all; certificates for SSL.
"""

from __future__ import annotations

import re
from typing import Final

from parsers.network.netplan_node import Flaw, items_of, mapping_of, shape, text_of
from parsers.yaml_document import Mapping, Scalar, Sequence

_ONLY: Final = {"lacp": "bonds", "protocols": "bridges", "controller": "bridges", "fail-mode": "bridges"}
"""Keys that are for one sort of interface."""
_ANYWHERE: Final = {"external-ids", "other-config"}
_MODES: Final = {"active-backup", "balance-tcp", "balance-slb"}
_TARGET: Final = re.compile(r"(?:(?:p?ssl|p?tcp):[^:/]*(?::[^/]*)?|p?unix:.+)\Z")
_PORT: Final = re.compile(r"(?:ptcp|pssl):(\d*)")


def patch_ports(network: Mapping) -> frozenset[str]:
    """Return the names of patch ports, which are defined without a section of their own."""
    settings = network.get("openvswitch")
    ports = settings.get("ports") if isinstance(settings, Mapping) else None
    pairs = ports.items if isinstance(ports, Sequence) else ()
    return frozenset(
        item.text
        for pair in pairs
        for item in (pair.items if isinstance(pair, Sequence) else ())
        if isinstance(item, Scalar)
    )


def check_openvswitch(network: Mapping) -> None:
    """Refuse what Open vSwitch cannot do with the interfaces of a network."""
    bridged = _members(network, "bridges")
    for section in ("ethernets", "wifis", "vlans", "tunnels", "bonds", "bridges"):
        for name, definition in _definitions(network, section):
            node = definition.get("openvswitch")
            if node is None:
                continue
            settings = mapping_of(node)
            _check_keys(section, settings)
            if section == "bonds":
                _check_bond(definition, name in bridged)
    assigned = bridged | _members(network, "bonds")
    loose = sorted(patch_ports(network) - assigned)
    if loose:
        raise Flaw(network.entries["openvswitch"].place, f"{loose[0][:80]} in a bridge or bond wanted, found in none")


def _definitions(network: Mapping, section: str) -> list[tuple[str, Mapping]]:
    group = network.get(section)
    entries = group.entries.items() if isinstance(group, Mapping) else ()
    return [(str(name), definition) for name, definition in entries if isinstance(definition, Mapping)]


def _members(network: Mapping, section: str) -> frozenset[str]:
    return frozenset(
        text_of(item) or ""
        for _, definition in _definitions(network, section)
        for item in items_of(definition.get("interfaces"))
    )


def _check_keys(section: str, settings: Mapping) -> None:
    if section not in ("bonds", "bridges", "vlans") and not settings.keys.keys() & _ANYWHERE:
        raise Flaw(settings.place, f"a bond or a bridge for Open vSwitch wanted, one of {section} found")
    for key, place in settings.keys.items():
        if _ONLY.get(key, section) != section:
            raise Flaw(place, f"{key}: one of {_ONLY[key]} wanted, one of {section} found")
    lacp = settings.get("lacp")
    if lacp is not None and text_of(lacp) not in ("active", "passive", "off"):
        raise Flaw(lacp.place, f"lacp: active, passive or off wanted, {shape(lacp)} found")
    controller = settings.get("controller")
    if controller is not None:
        _check_controller(mapping_of(controller))


def _check_controller(controller: Mapping) -> None:
    mode = controller.get("connection-mode")
    if mode is not None and text_of(mode) not in ("in-band", "out-of-band"):
        raise Flaw(mode.place, f"connection-mode: in-band or out-of-band wanted, {shape(mode)} found")
    for node in items_of(controller.get("addresses")):
        target = text_of(node) or ""
        port = _PORT.match(target)
        if not _TARGET.match(target) or (port and port[1] and int(port[1][:6]) > 0xFFFF):
            raise Flaw(node.place, f"a target such as tcp:192.0.2.1 wanted, {target[:80]} found")


def _check_bond(definition: Mapping, bridged: bool) -> None:  # noqa: FBT001 - one fact of the bond
    if not bridged:
        raise Flaw(definition.place, "a bond of Open vSwitch in a bridge wanted, found in none")
    if len(items_of(definition.get("interfaces"))) < 2:
        raise Flaw(definition.place, "two interfaces of a bond of Open vSwitch wanted, fewer found")
    parameters = definition.get("parameters")
    mode = parameters.get("mode") if isinstance(parameters, Mapping) else None
    if mode is not None and text_of(mode) not in _MODES:
        raise Flaw(mode.place, f"mode: {' or '.join(sorted(_MODES))} wanted, {shape(mode)} found")
