from __future__ import annotations

from typing import Any

import pytest

from fixtures.windows.golden import CONTROL, PACKAGES, SERVICES, SERVICING, package
from fixtures.windows.hive import Data
from inspector.facts.windows_packages import PackageState
from inspector.rules.windows.servicing import windows_bears_its_last_name, windows_no_update_is_under_way
from inspector.verdict import Status
from tests.windows import CONFIG, Changes, golden, hive

pytestmark = pytest.mark.corpus

SESSIONS = rf"{SERVICING}\SessionsPending"
UPDATE = r"Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
TCPIP = rf"{SERVICES}\Tcpip\Parameters"
MANAGER = rf"{CONTROL}\Session Manager"


@pytest.mark.parametrize(
    ("system", "software", "files", "status", "place"),
    [
        ({}, {}, {"/Windows/WinSxS/pending.xml": "<x/>"}, Status.FAILED, r"C:\Windows\WinSxS\pending.xml"),
        ({}, {rf"{SERVICING}\RebootInProgress": {}}, {}, Status.FAILED, rf"{SERVICING}\RebootInProgress"),
        ({}, {SESSIONS: {"Exclusive": 3}}, {}, Status.FAILED, rf"{SESSIONS}\Exclusive"),
        ({}, {SESSIONS: {"Exclusive": 0}}, {}, Status.OK, SERVICING),
        ({}, {SERVICING: None}, {}, Status.WARNING, SERVICING),
        ({}, {rf"{SERVICING}\RebootPending": {}}, {}, Status.WARNING, rf"{SERVICING}\RebootPending"),
        ({}, {rf"{SERVICING}\PackagesPending": {}}, {}, Status.WARNING, rf"{SERVICING}\PackagesPending"),
        ({}, {rf"{UPDATE}\RebootRequired": {}}, {}, Status.WARNING, rf"{UPDATE}\RebootRequired"),
        (
            {MANAGER: {"PendingFileRenameOperations": [r"\??\C:\x"]}}, {}, {}, Status.WARNING,
            rf"{MANAGER}\PendingFileRenameOperations",
        ),
        (
            {MANAGER: {"PendingFileRenameOperations2": ["", "x"]}}, {}, {}, Status.WARNING,
            rf"{MANAGER}\PendingFileRenameOperations2",
        ),
    ],
)  # fmt: skip
def test_updates_that_are_under_way(system: Any, software: Any, files: Any, status: Status, place: str) -> None:
    verdict = windows_no_update_is_under_way(golden(system, software, files))
    found = verdict.evidence[0].place
    assert (verdict.status, found.key or found.path) == (status, place)


@pytest.mark.parametrize(
    ("state", "message", "seen"),
    [
        (PackageState.INSTALL_PENDING, "Windows waits for a restart", "install pending"),
        (PackageState.UNINSTALL_PENDING, "Windows waits for a restart", "uninstall pending"),
        (PackageState.PARTIALLY_INSTALLED, "updates are installed in part", "partially installed"),
    ],
)
def test_packages_that_are_pending(state: PackageState, message: str, seen: str) -> None:
    key = next(iter(package("Package_for_KB5000001", "10.0.1.2")))
    verdict = windows_no_update_is_under_way(golden(software=package("Package_for_KB5000001", "10.0.1.2", state)))
    assert (verdict.status, verdict.message) == (Status.WARNING, message)
    assert (verdict.evidence[0].place.key, verdict.evidence[0].seen) == (rf"{key}\CurrentState", f"KB5000001: {seen}")


@pytest.mark.parametrize("state", [PackageState.SUPERSEDED, PackageState.STAGED, PackageState.PERMANENT])
def test_packages_that_are_not_pending(state: PackageState) -> None:
    facts = golden(software=package("Package_for_KB5000001", "10.0.1.2", state))
    assert windows_no_update_is_under_way(facts).status is Status.OK


def test_a_pending_package_of_an_update_that_was_interrupted_is_told_with_it() -> None:
    pending = package("Package_for_RollupFix", "20348.2227.1.3", PackageState.INSTALL_PENDING)
    verdict = windows_no_update_is_under_way(golden(software=pending, files={"/Windows/WinSxS/pending.xml": "<x/>"}))
    assert verdict.status is Status.FAILED
    assert [it.seen for it in verdict.evidence][1:] == ["Package_for_RollupFix: install pending"]


def test_without_its_packages_nothing_is_known_of_updates() -> None:
    verdict = windows_no_update_is_under_way(golden(software={PACKAGES: None}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_what_cannot_be_read_hides_nothing_that_waits() -> None:
    files: Changes = {"/Windows/WinSxS/pending.xml": "<x/>", f"{CONFIG}/COMPONENTS": b"regf"}
    verdict = windows_no_update_is_under_way(golden(software={PACKAGES: None}, files=files))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)
    renamed = golden({MANAGER: {"PendingFileRenameOperations": ["a", "b"]}}, {PACKAGES: None})
    assert (windows_no_update_is_under_way(renamed).message) == "Windows waits for a restart"


def test_the_queue_of_the_component_store() -> None:
    waiting = hive({"": {"PendingXmlIdentifier": b"x"}, "DerivedData": {}})
    verdict = windows_no_update_is_under_way(golden(files={f"{CONFIG}/COMPONENTS": waiting}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, r"\PendingXmlIdentifier")
    assert verdict.evidence[0].place.path == r"C:\Windows\System32\config\COMPONENTS"
    idle = golden(files={f"{CONFIG}/COMPONENTS": hive({"DerivedData": {}})})
    assert windows_no_update_is_under_way(idle).status is Status.OK


@pytest.mark.parametrize("content", [b"", b"regf"], ids=["empty", "broken"])
def test_a_component_store_that_cannot_be_read_is_not_ok(content: bytes) -> None:
    verdict = windows_no_update_is_under_way(golden(files={f"{CONFIG}/COMPONENTS": content}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("texts", "seen"),
    [
        ([r"\??\C:\a", r"\??\C:\b"], [r"to be renamed: \??\C:\a to \??\C:\b"]),
        ([r"\??\C:\a", "", r"\??\C:\c"], [r"to be deleted: \??\C:\a", r"to be deleted: \??\C:\c"]),
        ([str(number) for number in range(100)], [f"to be renamed: {it} to {it + 1}" for it in range(0, 32, 2)]),
    ],
    ids=["renamed", "deleted", "many"],
)
def test_files_that_the_next_start_renames(texts: list[str], seen: list[str]) -> None:
    verdict = windows_no_update_is_under_way(golden({MANAGER: {"PendingFileRenameOperations": texts}}))
    assert (verdict.status, [it.seen for it in verdict.evidence]) == (Status.WARNING, seen)


@pytest.mark.parametrize(
    ("values", "status", "known", "name"),
    [
        ({"NV Hostname": "WIN-OTHER"}, Status.WARNING, True, "NV Hostname"),
        ({"NV Hostname": "win-golden"}, Status.OK, True, "NV Hostname"),
        ({"NV Hostname": None}, Status.WARNING, False, "NV Hostname"),
        ({"Hostname": None}, Status.WARNING, False, "Hostname"),
        ({"Hostname": ""}, Status.WARNING, False, "Hostname"),
    ],
)
def test_names(values: dict[str, Data], status: Status, known: bool, name: str) -> None:
    verdict = windows_bears_its_last_name(golden({TCPIP: values}))
    assert (verdict.status, verdict.known) == (status, known)
    assert verdict.evidence[0].place.key == rf"{TCPIP}\{name}"
