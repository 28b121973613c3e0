from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL, NIC
from fixtures.windows.hive import Data
from inspector.windows.network_cards import with_card
from inspector.windows.registry import Registry
from tests.corpus import corpus
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

CARDS = rf"{CONTROL}\Class\{{4d36e972-e325-11ce-bfc1-08002be10318}}"


def test_a_card_is_found_by_its_interface() -> None:
    card = {"NetCfgInstanceId": NIC.upper(), "DriverDesc": "Red Hat VirtIO Ethernet Adapter"}
    registry = golden({rf"{CARDS}\0000": {"DriverDesc": "another"}, rf"{CARDS}\0001": card})[Registry]
    assert with_card(registry, NIC, "DHCP") == "DHCP, of Red Hat VirtIO Ethernet Adapter"
    assert with_card(registry, "{0}", "DHCP") == "DHCP"


def test_a_name_that_cannot_be_read_is_left_out() -> None:
    wrong: list[dict[str, Data]] = [
        {"NetCfgInstanceId": NIC},
        {"NetCfgInstanceId": 1},
        {"NetCfgInstanceId": NIC, "DriverDesc": 1},
    ]
    for values in wrong:
        assert with_card(golden({rf"{CARDS}\0000": values})[Registry], NIC, "DHCP") == "DHCP"
    assert with_card(golden({CARDS: None})[Registry], NIC, "DHCP") == "DHCP"


def test_a_real_hive_names_its_cards() -> None:
    hive = corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes()
    registry = golden(files={f"{CONFIG}/SYSTEM": hive})[Registry]
    seen = with_card(registry, "{698e50a9-4f58-4d86-b61d-f42e58dcacf6}", "10.3.58.5")
    assert seen == "10.3.58.5, of Intel(R) PRO/1000 MT Network Connection"
