from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.hostname import Hostname
from inspector.facts.platform import Architecture
from inspector.facts.rtc import RtcMode
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.identity import identify_guest
from inspector.report import GuestInfo
from inspector.windows.registry import Registry
from parsers.linux.adjtime import ClockMode
from tests.memory_tree import guest_of
from tests.volumes import storage_of
from tests.windows import windows_of

pytestmark = pytest.mark.corpus

CURRENT = r"Microsoft\Windows NT\CurrentVersion"
SERVER_2022 = {
    "ProductName": "Windows Server 2022 Datacenter", "EditionID": "ServerDatacenter", "InstallationType": "Server",
    "CurrentVersion": "6.3", "CurrentMajorVersionNumber": 10, "CurrentMinorVersionNumber": 0,
    "CurrentBuild": "20348", "CurrentBuildNumber": "20348", "UBR": 2113, "DisplayVersion": "21H2", "ReleaseId": "2009",
}  # fmt: skip
SERVER_2008_R2 = {
    "ProductName": "Windows Server 2008 R2 Standard", "EditionID": "ServerStandard", "InstallationType": "Server",
    "CurrentVersion": "6.1", "CurrentBuild": "7601", "CurrentBuildNumber": "7601",
}  # fmt: skip
WINDOWS_11 = {**SERVER_2022, "ProductName": "Windows 10 Pro", "InstallationType": "Client", "CurrentBuild": "26100"}
CLOCK = r"ControlSet001\Control\TimeZoneInformation"
COMPUTER = r"ControlSet001\Control\ComputerName\ComputerName"


def facts_of(current: dict[str, Any], system: dict[str, Any] | None = None) -> Facts:
    guest = windows_of(system or {}, {CURRENT: current})
    return Facts({Guest: guest, Storage: storage_of()}, COLLECTORS)


@pytest.mark.parametrize(
    ("current", "product", "number", "release", "server"),
    [
        (SERVER_2022, "Windows Server 2022 Datacenter", "10.0.20348.2113", "21H2", True),
        (SERVER_2008_R2, "Windows Server 2008 R2 Standard", "6.1.7601", None, True),
        (WINDOWS_11, "Windows 11 Pro", "10.0.26100.2113", "21H2", False),
        (
            {**SERVER_2022, "InstallationType": "Nano Server"},
            "Windows Server 2022 Datacenter", "10.0.20348.2113", "21H2", True,
        ),
        ({**SERVER_2008_R2, "InstallationType": None}, "Windows Server 2008 R2 Standard", "6.1.7601", None, True),
        ({**SERVER_2008_R2, "CurrentBuild": None}, "Windows Server 2008 R2 Standard", "6.1.7601", None, True),
    ],
)  # fmt: skip
def test_releases(current: dict[str, Any], product: str, number: str, release: str | None, server: bool) -> None:
    version = facts_of(current)[WindowsVersion]
    assert (version.product, version.number, version.release, version.is_server) == (product, number, release, server)
    read = "CurrentBuild" if current["CurrentBuild"] else "CurrentBuildNumber"
    assert (version.place.path, version.place.key) == (r"C:\Windows\System32\config\SOFTWARE", rf"{CURRENT}\{read}")


@pytest.mark.parametrize(
    "current",
    [
        {},
        {**SERVER_2022, "ProductName": None},
        {**SERVER_2022, "CurrentBuild": "x"},
        {**SERVER_2008_R2, "CurrentVersion": "x"},
        {**SERVER_2022, "UBR": "1"},
    ],
)
def test_a_release_that_is_not_told_is_not_known(current: dict[str, Any]) -> None:
    with pytest.raises(UnknownFact):
        facts_of(current)[WindowsVersion]


@pytest.mark.parametrize(
    ("clock", "mode"),
    [({}, "local"), ({"RealTimeIsUniversal": 1}, "utc"), ({"RealTimeIsUniversal": 0}, "local")],
)
def test_the_clock(clock: dict[str, int], mode: str) -> None:
    rtc = facts_of(SERVER_2022, {CLOCK: clock})[RtcMode]
    assert (rtc.mode, rtc.place.key) == (ClockMode(mode), rf"{CLOCK}\RealTimeIsUniversal")


def test_the_name() -> None:
    assert facts_of(SERVER_2022, {COMPUTER: {"ComputerName": "WIN-1"}})[Hostname].name == "WIN-1"
    assert facts_of(SERVER_2022, {COMPUTER: {}})[Hostname].name is None


def test_a_linux_guest_has_no_registry() -> None:
    with pytest.raises(UnknownFact):
        Facts({Guest: guest_of({"/etc/os-release": ""})}, COLLECTORS)[Registry]


def test_the_head_of_the_report() -> None:
    facts = facts_of(SERVER_2022, {COMPUTER: {"ComputerName": "WIN-1"}})
    assert replace(identify_guest(facts), boot_mode=None) == GuestInfo(
        os="windows", version="10.0.20348", product="Windows Server 2022 Datacenter",
        kernel="10.0.20348.2113", rtc_mode=ClockMode.LOCAL, hostname="WIN-1",
    )  # fmt: skip
    with pytest.raises(UnknownFact):
        facts[Architecture]
