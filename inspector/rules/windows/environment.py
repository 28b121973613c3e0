r"""What the session manager sets up before anybody logs on: the environment of the machine, and the subsystem.

Source: Microsoft's documentation, "Environment Variables" (the machine's stand below `Session Manager\Environment`),
"Prepare a Windows VHD to upload to Azure" (TEMP and TMP), and the key `Session Manager\SubSystems` of a real machine:
what `Required` names is started from the value of that name, and `Kmode` is the part of it in the kernel.
Left out is what keeps nobody from logging on where its file is lacking: `KnownDLLs` (names of other machines among
them), `AppInit_DLLs`, `Run`, `SetupExecute`, the optional subsystems.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.files import flaw_of_program, restoring
from inspector.windows.registry import ENVIRONMENT, SESSION_MANAGER, Registry
from parsers.windows.registry import ValueType

_SUBSYSTEMS: Final = rf"{SESSION_MANAGER}\SubSystems"
_PROGRAMS: Final = {"Windows": "csrss.exe", "Kmode": "win32k.sys"}
_SYSTEM: Final = "/windows/system32"
_WINDOWS: Final = "/windows"
_ELSEWHERE: Final = re.compile("/[a-z]:")
"""How a path begins that is on another drive than the system."""
_ABSOLUTE: Final = re.compile(r"(?:[A-Za-z]:[\\/]|%)")
"""How a path begins that leads to the same place from every folder and drive."""


@rule("windows-environment-leads-to-its-programs", "The environment of the machine leads to its programs", "windows")
def windows_environment_leads_to_its_programs(facts: Facts) -> Verdict:
    r"""Path has System32; the folders TEMP and TMP lie on the system drive; ComSpec, windir and PATHEXT are usual.

    What stands between percent signs counts in a REG_EXPAND_SZ alone: elsewhere Windows leaves it as it is.

    Why: agents and scripts of the cloud call programs of Windows by their names, and nothing is installed without a
    folder for temporary files; a drive that the instance does not have gives none.

    Fix: put `%SystemRoot%\system32` in front of Path, and set TEMP and TMP to `%SystemRoot%\TEMP`, ComSpec to
    `%SystemRoot%\system32\cmd.exe`, windir to `%SystemRoot%`, PATHEXT to `.COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;`
    `.WSF;.WSH;.MSC`, as Windows has them: texts with a percent sign as REG_EXPAND_SZ.

    Reads: Session Manager\Environment

    References: Microsoft, Environment Variables; Path Entry (its type must be REG_EXPAND_SZ); Prepare a Windows VHD or
    VHDX to upload to Azure.
    """
    registry = facts[Registry]
    if registry.key(ENVIRONMENT) is None:
        raise UnknownFact("the environment is not told", registry.place(ENVIRONMENT))
    path, seen = _told(registry, "Path")
    unusual: list[Evidence] = []
    unread = Unread()
    with unread.kept():
        unusual += _unusual(facts)
    if _SYSTEM not in {_normal(facts, part) for part in path.split(";")}:
        return failed("Path does not lead to System32", seen, *unusual)
    if unusual:
        return warning("the environment is not that of Windows", *unusual)
    unread.tell()
    return ok("the environment leads to the programs of Windows", seen)


def _unusual(facts: Facts) -> Iterator[Evidence]:
    registry = facts[Registry]
    wanted = {"ComSpec": f"{_SYSTEM}/cmd.exe", "windir": _WINDOWS}
    for name, path in wanted.items():
        text, seen = _told(registry, name)
        if _normal(facts, text) != path:
            yield seen
    for name in ("TEMP", "TMP"):
        text, seen = _told(registry, name)
        folder = _normal(facts, text)
        if folder is None or _ELSEWHERE.match(folder):
            yield seen
    text = registry.text(ENVIRONMENT, "PATHEXT") or ""
    if not {".com", ".exe", ".bat", ".cmd"} <= {part.strip().lower() for part in text.split(";")}:
        yield Evidence(registry.place(ENVIRONMENT, "PATHEXT"), text or "not set")


def _told(registry: Registry, name: str) -> tuple[str, Evidence]:
    """Return a variable, without the signs around names that Windows does not replace, and what was seen of it."""
    value, place = registry.value(ENVIRONMENT, name), registry.place(ENVIRONMENT, name)
    text = registry.string(value)
    if value and "%" in text and value.type != ValueType.REG_EXPAND_SZ:
        return text.replace("%", ""), Evidence(place, f"{text}, a {value.type_name}, in which nothing is replaced")
    return text, Evidence(place, text or "not set")


def _normal(facts: Facts, path: str) -> str | None:
    """Return a path from the root in lower case, None where what it stands for is not known, or differs by folder."""
    text = path.strip().strip('"')
    if not _ABSOLUTE.match(text):
        return None
    try:
        return facts[Guest].normal(text).lower()
    except UnknownFact:
        return None


@rule("windows-subsystem-starts", "The subsystem that Windows programs run in is started", "windows")
def windows_subsystem_starts(facts: Facts) -> Verdict:
    r"""`Required` names `Windows`, whose value starts csrss.exe, and the file of `Kmode` is there.

    Why: the session manager stops the machine where a required subsystem does not start (0xC000021A).

    Fix: restore the key from a machine with the same release, or from System32\config\RegBack, which is empty since
    Windows 10 1803.

    Reads: Session Manager\SubSystems, System32\csrss.exe, System32\win32k.sys

    References: Microsoft, Bug check 0xC000021A: WINLOGON_FATAL_ERROR; the SYSTEM hive of a real machine.
    """
    registry = facts[Registry]
    if registry.key(_SUBSYSTEMS) is None:
        return failed("no subsystem is named", Evidence(registry.place(_SUBSYSTEMS), "no such key"))
    unread = Unread()
    good: list[Evidence] = []
    bad: dict[str, list[Evidence]] = {}
    fixes: list[str] = []
    with unread.kept():
        required = registry.texts(_SUBSYSTEMS, "Required")
        if "windows" not in {name.lower() for name in required}:
            seen = Evidence(registry.place(_SUBSYSTEMS, "Required"), ", ".join(required) or "empty")
            bad["the subsystem is not required"] = [seen]
    for name, own in _PROGRAMS.items():
        with unread.kept():
            message, evidence, fix = _program(facts, name, own)
            (bad.setdefault(message, []) if message else good).append(evidence)
            fixes += [fix] if fix else []
    if bad:
        found = (item for items in bad.values() for item in items)
        advice = fixes if len(fixes) == sum(map(len, bad.values())) else []
        return failed("; ".join(bad), *found, fix=" ".join(dict.fromkeys(advice)) or None)
    unread.tell()
    return ok("the subsystem is started", *good)


def _program(facts: Facts, name: str, own: str) -> tuple[str | None, Evidence, str | None]:
    """Say what is wrong with a program of the subsystem (None: nothing), with what was seen, and what puts it back."""
    place = facts[Registry].place(_SUBSYSTEMS, name)
    program = (facts[Registry].text(_SUBSYSTEMS, name) or "").strip().partition(" ")[0]
    if not program:
        return "the subsystem has no program", Evidence(place, "not set"), None
    if flaw := flaw_of_program(facts, program):
        message = "the program of the subsystem cannot be loaded"
        return message, Evidence(place, f"{program}: {flaw}"), restoring(facts[Guest], program)
    seen = Evidence(place, program)
    is_own = facts[Guest].normal(program).lower() == f"{_SYSTEM}/{own}"
    return None if is_own else "the subsystem is another program", seen, None


RULES = (
    windows_environment_leads_to_its_programs,
    windows_subsystem_starts,
)
