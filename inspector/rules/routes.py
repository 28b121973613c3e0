"""The rule about addresses and routes that are set for good where DHCP gives an instance its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from inspector.facts import Facts
from inspector.facts.network import Fit, NetworkConfig
from inspector.guest import Guest
from inspector.linux.network_files import texts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, unknown, warning
from parsers.network.interface import Kind, Method, Profile

_SHOWN: Final = 16
_LINK_LOCAL: Final = "169.254."
"""Where clouds answer for their metadata: the one route that is the same for every instance."""
_SETTINGS: Final = tuple(
    (patterns, re.compile(setting, re.MULTILINE))
    for patterns, setting in (
        (("/etc/sysconfig/network",), r"^[ \t]*(GATEWAY=[\"']?[^\s\"'#]+)"),
        (("/etc/sysconfig/network-scripts/route-*", "/etc/sysconfig/static-routes", "/etc/sysconfig/network/routes",
          "/etc/sysconfig/network/ifroute-*"), r"^[ \t]*([^#\s][^\n]*)"),
        (("/etc/NetworkManager/system-connections/*",), r"^[ \t]*(route\d+[ \t]*=[ \t]*[^\s][^\n]*)"),
        (("/etc/systemd/network/*.network",), r"^[ \t]*(Destination[ \t]*=[ \t]*[^\s][^\n]*)"),
        (("/etc/netplan/*.yaml",), r"^[ \t-]*(via:[ \t]*[^\s#][^\n#]*)"),
        (("/etc/network/interfaces", "/etc/network/interfaces.d/*"),
         r"^[ \t]*(?:pre-|post-)?up[ \t]+((?:/\S*/)?(?:ip[ \t]+(?:-4[ \t]+)?)?route[ \t]+add[ \t][^\n]*)"),
        (("/etc/dhcp/dhclient.conf", "/etc/dhclient.conf"),
         r"^[ \t]*((?:supersede|prepend|append)[ \t]+(?:routers|[\w-]*static-routes)[ \t][^;\n]*)"),
    )
)  # fmt: skip


@rule("addresses-and-routes-come-from-dhcp", "No address, gateway or route of the source's network is set")
def addresses_and_routes_come_from_dhcp(facts: Facts) -> Verdict:
    """Why: an address beside that of DHCP is the same on every copy, and a route leads to a gateway that is not there.

    Fix: take the address, the gateway or the route out; the cloud gives them by DHCP.
    Reads: the configuration of every back end that is started at boot, the files of routes, dhclient.conf

    References: interfaces(5), netplan(5), systemd.network(5), nm-settings-keyfile(5)
    """
    network = facts[NetworkConfig]
    if network.unread:
        return unknown(
            "part of the configuration is not read so far", *(Evidence(it, "not read") for it in network.unread)
        )
    found = [*_in_profiles(network), *_in_files(facts[Guest])]
    if found:
        return warning("settings of one network alone", *found[:_SHOWN])
    starts = [Evidence(it.place, f"{it.name}: no fixed route") for it in network.enabled or network.backends]
    return ok("none is set", *starts) if starts else unknown("no network back end was found")


def _in_profiles(network: NetworkConfig) -> Iterator[Evidence]:
    """Addresses beside DHCP, and of other interfaces; of the first one alone primary-interface-uses-dhcp tells."""
    for backend in network.enabled:
        for profile in backend.configuration.profiles:
            first = profile.physical and profile.ipv4 is Method.STATIC and network.names.fit(profile.match) is Fit.YES
            if profile.at_boot and profile.kind is not Kind.LOOPBACK and not first and (seen := _fixed(profile)):
                yield Evidence(profile.place, f"{profile.backend}: {profile.name}: {seen}")


def _fixed(profile: Profile) -> str:
    addresses = [address for address in profile.addresses if not address.startswith(_LINK_LOCAL)]
    return ", ".join([*addresses[:4], *([f"gateway {profile.gateway}"] if profile.gateway else [])])


def _in_files(guest: Guest) -> Iterator[Evidence]:
    for patterns, setting in _SETTINGS:
        for path, text in texts(guest, (path for pattern in patterns for path in guest.glob(pattern))):
            for match in islice(setting.finditer(text), _SHOWN):
                if _LINK_LOCAL not in match[1]:
                    yield Evidence(guest.place(path, text.count("\n", 0, match.start(1)) + 1), match[1].strip()[:80])


RULES = (addresses_and_routes_come_from_dhcp,)
