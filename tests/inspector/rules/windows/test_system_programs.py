from __future__ import annotations

from typing import Any

import pytest

from fixtures.windows.golden import CONTROL, CURRENT
from fixtures.windows.hive import Data
from fixtures.windows.pe import program
from inspector.rules.windows.system_programs import windows_starts_its_own_programs, windows_system_files_are_there
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

MANAGER = rf"{CONTROL}\Session Manager"
CHECK = "autocheck autochk *"
WINLOGON = rf"{CURRENT}\Winlogon"
OPTIONS = rf"{CURRENT}\Image File Execution Options"
CORE: dict[str, Data] = {"InstallationType": "Server Core"}
PROMPT = 'cmd.exe /c "cd /d "%USERPROFILE%" & start cmd.exe /k runonce.exe /AlternateShellStartup"'
EXPLORER = {"/x/explorer.exe": program()}


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
