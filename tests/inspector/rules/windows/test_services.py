from __future__ import annotations

import pytest

from fixtures.windows.golden import SERVICES
from fixtures.windows.hive import Keys
from inspector.rules.rule import Rule
from inspector.rules.windows.services import (
    windows_core_network_services_start,
    windows_dhcp_client_starts,
    windows_disk_service_starts,
    windows_ip_helper_starts,
    windows_licence_service_starts,
    windows_services_have_what_they_depend_on,
    windows_time_service_starts,
    windows_update_service_starts,
)
from inspector.verdict import Status
from tests.memory_tree import Files
from tests.windows import golden

pytestmark = pytest.mark.corpus

BY_SERVICE = [
    (windows_ip_helper_starts, "iphlpsvc", Status.FAILED, Status.WARNING),
    (windows_dhcp_client_starts, "Dhcp", Status.FAILED, Status.WARNING),
    (windows_time_service_starts, "W32Time", Status.WARNING, Status.OK),
    (windows_core_network_services_start, "BFE", Status.WARNING, Status.WARNING),
    (windows_core_network_services_start, "nsi", Status.FAILED, Status.WARNING),
    (windows_core_network_services_start, "IKEEXT", Status.WARNING, Status.OK),
    (windows_core_network_services_start, "Netlogon", Status.WARNING, Status.OK),
    (windows_core_network_services_start, "Netman", Status.WARNING, Status.OK),
]
DEMANDED = [
    (windows_disk_service_starts, "vds", "/Windows/System32/vds.exe"),
    (windows_update_service_starts, "wuauserv", "/Windows/System32/wuaueng.dll"),
    (windows_licence_service_starts, "sppsvc", "/Windows/System32/sppsvc.exe"),
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
    assert missing.status is disabled
    assert (missing.evidence[0].place.key, missing.evidence[0].seen) == (key, "no such service")


@pytest.mark.parametrize(
    ("rule", "path", "status"),
    [
        (windows_dhcp_client_starts, "/Windows/System32/dhcpcore.dll", Status.FAILED),
        (windows_core_network_services_start, "/Windows/System32/netman.dll", Status.WARNING),
    ],
)  # fmt: skip
def test_a_service_without_its_program(rule: Rule, path: str, status: Status) -> None:
    files: list[Files] = [{path: b""}, {path: b"text"}]
    for changes in (*files, {path: None}):
        verdict = rule(golden(files=changes))
        assert verdict.status is status
        assert verdict.evidence[0].place.path.lower().endswith(path.rpartition("/")[2].lower())


@pytest.mark.parametrize("number", [0, 1])
def test_a_program_cannot_be_started_as_a_driver(number: int) -> None:
    verdict = windows_dhcp_client_starts(golden({rf"{SERVICES}\Dhcp": {"Start": number}}))
    assert verdict.status is Status.FAILED


def test_a_service_within_svchost_that_names_no_dll() -> None:
    verdict = windows_dhcp_client_starts(golden({rf"{SERVICES}\Dhcp\Parameters": None}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.FAILED, "it names no ServiceDll")


@pytest.mark.parametrize(("rule", "name", "path"), DEMANDED, ids=[row[1] for row in DEMANDED])
def test_services_that_have_to_be_there(rule: Rule, name: str, path: str) -> None:
    key = rf"{SERVICES}\{name}"
    for start, status in ((2, Status.OK), (3, Status.OK), (4, Status.WARNING)):
        verdict = rule(golden({key: {"Start": start}}))
        assert (verdict.status, verdict.evidence[0].place.key) == (status, rf"{key}\Start")
    missing = rule(golden({key: None}))
    assert (missing.status, missing.evidence[0].place.key) == (Status.WARNING, key)
    broken = rule(golden(files={path: b"text"}))
    assert broken.status is Status.WARNING
    assert broken.evidence[0].place.path.lower().endswith(path.rpartition("/")[2])


def test_a_service_that_depends_on_nothing_that_is_there() -> None:
    verdict = windows_services_have_what_they_depend_on(golden({rf"{SERVICES}\AFD": None}))
    assert verdict.status is Status.WARNING
    assert {item.seen for item in verdict.evidence} == {"Afd, which is not there"}
    group: Keys = {rf"{SERVICES}\x": {"Type": 16, "Start": 2, "DependOnService": ["+NetworkProvider", "rpcss"]}}
    assert windows_services_have_what_they_depend_on(golden(group)).status is Status.OK


@pytest.mark.parametrize("name", ["AFD", "nsi"])
def test_a_service_that_depends_on_one_that_is_disabled(name: str) -> None:
    verdict = windows_services_have_what_they_depend_on(golden({rf"{SERVICES}\{name}": {"Start": 4}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, rf"{SERVICES}\{name}\Start")
