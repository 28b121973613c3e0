r"""What of the source's network is set for good: addresses, name servers, routes, a proxy.

Source: Microsoft's documentation, "Prepare a Windows VHD or VHDX to upload to Azure" (persistent routes and the proxy
of WinHTTP are taken away), "Network-related registry values" (NameServer, PersistentRoutes), "Use Group Policy to apply
WinHTTP proxy settings" and "ProxySettingsPerUser". Not done: routes of IPv6, which the kernel keeps in a form of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, ok, warning
from inspector.windows.network_cards import with_cards
from inspector.windows.registry import ENVIRONMENT, Registry
from inspector.windows.services import INTERFACES, SERVICES, TCPIP
from parsers.windows.registry import Key
from parsers.windows.winhttp_settings import parse_winhttp_proxy

_PARAMETERS: Final = (TCPIP, rf"{SERVICES}\Tcpip6\Parameters")
_ROUTES: Final = rf"{TCPIP}\PersistentRoutes"
_SETTINGS: Final = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings"
_CONNECTIONS: Final = rf"{_SETTINGS}\Connections"
_POLICY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\Internet Settings"
_WINHTTP: Final = "WinHttpSettings"
_NAME_RULES: Final = (
    r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\DNSClient\DnsPolicyConfig",
    rf"{SERVICES}\Dnscache\Parameters\DnsPolicyConfig",
)
_ANY_NAME: Final = "."
_VARIABLES: Final = ("http_proxy", "https_proxy", "all_proxy")
_SHOWN: Final = 16


@rule("windows-name-servers-come-from-dhcp", "No network card has name servers that are set for good", "windows")
def windows_name_servers_come_from_dhcp(facts: Facts) -> Verdict:
    r"""The value NameServer of the machine and of every interface, those of cards that are gone included.

    So are servers that a rule of name resolution (NRPT) names for all names; rules for some names are not judged.

    Why: name servers of the source's network answer nobody in the cloud: no name is found, neither the metadata's nor
    the update servers'.

    Fix: "Obtain DNS server address automatically" in the properties of TCP/IP, or
    `netsh interface ip set dnsservers name="Ethernet" source=dhcp`; remove cards that are gone in the Device Manager;
    `Remove-DnsClientNrptRule`, or the policy, of a rule for all names.

    Reads: Services\Tcpip\Parameters and Tcpip6\Parameters with their Interfaces, DnsPolicyConfig of Dnscache and of
    Policies\Microsoft\Windows NT\DNSClient

    References: Alibaba Cloud, Initialization tools, Vminit (NetworkClean); Microsoft, [MS-GPNRPT] 2.2.2.1 Name,
    2.2.2.13 Generic DNS Servers.
    """
    registry = facts[Registry]
    if registry.key(INTERFACES) is None:
        raise UnknownFact("the interfaces of TCP/IP are not told", registry.place(INTERFACES))
    count = 0
    bad: list[Evidence] = []
    unread = Unread()
    with unread.kept():
        for path in _interfaces(registry):
            count += 1
            with unread.kept():
                if servers := (registry.text(path, "NameServer") or "").strip():
                    bad.append(Evidence(registry.place(path, "NameServer"), f"name servers: {servers}"))
    with unread.kept():
        bad += _of_all_names(registry)
    if bad:
        return warning("name servers are set for good", *with_cards(registry, bad[:_SHOWN]))
    unread.tell()
    return ok("no name server is set", Evidence(registry.place(INTERFACES), f"none, at {count} places"))


def _interfaces(registry: Registry) -> Iterator[str]:
    for parameters in _PARAMETERS:
        if registry.key(parameters) is not None:
            yield parameters
            below = rf"{parameters}\Interfaces"
            yield from (rf"{below}\{key.name}" for key in registry.subkeys(below))


def _of_all_names(registry: Registry) -> Iterator[Evidence]:
    """The name servers that rules name for all names."""
    for rules in _NAME_RULES:
        for key in registry.subkeys(rules):
            path = rf"{rules}\{key.name}"
            servers = (registry.text(path, "GenericDNSServers") or "").strip()
            if servers and _ANY_NAME in registry.texts(path, "Name"):
                yield Evidence(registry.place(path, "GenericDNSServers"), f"name servers of all names: {servers}")


@rule("windows-routes-are-not-persistent", "No route is set for good", "windows")
def windows_routes_are_not_persistent(facts: Facts) -> Verdict:
    r"""The routes of IPv4 that every start of Windows sets again: destination, mask, gateway, metric.

    Why: a route to a gateway of the source leads nowhere; one to everywhere takes the instance off the network.

    Fix: `route delete <destination>` for each, which forgets it for good.

    Reads: Services\Tcpip\Parameters\PersistentRoutes

    References: Microsoft, Prepare a Windows VHD or VHDX to upload to Azure; Alibaba Cloud, Initialization tools, Vminit
    (NetworkClean).
    """
    registry = facts[Registry]
    if registry.key(TCPIP) is None:
        raise UnknownFact("the settings of TCP/IP are not told", registry.place(TCPIP))
    routes = [Evidence(registry.in_guest(value.place), "a route") for value in registry.values(_ROUTES)]
    if routes:
        return warning(f"routes that are set for good: {len(routes)}", *routes[:_SHOWN])
    return ok("no route is set for good", Evidence(registry.place(_ROUTES), "no route"))


@rule("windows-goes-through-no-proxy", "Services of Windows go to the network without a proxy", "windows")
def windows_goes_through_no_proxy(facts: Facts) -> Verdict:
    r"""The proxy of WinHTTP, that of all users where it is one for the machine, and the variables of the machine.

    Why: a proxy of the source's network answers nobody in the cloud: updates, the licence and the agents of the cloud
    do not get through.

    Fix: `netsh winhttp reset proxy`; set ProxyEnable to 0; delete AutoConfigURL, or the variable that is named.

    Reads: SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings with Connections\WinHttpSettings, the policy
    ProxySettingsPerUser, Session Manager\Environment

    References: Microsoft, Prepare a Windows VHD or VHDX to upload to Azure; Use Group Policy to apply WinHTTP proxy
    settings.
    """
    registry = facts[Registry]
    bad: list[Evidence] = []
    unread = Unread()
    for part in (_of_services, _of_all_users, _of_programs):
        with unread.kept():
            bad += part(registry)
    if bad:
        return warning("a proxy is set", *bad)
    unread.tell()
    there = registry.value(_CONNECTIONS, _WINHTTP)
    return ok("no proxy is set", Evidence(registry.place(_CONNECTIONS, _WINHTTP), "none" if there else "not set"))


def _of_services(registry: Registry) -> Iterator[Evidence]:
    place = registry.place(_CONNECTIONS, _WINHTTP)
    value = registry.value(_CONNECTIONS, _WINHTTP)
    if value and (proxy := parse_winhttp_proxy(value.data, place)):
        yield Evidence(place, f"a proxy of services: {_without_password(proxy)}")


def _of_all_users(registry: Registry) -> Iterator[Evidence]:
    if registry.number(_POLICY, "ProxySettingsPerUser") != 0:
        return
    if registry.number(_SETTINGS, "ProxyEnable"):
        server = registry.text(_SETTINGS, "ProxyServer") or "not named"
        yield Evidence(registry.place(_SETTINGS, "ProxyEnable"), f"a proxy of all: {_without_password(server)}")
    if script := registry.text(_SETTINGS, "AutoConfigURL"):
        place = registry.place(_SETTINGS, "AutoConfigURL")
        yield Evidence(place, f"a script that names the proxy of all: {_without_password(script)}")


def _of_programs(registry: Registry) -> Iterator[Evidence]:
    for name in _VARIABLES:
        if text := registry.text(ENVIRONMENT, name):
            yield Evidence(registry.place(ENVIRONMENT, name), f"a proxy of programs: {_without_password(text)}")


def _without_password(proxy: str) -> str:
    """Return a proxy without the user and the password that may stand before an @."""
    return proxy.rpartition("@")[2]


@rule("windows-network-cards-use-dhcp", "No network card has a fixed address", "windows")
def windows_network_cards_use_dhcp(facts: Facts) -> Verdict:
    r"""The value EnableDHCP of every interface that TCP/IP knows, cards that are gone included.

    Why: a card that keeps the address of the source has no network in the cloud. Vminit from 2.0 on sets cards back to
    DHCP at the first boot.

    Fix: `netsh interface ipv4 set address name="NAME" source=dhcp`, and remove cards that are gone in the Device
    Manager (hidden devices).

    Reads: Services\Tcpip\Parameters\Interfaces

    References: Alibaba Cloud, Initialization tools, Vminit (NetworkClean).
    """
    registry = facts[Registry]
    if registry.key(INTERFACES) is None:
        raise UnknownFact("the interfaces of TCP/IP are not told", registry.place(INTERFACES))
    good: list[Evidence] = []
    bad: list[Evidence] = []
    unread = Unread()
    with unread.kept():
        for key in registry.subkeys(INTERFACES):
            with unread.kept():
                is_fixed, seen = _address(registry, key)
                (bad if is_fixed else good).append(seen)
    if bad:
        return warning("a network card has a fixed address", *with_cards(registry, bad[:_SHOWN]))
    unread.tell()
    return ok("no network card has a fixed address", *good[:_SHOWN] or [Evidence(registry.place(INTERFACES), "none")])


def _address(registry: Registry, key: Key) -> tuple[bool, Evidence]:
    """Tell whether an interface has a fixed address, and what was seen."""
    dhcp, fixed = key.value("EnableDHCP"), key.value("IPAddress")
    place = registry.place(rf"{INTERFACES}\{key.name}", "EnableDHCP")
    listed = registry.wanted(fixed.texts, "a list of texts", fixed) if fixed else ()
    addresses = [text for text in listed if text not in {"", "0.0.0.0"}]  # noqa: S104 - what Windows writes for none
    number = registry.dword(dhcp) if dhcp else int(not addresses)
    if number == 0:
        return True, Evidence(
            place, f"a fixed address: {', '.join(addresses)}" if addresses else "no DHCP, and no address"
        )
    return False, Evidence(place, "DHCP" if dhcp else "not set, and no address")


RULES = (
    windows_goes_through_no_proxy,
    windows_name_servers_come_from_dhcp,
    windows_network_cards_use_dhcp,
    windows_routes_are_not_persistent,
)
