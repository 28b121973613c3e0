from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL, CURRENT, SERVICES
from fixtures.windows.hive import Data, Keys
from inspector.rules.windows.remote_desktop import windows_rdp_is_enabled, windows_rdp_listens_as_usual
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

SERVER = rf"{CONTROL}\Terminal Server"
LISTENER = rf"{SERVER}\WinStations\RDP-Tcp"
VMINIT = rf"{SERVICES}\vminit"
TERM = rf"{SERVICES}\TermService"
POLICY = r"Policies\Microsoft\Windows NT\Terminal Services"
WINLOGON = rf"{CURRENT}\Winlogon"
HOME: dict[str, Data] = {"InstallationType": "Client", "EditionID": "CoreSingleLanguage"}


@pytest.mark.parametrize(
    ("system", "software", "status", "key"),
    [
        ({SERVER: {"fDenyTSConnections": 1}, VMINIT: None}, {}, Status.FAILED, rf"{SERVER}\fDenyTSConnections"),
        ({SERVER: {"fDenyTSConnections": None}, VMINIT: None}, {}, Status.FAILED, rf"{SERVER}\fDenyTSConnections"),
        ({}, {POLICY: {"fDenyTSConnections": 1}}, Status.FAILED, rf"{POLICY}\fDenyTSConnections"),
        (
            {SERVER: {"fDenyTSConnections": 1}}, {POLICY: {"fDenyTSConnections": 0}}, Status.OK,
            rf"{POLICY}\fDenyTSConnections",
        ),
        ({TERM: {"Start": 4}}, {}, Status.FAILED, rf"{TERM}\Start"),
        ({TERM: None}, {}, Status.FAILED, TERM),
        ({LISTENER: {"fEnableWinStation": 0}}, {}, Status.FAILED, rf"{LISTENER}\fEnableWinStation"),
        ({LISTENER: None}, {}, Status.FAILED, LISTENER),
        ({SERVER: {"fDenyTSConnections": 1}}, {}, Status.WARNING, rf"{SERVER}\fDenyTSConnections"),
        ({}, {CURRENT: HOME}, Status.FAILED, rf"{CURRENT}\EditionID"),
        ({}, {CURRENT: {**HOME, "EditionID": "Professional"}}, Status.OK, rf"{SERVER}\fDenyTSConnections"),
        ({}, {CURRENT: {"ProductName": None}}, Status.WARNING, rf"{CURRENT}\CurrentBuild"),
        ({}, {WINLOGON: {"WinStationsDisabled": "1"}}, Status.FAILED, rf"{WINLOGON}\WinStationsDisabled"),
        ({}, {WINLOGON: {"WinStationsDisabled": "0"}}, Status.OK, rf"{SERVER}\fDenyTSConnections"),
    ],
)  # fmt: skip
def test_remote_desktop(system: Keys, software: Keys, status: Status, key: str) -> None:
    verdict = windows_rdp_is_enabled(golden(system, software))
    assert (verdict.status, verdict.evidence[0].place.key) == (status, key)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("PortNumber", 3390), ("PortNumber", 0), ("LanAdapter", 2), ("SSLCertificateSHA1Hash", b"\1\2"),
        ("MaxInstanceCount", 0), ("fLogonDisabled", 1),
    ],
)  # fmt: skip
def test_a_listener_that_is_not_as_usual(name: str, data: Data) -> None:
    verdict = windows_rdp_listens_as_usual(golden({LISTENER: {name: data}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, rf"{LISTENER}\{name}")


def test_the_program_of_remote_desktop() -> None:
    verdict = windows_rdp_is_enabled(golden(files={"/Windows/System32/termsrv.dll": None}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.FAILED, "its DLL does not exist")


@pytest.mark.parametrize("change", [{"Start": 0}, {"Start": 7}, {"DependOnService": ["gone"]}], ids=str)
def test_a_service_of_remote_desktop_that_cannot_start(change: dict[str, Data]) -> None:
    assert windows_rdp_is_enabled(golden({rf"{SERVICES}\TermService": change})).status is Status.FAILED


@pytest.mark.parametrize(("number", "status"), [(0, Status.OK), (1, Status.OK), (2, Status.WARNING)])
def test_a_server_that_is_being_drained(number: int, status: Status) -> None:
    assert windows_rdp_is_enabled(golden({SERVER: {"TSServerDrainMode": number}})).status is status


def test_an_initialiser_that_cannot_run_opens_nothing() -> None:
    off: Keys = {SERVER: {"fDenyTSConnections": 1}}
    assert windows_rdp_is_enabled(golden(off)).status is Status.WARNING
    gone = golden(off, files={"/ProgramData/aliyun/vminit/vminit.exe": None})
    assert windows_rdp_is_enabled(gone).status is Status.FAILED


def test_what_remote_desktop_depends_on() -> None:
    verdict = windows_rdp_is_enabled(golden({rf"{SERVICES}\RpcSs": {"Start": 4}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.FAILED, rf"{SERVICES}\RpcSs\Start")


def test_what_remote_desktop_depends_on_in_turn() -> None:
    verdict = windows_rdp_is_enabled(golden({rf"{SERVICES}\DcomLaunch": {"Start": 4}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.FAILED, rf"{SERVICES}\DcomLaunch\Start")


def test_what_opens_remote_desktop_hides_nothing_that_keeps_it_closed() -> None:
    off: Keys = {SERVER: {"fDenyTSConnections": 1, "TSServerDrainMode": 2}}
    waits = windows_rdp_is_enabled(golden(off))
    assert waits.status is Status.WARNING
    closed = windows_rdp_is_enabled(golden({**off, LISTENER: {"fEnableWinStation": 0}}))
    assert closed.status is Status.FAILED
    assert {item.place for item in waits.evidence} < {item.place for item in closed.evidence}
    assert closed.evidence[0].place.key == rf"{LISTENER}\fEnableWinStation"
    assert "fEnableWinStation" in (closed.fix or "")
