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
from tests.windows import golden

pytestmark = pytest.mark.corpus

FAILED, WARNING, OK = Status.FAILED, Status.WARNING, Status.OK
BY_SERVICE = [
    (windows_ip_helper_starts, "iphlpsvc", FAILED, WARNING, "iphlpsvc.dll"),
    (windows_dhcp_client_starts, "Dhcp", FAILED, WARNING, "dhcpcore.dll"),
    (windows_time_service_starts, "W32Time", WARNING, OK, "w32time.dll"),
    (windows_core_network_services_start, "BFE", WARNING, WARNING, "bfe.dll"),
    (windows_core_network_services_start, "nsi", FAILED, WARNING, "nsisvc.dll"),
    (windows_core_network_services_start, "IKEEXT", WARNING, OK, "ikeext.dll"),
    (windows_core_network_services_start, "Netlogon", WARNING, OK, "lsass.exe"),
    (windows_core_network_services_start, "Netman", WARNING, OK, "netman.dll"),
    (windows_disk_service_starts, "vds", WARNING, OK, "vds.exe"),
    (windows_update_service_starts, "wuauserv", WARNING, OK, "wuaueng.dll"),
    (windows_licence_service_starts, "sppsvc", WARNING, OK, "sppsvc.exe"),
]
"""Each with what comes of one that is disabled, gone or broken, of one that is started by hand, and with its file."""


@pytest.mark.parametrize(("rule", "name", "bad", "manual", "file"), BY_SERVICE, ids=[row[1] for row in BY_SERVICE])
def test_a_service_that_does_not_start(rule: Rule, name: str, bad: Status, manual: Status, file: str) -> None:
    key = rf"{SERVICES}\{name}"
    for start, status in ((4, bad), (3, manual), (2, OK)):
        verdict = rule(golden({key: {"Start": start}}))
        assert verdict.status is status
        if status is not OK:
            assert verdict.evidence[0].place.key == rf"{key}\Start"
    missing = rule(golden({key: None}))
    assert (missing.status, missing.evidence[0].place.key, missing.evidence[0].seen) == (bad, key, "no such service")
    for content in (None, b"", b"text"):
        broken = rule(golden(files={f"/Windows/System32/{file}": content}))
        assert (broken.status, broken.evidence[0].place.path.lower()) == (bad, rf"c:\windows\system32\{file}")


@pytest.mark.parametrize("number", [0, 1])
def test_a_program_cannot_be_started_as_a_driver(number: int) -> None:
    verdict = windows_dhcp_client_starts(golden({rf"{SERVICES}\Dhcp": {"Start": number}}))
    assert verdict.status is Status.FAILED


def test_a_service_within_svchost_that_names_no_dll() -> None:
    verdict = windows_dhcp_client_starts(golden({rf"{SERVICES}\Dhcp\Parameters": None}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.FAILED, "it names no ServiceDll")


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
