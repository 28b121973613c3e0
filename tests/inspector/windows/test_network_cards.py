from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL, NIC, SERVICES
from fixtures.windows.hive import Data
from inspector.verdict import Evidence
from inspector.windows.network_cards import with_cards
from inspector.windows.registry import Registry
from parsers.place import Place
from tests.corpus import corpus
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

CARDS = rf"{CONTROL}\Class\{{4d36e972-e325-11ce-bfc1-08002be10318}}"
INTERFACES = rf"{SERVICES}\Tcpip\Parameters\Interfaces"


def named(registry: Registry, *interfaces: str) -> list[str]:
    places = (Place("SYSTEM", key=rf"{INTERFACES}\{interface}\EnableDHCP") for interface in interfaces)
    return [item.seen for item in with_cards(registry, [Evidence(place, "DHCP") for place in places])]


def test_a_card_is_found_by_its_interface() -> None:
    card = {"NetCfgInstanceId": NIC.upper(), "DriverDesc": "Red Hat VirtIO Ethernet Adapter"}
    registry = golden({rf"{CARDS}\0000": {"DriverDesc": "another"}, rf"{CARDS}\0001": card})[Registry]
    assert named(registry, NIC, "{0}") == ["DHCP, of Red Hat VirtIO Ethernet Adapter", "DHCP"]


def test_a_name_that_cannot_be_read_is_left_out() -> None:
    wrong: list[dict[str, Data]] = [
        {"NetCfgInstanceId": NIC}, {"NetCfgInstanceId": 1}, {"NetCfgInstanceId": NIC, "DriverDesc": 1},
    ]  # fmt: skip
    for values in wrong:
        assert named(golden({rf"{CARDS}\0000": values})[Registry], NIC) == ["DHCP"]
    assert named(golden({CARDS: None})[Registry], NIC) == ["DHCP"]


def test_a_value_of_no_interface_has_no_card() -> None:
    items = [Evidence(Place("SYSTEM", key=key), "x") for key in (None, "NameServer", r"Parameters\NameServer")]
    assert with_cards(golden()[Registry], items) == items


def test_a_real_hive_names_its_cards() -> None:
    hive = corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes()
    registry = golden(files={f"{CONFIG}/SYSTEM": hive})[Registry]
    assert named(registry, "{698e50a9-4f58-4d86-b61d-f42e58dcacf6}") == [
        "DHCP, of Intel(R) PRO/1000 MT Network Connection"
    ]
