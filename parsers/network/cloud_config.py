"""The network configuration in cloud-init's own files: version 1, and version 2, which is netplan's language.

References: docs.cloud-init.io, "Networking config version 1" and "version 2".
Not done: of version 1 only what decides about addresses is read (types, their subnets and ports), no DNS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parsers.network.interface import Configuration, Kind, Match, Method, Profile, Said, is_ipv4, normal_mac
from parsers.network.netplan import NetplanFile, merge_netplan
from parsers.place import Problem
from parsers.yaml_document import Mapping, Node, Scalar, Sequence

_KINDS: Final = {
    "physical": Kind.ETHERNET,
    "bond": Kind.BOND,
    "bridge": Kind.BRIDGE,
    "vlan": Kind.VLAN,
    "loopback": Kind.LOOPBACK,
    "infiniband": Kind.OTHER,
}
_PORTS: Final = ("bond_interfaces", "bridge_interfaces")
_DHCP4: Final = {"dhcp", "dhcp4"}
_DHCP6: Final = {"dhcp6", "ipv6_dhcpv6-stateful", "ipv6_dhcpv6-stateless"}


def network_of_cloud_config(node: Node) -> Configuration:
    """Read the value of `network:`; a mistake is fatal, as cloud-init then writes nothing."""
    if isinstance(node, Mapping) and isinstance(inner := node.get("network"), Mapping):
        node = inner
    if not isinstance(node, Mapping):
        return _refused(node, "a mapping wanted, something else found")
    version = node.get("version")
    if isinstance(version, Scalar) and version.text == "2":
        return merge_netplan([NetplanFile(node)])
    if isinstance(version, Scalar) and version.text == "1" and isinstance(node.get("config"), Sequence):
        return Configuration(tuple(_profiles(node.entries["config"])))
    return _refused(node, "version 1 with a list in config, or version 2 wanted, something else found")


def _refused(node: Node, message: str) -> Configuration:
    flaw = Problem(node.place, message)
    return Configuration((), (flaw,), flaw)


def _text(node: Mapping, key: str) -> str:
    value = node.get(key)
    return value.text if isinstance(value, Scalar) else ""


def _mappings(node: Node | None) -> list[Mapping]:
    return [it for it in (node.items if isinstance(node, Sequence) else ()) if isinstance(it, Mapping)]


def _masters(config: Node) -> dict[str, str]:
    """Return the bond or bridge of each interface that is taken into one."""
    found: dict[str, str] = {}
    for item in _mappings(config):
        for key in _PORTS:
            ports = item.get(key)
            for port in ports.items if isinstance(ports, Sequence) else ():
                if isinstance(port, Scalar):
                    found[port.text] = _text(item, "name")
    return found


def _gateway(subnets: list[Mapping]) -> str | None:
    """Return the default gateway: the subnet's own, or the one of a route to everywhere."""
    for subnet in subnets:
        routes = (it for it in _mappings(subnet.get("routes")) if _everywhere(it))
        for gateway in (_text(subnet, "gateway"), *(_text(it, "gateway") for it in routes)):
            if is_ipv4(gateway):
                return gateway
    return None


def _everywhere(route: Mapping) -> bool:
    network, mask = _text(route, "network") or _text(route, "destination"), _text(route, "netmask")
    return network in ("0.0.0.0/0", "default") or (network == "0.0.0.0" and mask in ("0.0.0.0", "0"))  # noqa: S104 - no address that is bound to


def _profiles(config: Node) -> Iterator[Profile]:
    masters = _masters(config)
    for item in _mappings(config):
        if _text(item, "type") not in _KINDS:
            continue
        found = _mappings(item.get("subnets"))
        types = {_text(it, "type") for it in found}
        addresses = tuple(address for it in found if is_ipv4(address := _text(it, "address")))
        name, mac = _text(item, "name"), _text(item, "mac_address")
        kind = _KINDS[_text(item, "type")]
        yield Profile(
            place=item.place,
            backend="cloud-init",
            name=name,
            # A hardware address is what a physical interface is found by; it is then given the name.
            match=Match(macs=(normal_mac(mac) or mac,)) if mac and kind is Kind.ETHERNET else Match((name,)),
            kind=kind,
            ipv4=Method.DHCP if types & _DHCP4 else Method.STATIC if addresses else Method.NONE,
            ipv6=Method.DHCP if types & _DHCP6 else Method.NONE,
            addresses=addresses,
            gateway=_gateway(found),
            at_boot=not any(_text(it, "control") == "manual" for it in found),
            master=masters.get(name),
            said=Said(item.keys.get("name"), item.keys.get("mac_address")),
        )
