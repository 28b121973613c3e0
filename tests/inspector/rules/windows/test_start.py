from __future__ import annotations

from typing import Any

import pytest

from fixtures.windows.golden import CONTROL, CURRENT
from fixtures.windows.hive import Data, Keys
from fixtures.windows.pe import program
from inspector.rules.rule import Rule
from inspector.rules.windows.start import (
    RULES,
    windows_desktop_settings_are_there,
    windows_is_not_hibernated,
    windows_pages_to_the_system_drive,
    windows_starts_its_own_programs,
    windows_system_files_are_there,
)
from inspector.verdict import NotApplicable, Status
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

MANAGER = rf"{CONTROL}\Session Manager"
CHECK = "autocheck autochk *"
WINLOGON = rf"{CURRENT}\Winlogon"
OPTIONS = rf"{CURRENT}\Image File Execution Options"
CORE: dict[str, Data] = {"InstallationType": "Server Core"}
PROMPT = 'cmd.exe /c "cd /d "%USERPROFILE%" & start cmd.exe /k runonce.exe /AlternateShellStartup"'
EXPLORER = {"/x/explorer.exe": program()}
OF_SYSTEM = (windows_pages_to_the_system_drive, windows_starts_its_own_programs)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_golden_guest_is_ok(rule: Rule) -> None:
    assert rule(golden()).status is Status.OK


@pytest.mark.parametrize(
    ("content", "fast", "status"),
    [
        (b"hibr" + bytes(4096), 0, Status.FAILED),
        (b"HIBR" + bytes(4096), 0, Status.FAILED),
        (bytes(4096), 0, Status.OK),
        (b"wake" + bytes(4096), 0, Status.OK),
        (b"HORM" + bytes(4096), 0, Status.FAILED),
        (b"x", 0, Status.WARNING),
        (b"", 1, Status.WARNING),
        (None, 1, Status.OK),
    ],
)
def test_hibernation(content: bytes | None, fast: int, status: Status) -> None:
    facts = golden({rf"{MANAGER}\Power": {"HiberbootEnabled": fast}}, files={"/hiberfil.sys": content})
    verdict = windows_is_not_hibernated(facts)
    assert verdict.status is status
    if content:
        assert verdict.evidence[0].place.path == r"C:\hiberfil.sys"


@pytest.mark.parametrize(("hibernate", "status"), [(None, Status.WARNING), (1, Status.WARNING), (0, Status.OK)])
def test_fast_startup_needs_hibernation(hibernate: int | None, status: Status) -> None:
    """What `powercfg /h off` leaves: the switch of fast startup stays on."""
    changes: Keys = {rf"{MANAGER}\Power": {"HiberbootEnabled": 1}, rf"{CONTROL}\Power": {"HibernateEnabled": hibernate}}
    assert windows_is_not_hibernated(golden(changes, files={"/hiberfil.sys": bytes(4096)})).status is status


@pytest.mark.parametrize(
    ("system", "software", "files", "status", "key"),
    [
        ({}, {WINLOGON: {"Shell": None}}, {}, Status.FAILED, rf"{WINLOGON}\Shell"),
        ({}, {WINLOGON: {"Userinit": ""}}, {}, Status.FAILED, rf"{WINLOGON}\Userinit"),
        ({}, {WINLOGON: {"Userinit": ","}}, {}, Status.FAILED, rf"{WINLOGON}\Userinit"),
        ({}, {WINLOGON: {"Userinit": "userinit", "Shell": "Explorer"}}, {}, Status.OK, rf"{MANAGER}\BootExecute"),
        ({}, {rf"{OPTIONS}\sethc.exe": {"Debugger": ""}}, {}, Status.OK, rf"{MANAGER}\BootExecute"),
        ({}, {}, {"/Windows/explorer.exe": None}, Status.FAILED, rf"{WINLOGON}\Shell"),
        ({}, {}, {"/Windows/System32/autochk.exe": None}, Status.FAILED, rf"{MANAGER}\BootExecute"),
        ({}, {WINLOGON: {"Shell": r"C:\x\evil.exe"}}, {}, Status.FAILED, rf"{WINLOGON}\Shell"),
        ({}, {WINLOGON: {"Shell": r"C:\x\evil.exe"}}, {"/x/evil.exe": program()}, Status.WARNING, rf"{WINLOGON}\Shell"),
        ({}, {WINLOGON: {"Shell": r"C:\x\explorer.exe"}}, EXPLORER, Status.WARNING, rf"{WINLOGON}\Shell"),
        ({}, {WINLOGON: {"Shell": r"C:\x\..\Windows\explorer.exe"}}, EXPLORER, Status.WARNING, rf"{WINLOGON}\Shell"),
        ({}, {WINLOGON: {"Shell": r"%SystemRoot%\Explorer.exe"}}, {}, Status.OK, rf"{MANAGER}\BootExecute"),
        ({}, {WINLOGON: {}, CURRENT: CORE}, {"/Windows/explorer.exe": None}, Status.OK, rf"{MANAGER}\BootExecute"),
        ({}, {WINLOGON: {"Shell": None}, CURRENT: CORE}, {}, Status.OK, rf"{MANAGER}\BootExecute"),
        ({}, {WINLOGON: {"Shell": PROMPT}, CURRENT: CORE}, {}, Status.OK, rf"{MANAGER}\BootExecute"),
        ({}, {WINLOGON: {"Shell": "sethc.exe"}, CURRENT: CORE}, {}, Status.FAILED, rf"{WINLOGON}\Shell"),
        ({MANAGER: {"BootExecute": [CHECK, "lsdelete"]}}, {}, {}, Status.FAILED, rf"{MANAGER}\BootExecute"),
        ({MANAGER: {"BootExecute": None}}, {}, {}, Status.WARNING, rf"{MANAGER}\BootExecute"),
        (
            {}, {rf"{OPTIONS}\sethc.exe": {"Debugger": "cmd.exe"}}, {}, Status.WARNING,
            rf"{OPTIONS}\sethc.exe\Debugger",
        ),
        ({}, {rf"{OPTIONS}\other.exe": {"Debugger": "vsjitdebugger.exe"}}, {}, Status.OK, rf"{MANAGER}\BootExecute"),
    ],
)  # fmt: skip
def test_programs_that_are_started(system: Any, software: Any, files: Any, status: Status, key: str) -> None:
    verdict = windows_starts_its_own_programs(golden(system, software, files))
    assert (verdict.status, verdict.evidence[0].place.key) == (status, key)


@pytest.mark.parametrize(
    ("content", "seen"), [(None, "does not exist"), (b"", "is empty"), (program("i386"), "is for i386")]
)
def test_files_of_the_system(content: bytes | None, seen: str) -> None:
    verdict = windows_system_files_are_there(golden(files={"/Windows/System32/lsass.exe": content}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.FAILED, r"C:\Windows\System32\lsass.exe")
    assert verdict.evidence[0].seen.startswith(seen)


@pytest.mark.parametrize("content", [None, b"", b"junk" * 99])
def test_without_the_kernel_nothing_starts(content: bytes | None) -> None:
    verdict = windows_system_files_are_there(golden(files={"/Windows/System32/ntoskrnl.exe": content}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.FAILED, r"C:\Windows\System32\ntoskrnl.exe")


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([r"C:\pagefile.sys 0 0"], Status.OK),
        ([r"%SystemDrive%\pagefile.sys 0 0"], Status.OK),
        ([r"D:\pagefile.sys 0 0"], Status.WARNING),
        ([r"C:\pagefile.sys", r"D:\pagefile.sys"], Status.WARNING),
        ([""], Status.WARNING),
        (None, Status.WARNING),
    ],
)
def test_the_page_file(files: Data, status: Status) -> None:
    key = rf"{MANAGER}\Memory Management"
    verdict = windows_pages_to_the_system_drive(golden({key: {"PagingFiles": files}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (status, rf"{key}\PagingFiles")


def test_the_common_desktop() -> None:
    verdict = windows_desktop_settings_are_there(golden(files={"/Users/Public/Desktop/desktop.ini": None}))
    assert verdict.status is Status.WARNING
    with pytest.raises(NotApplicable):
        windows_desktop_settings_are_there(golden(software={CURRENT: CORE}))


@pytest.mark.parametrize("rule", OF_SYSTEM, ids=lambda rule: rule.name)
@pytest.mark.parametrize("content", [None, b"", b"regf"], ids=["absent", "empty", "broken"])
def test_without_the_hive_nothing_is_ok(rule: Rule, content: bytes | None) -> None:
    verdict = rule(golden(files={f"{CONFIG}/SYSTEM": content}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
