from __future__ import annotations

import pytest

from fixtures.windows.golden import ASSIST, NIC, SERVICES
from fixtures.windows.hive import Data, Keys
from inspector.rules.rule import Rule
from inspector.rules.windows.services import (
    windows_brings_new_disks_online,
    windows_cloud_assistant_runs,
    windows_core_network_services_start,
    windows_dhcp_client_starts,
    windows_ip_helper_starts,
    windows_network_cards_use_dhcp,
    windows_time_service_starts,
    windows_vminit_works,
)
from inspector.verdict import Status
from tests.memory_tree import Files
from tests.windows import golden

pytestmark = pytest.mark.corpus

CARD = rf"{SERVICES}\Tcpip\Parameters\Interfaces\{NIC}"
POLICY = rf"{SERVICES}\partmgr\Parameters"
ASSISTANT = f"/ProgramData/aliyun/assist/{ASSIST}"
BY_SERVICE = [
    (windows_ip_helper_starts, "iphlpsvc", Status.FAILED, Status.WARNING),
    (windows_dhcp_client_starts, "Dhcp", Status.FAILED, Status.WARNING),
    (windows_time_service_starts, "W32Time", Status.WARNING, Status.OK),
    (windows_core_network_services_start, "BFE", Status.WARNING, Status.WARNING),
    (windows_core_network_services_start, "nsi", Status.FAILED, Status.WARNING),
    (windows_core_network_services_start, "IKEEXT", Status.WARNING, Status.OK),
    (windows_core_network_services_start, "Netlogon", Status.WARNING, Status.OK),
    (windows_core_network_services_start, "Netman", Status.WARNING, Status.OK),
    (windows_vminit_works, "vminit", Status.FAILED, Status.WARNING),
    (windows_cloud_assistant_runs, "AliyunService", Status.WARNING, Status.WARNING),
]


@pytest.mark.parametrize(("rule", "name", "disabled", "manual"), BY_SERVICE, ids=[row[1] for row in BY_SERVICE])
def test_a_service_that_is_not_started(rule: Rule, name: str, disabled: Status, manual: Status) -> None:
    key = rf"{SERVICES}\{name}"
    for start, status in ((4, disabled), (3, manual)):
        verdict = rule(golden({key: {"Start": start}}))
        assert verdict.status is status
        if status is not Status.OK:
            assert verdict.evidence[0].place.key == rf"{key}\Start"
    missing = rule(golden({key: None}))
    assert missing.status is (Status.WARNING if name == "vminit" else disabled)
    assert (missing.evidence[0].place.key, missing.evidence[0].seen) == (key, "no such service")


@pytest.mark.parametrize(
    ("rule", "path", "status"),
    [
        (windows_dhcp_client_starts, "/Windows/System32/dhcpcore.dll", Status.FAILED),
        (windows_core_network_services_start, "/Windows/System32/netman.dll", Status.WARNING),
        (windows_vminit_works, "/ProgramData/aliyun/vminit/vminit.exe", Status.FAILED),
        (windows_cloud_assistant_runs, f"{ASSISTANT}/aliyun_assist_service.exe", Status.WARNING),
    ],
)  # fmt: skip
def test_a_service_without_its_program(rule: Rule, path: str, status: Status) -> None:
    files: list[Files] = [{path: b""}, {path: b"text"}]
    for changes in (*files, {path: None}):
        verdict = rule(golden(files=changes))
        assert verdict.status is status
        assert verdict.evidence[0].place.path.lower().endswith(path.rpartition("/")[2].lower())


@pytest.mark.parametrize(
    ("values", "status", "seen"),
    [
        ({"EnableDHCP": 0, "IPAddress": ["10.0.0.5"]}, Status.WARNING, "a fixed address: 10.0.0.5"),
        ({"EnableDHCP": 0, "IPAddress": ["0.0.0.0"]}, Status.WARNING, "a fixed address: none"),  # noqa: S104 - as above
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


@pytest.mark.parametrize("number", [0, 1])
def test_a_program_cannot_be_started_as_a_driver(number: int) -> None:
    verdict = windows_dhcp_client_starts(golden({rf"{SERVICES}\Dhcp": {"Start": number}}))
    assert verdict.status is Status.FAILED


def test_an_interface_that_cannot_be_read_hides_no_fixed_address() -> None:
    for other in ("{0}", "{z}"):
        broken: Keys = {CARD: {"EnableDHCP": "x"}}
        verdict = windows_network_cards_use_dhcp(golden(broken))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
        fixed: Keys = {**broken, CARD.replace(NIC, other): {"EnableDHCP": 0, "IPAddress": ["192.0.2.1"]}}
        verdict = windows_network_cards_use_dhcp(golden(fixed))
        assert (verdict.status, verdict.known) == (Status.WARNING, True)


def test_a_service_within_svchost_that_names_no_dll() -> None:
    verdict = windows_dhcp_client_starts(golden({rf"{SERVICES}\Dhcp\Parameters": None}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.FAILED, "it names no ServiceDll")


@pytest.mark.parametrize(("number", "seen"), [(None, "not set"), (2, "2")])
def test_disks_that_stay_offline(number: int | None, seen: str) -> None:
    verdict = windows_brings_new_disks_online(golden({POLICY: {"SanPolicy": number}}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, seen)
    assert verdict.evidence[0].place.key == rf"{POLICY}\SanPolicy"
