from __future__ import annotations

import struct

import pytest

from fixtures.windows.golden import (
    CONNECTIONS,
    CONTROL,
    NETWORK,
    NIC,
    SERVICES,
)
from fixtures.windows.hive import Data, Keys
from inspector.collectors import COLLECTORS
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.rules.rule import Rule
from inspector.rules.windows.filter_drivers import windows_network_filters_lead_to_drivers
from inspector.rules.windows.network import (
    windows_goes_through_no_proxy,
    windows_name_servers_come_from_dhcp,
    windows_network_cards_use_dhcp,
    windows_routes_are_not_persistent,
)
from inspector.verdict import Status
from tests.corpus import corpus
from tests.windows import CONFIG, golden, windows_of

pytestmark = pytest.mark.corpus

PARAMETERS = rf"{SERVICES}\Tcpip\Parameters"
CARD = rf"{PARAMETERS}\Interfaces\{NIC}"
ROUTES = rf"{PARAMETERS}\PersistentRoutes"
SETTINGS = r"Microsoft\Windows\CurrentVersion\Internet Settings"
POLICY = r"Policies\Microsoft\Windows\CurrentVersion\Internet Settings"
ENVIRONMENT = rf"{CONTROL}\Session Manager\Environment"


def winhttp(proxy: bytes) -> bytes:
    return struct.pack("<IIII", 0x18, 0, 3, len(proxy)) + proxy + bytes(4)


@pytest.mark.parametrize("key", [CARD, PARAMETERS, rf"{SERVICES}\Tcpip6\Parameters\Interfaces\{NIC}"])
def test_name_servers_that_are_set(key: str) -> None:
    verdict = windows_name_servers_come_from_dhcp(golden({key: {"NameServer": "10.0.0.1,10.0.0.2"}}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "name servers: 10.0.0.1,10.0.0.2")
    assert verdict.evidence[0].place.key == rf"{key}\NameServer"
    for values in ({"NameServer": ""}, {"NameServer": " "}, {"NameServer": None}):
        assert windows_name_servers_come_from_dhcp(golden({key: values})).status is Status.OK


NAME_RULES = (
    rf"{SERVICES}\Dnscache\Parameters\DnsPolicyConfig",
    r"Policies\Microsoft\Windows NT\DNSClient\DnsPolicyConfig",
)


@pytest.mark.parametrize("rules", NAME_RULES)
@pytest.mark.parametrize(
    ("names", "servers", "status"),
    [
        (["."], "10.0.0.53;10.0.0.54", Status.WARNING),
        ([".corp.example", "."], "10.0.0.53", Status.WARNING),
        ([".corp.example"], "10.0.0.53", Status.OK),
        (["."], "", Status.OK),
        ([], "10.0.0.53", Status.OK),
    ],
)
def test_rules_of_name_resolution(rules: str, names: list[str], servers: str, status: Status) -> None:
    keys: Keys = {rf"{rules}\{{1}}": {"Name": names, "GenericDNSServers": servers, "ConfigOptions": 8}}
    facts = golden(keys) if rules == NAME_RULES[0] else golden(software=keys)
    verdict = windows_name_servers_come_from_dhcp(facts)
    assert verdict.status is status
    if status is not Status.OK:
        assert verdict.evidence[0].place.key == rf"{rules}\{{1}}\GenericDNSServers"


def test_what_cannot_be_read_hides_no_fault() -> None:
    proxy = golden({ENVIRONMENT: {"http_proxy": "proxy.example"}}, files={f"{CONFIG}/SOFTWARE": b"regf"})
    assert windows_goes_through_no_proxy(proxy).message == "a proxy is set"
    servers = golden({PARAMETERS: {"NameServer": 1}, CARD: {"NameServer": "10.0.0.1"}})
    assert windows_name_servers_come_from_dhcp(servers).message == "name servers are set for good"
    unread = windows_name_servers_come_from_dhcp(golden({PARAMETERS: {"NameServer": 1}}))
    assert (unread.status, unread.known) == (Status.WARNING, False)


def test_routes_that_are_set() -> None:
    route = "0.0.0.0,0.0.0.0,192.168.1.1,-1"
    verdict = windows_routes_are_not_persistent(golden({ROUTES: {route: "", "10.0.0.0,255.0.0.0,10.3.58.1,1": ""}}))
    assert (verdict.status, verdict.message) == (Status.WARNING, "routes that are set for good: 2")
    assert verdict.evidence[0].place.key == rf"{ROUTES}\{route}"
    assert windows_routes_are_not_persistent(golden({ROUTES: None})).status is Status.OK


@pytest.mark.parametrize(
    ("system", "software", "key", "seen"),
    [
        (
            {}, {CONNECTIONS: {"WinHttpSettings": winhttp(b"proxy.example:8080")}},
            rf"{CONNECTIONS}\WinHttpSettings", "a proxy of services: proxy.example:8080",
        ),
        (
            {}, {POLICY: {"ProxySettingsPerUser": 0}, SETTINGS: {"ProxyEnable": 1, "ProxyServer": "proxy.example:80"}},
            rf"{SETTINGS}\ProxyEnable", "a proxy of all: proxy.example:80",
        ),
        (
            {}, {POLICY: {"ProxySettingsPerUser": 0}, SETTINGS: {"AutoConfigURL": "http://proxy.example/wpad.dat"}},
            rf"{SETTINGS}\AutoConfigURL", "a script that names the proxy of all: http://proxy.example/wpad.dat",
        ),
        (
            {ENVIRONMENT: {"HTTP_PROXY": "http://user:secret@proxy.example:80"}}, {}, rf"{ENVIRONMENT}\HTTP_PROXY",
            "a proxy of programs: proxy.example:80",
        ),
    ],
)  # fmt: skip
def test_proxies(system: Keys, software: Keys, key: str, seen: str) -> None:
    verdict = windows_goes_through_no_proxy(golden(system, software))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, seen)
    assert verdict.evidence[0].place.key == key


@pytest.mark.parametrize(
    "software",
    [
        {CONNECTIONS: {"WinHttpSettings": None}},
        {CONNECTIONS: None},
        {SETTINGS: {"ProxyEnable": 1, "ProxyServer": "proxy.example:80", "AutoConfigURL": "http://proxy.example/"}},
        {POLICY: {"ProxySettingsPerUser": 0}, SETTINGS: {"ProxyEnable": 0, "ProxyServer": "proxy.example:80"}},
    ],
)
def test_no_proxy_of_the_machine(software: Keys) -> None:
    assert windows_goes_through_no_proxy(golden(software=software)).status is Status.OK


@pytest.mark.parametrize("data", [b"", winhttp(b"proxy")[:18]])
def test_settings_of_a_proxy_that_cannot_be_read(data: bytes) -> None:
    verdict = windows_goes_through_no_proxy(golden(software={CONNECTIONS: {"WinHttpSettings": data}}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (windows_network_filters_lead_to_drivers, NETWORK),
        (windows_name_servers_come_from_dhcp, rf"{PARAMETERS}\Interfaces"),
        (windows_routes_are_not_persistent, PARAMETERS),
    ],
)
def test_without_its_key_nothing_is_known(rule: Rule, key: str) -> None:
    verdict = rule(golden({key: None}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_real_hive_is_read() -> None:
    """That of a Windows 7 with two cards, each with an address, name servers and a route, and another's filter."""
    hive = corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes()
    guest = windows_of({}, {"x": {}}, {f"{CONFIG}/SYSTEM": hive})
    facts = Facts({Guest: guest}, COLLECTORS)
    servers = windows_name_servers_come_from_dhcp(facts)
    assert {it.seen for it in servers.evidence} == {
        "name servers: 10.3.58.4, of Intel(R) PRO/1000 MT Network Connection",
        "name servers: 192.168.1.112, of Intel(R) PRO/1000 MT Network Connection",
    }
    routes = windows_routes_are_not_persistent(facts)
    assert [it.place.key and it.place.key.rpartition("\\")[2] for it in routes.evidence] == [
        "0.0.0.0,0.0.0.0,192.168.1.1,-1", "0.0.0.0,0.0.0.0,10.3.58.1,-1",
    ]  # fmt: skip
    filters = windows_network_filters_lead_to_drivers(facts)
    assert filters.status is Status.FAILED
    assert {it.seen.partition(":")[0] for it in filters.evidence} == {
        "MS_WfpLwf", "MS_PACER", "mfe_ndisfilt", "MS_NDISCAP",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "status", "seen"),
    [
        ({"EnableDHCP": 0, "IPAddress": ["10.0.0.5"]}, Status.WARNING, "a fixed address: 10.0.0.5"),
        ({"EnableDHCP": 0, "IPAddress": ["0.0.0.0"]}, Status.WARNING, "no DHCP, and no address"),  # noqa: S104 - as above
        ({"EnableDHCP": None}, Status.OK, "not set, and no address"),
    ],
)
def test_network_cards(values: dict[str, Data], status: Status, seen: str) -> None:
    verdict = windows_network_cards_use_dhcp(golden({CARD: values}))
    assert (verdict.status, verdict.evidence[0].seen) == (status, seen)
    assert verdict.evidence[0].place.key == rf"{CARD}\EnableDHCP"


def test_a_card_without_a_word_of_dhcp_has_the_address_that_it_names() -> None:
    verdict = windows_network_cards_use_dhcp(golden({CARD: {"EnableDHCP": None, "IPAddress": ["10.0.0.5"]}}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "a fixed address: 10.0.0.5")
    assert windows_network_cards_use_dhcp(golden({CARD: {"EnableDHCP": None}})).status is Status.OK
    missing = windows_network_cards_use_dhcp(golden({CARD.rpartition("\\")[0]: None}))
    assert (missing.status, missing.known) == (Status.WARNING, False)


def test_an_interface_that_cannot_be_read_hides_no_fixed_address() -> None:
    for other in ("{0}", "{z}"):
        broken: Keys = {CARD: {"EnableDHCP": "x"}}
        verdict = windows_network_cards_use_dhcp(golden(broken))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
        fixed: Keys = {**broken, CARD.replace(NIC, other): {"EnableDHCP": 0, "IPAddress": ["192.0.2.1"]}}
        verdict = windows_network_cards_use_dhcp(golden(fixed))
        assert (verdict.status, verdict.known) == (Status.WARNING, True)
