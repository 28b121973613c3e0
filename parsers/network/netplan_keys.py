"""The keys that netplan knows, by what they are keys of.

Reference: netplan-yaml, to 1.1. An older netplan refuses everything for a key that it does not know; as one that is not
here may be of a newer release, it is a problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parsers.place import Problem
from parsers.yaml_document import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OF_CARDS: Final = _words("""
    match set-name wakeonlan emit-lldp infiniband-mode embedded-switch-mode virtual-function-count
    delay-virtual-functions-rebind generic-receive-offload generic-segmentation-offload large-receive-offload
    receive-checksum-offload tcp-segmentation-offload tcp6-segmentation-offload transmit-checksum-offload
""")
"""Keys that a definition of an interface made by software must not have."""
_OF_ALL: Final = _words("""
    renderer dhcp4 dhcp6 dhcp4-overrides dhcp6-overrides dhcp-identifier ra-overrides accept-ra addresses gateway4
    gateway6 nameservers routes routing-policy link-local ipv6-privacy ipv6-mtu ipv6-address-generation
    ipv6-address-token macaddress mtu optional optional-addresses critical ignore-carrier activation-mode
    neigh-suppress networkmanager openvswitch hairpin port-mac-learning
""")
_FURTHER: Final = {
    "ethernets": OF_CARDS | _words("auth link"),
    "wifis": OF_CARDS | _words("access-points auth wakeonwlan regulatory-domain"),
    "modems": OF_CARDS
    | _words("apn auto-config device-id network-id number password pin sim-id sim-operator-id username"),
    "bonds": _words("interfaces parameters"),
    "bridges": _words("interfaces parameters"),
    "vlans": _words("id link"),
    "vrfs": _words("interfaces table"),
    "tunnels": _words("""
        mode local remote ttl key keys mark port peers id link mac-learning arp-proxy short-circuit notifications limit
        ageing aging type-of-service flow-label do-not-fragment checksums extensions port-range
    """),
    "virtual-ethernets": _words("peer"),
    "nm-devices": OF_CARDS,
}
BOND: Final = _words("""
    mode lacp-rate mii-monitor-interval min-links transmit-hash-policy ad-select all-slaves-active all-members-active
    arp-interval arp-ip-targets arp-validate arp-all-targets up-delay down-delay fail-over-mac-policy gratuitous-arp
    gratuitious-arp packets-per-slave packets-per-member primary-reselect-policy resend-igmp learn-packet-interval
    primary
""")
BRIDGE: Final = _words("""
    ageing-time aging-time priority port-priority forward-delay hello-time max-age path-cost stp
""")
ROUTE: Final = _words("""
    from to via on-link metric type scope table mtu congestion-window advertised-receive-window advertised-mss
""")
POLICY: Final = _words("from to table priority mark type-of-service")
ACCESS_POINT: Final = _words("band bssid channel hidden mode password auth networkmanager")


def keys_of(section: str) -> frozenset[str]:
    """Return the keys that a definition of a section may have."""
    return _OF_ALL | _FURTHER.get(section, frozenset())


def stray(mapping: Mapping, known: frozenset[str], wanted: str) -> Iterator[Problem]:
    """Give the keys that are not known; `wanted` says whose key it should be."""
    for key, place in mapping.keys.items():
        if key not in known:
            yield Problem(place, f"{wanted} wanted, {str(key)[:80]} found")
