r"""The programs of Windows itself: that they are there, and that at boot and at log-on it starts them and no others.

Source: Microsoft's documentation of `BootExecute`, of Winlogon's `Shell` and `Userinit`, and of `Image File Execution
Options`.
"""

from __future__ import annotations

import ntpath
from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.files import flaw_of_program
from inspector.windows.registry import CURRENT_VERSION, SESSION_MANAGER, WINLOGON, Registry

_OPTIONS: Final = rf"{CURRENT_VERSION}\Image File Execution Options"
_OWN: Final = frozenset({"/windows/system32/autochk.exe", "/windows/explorer.exe", "/windows/system32/userinit.exe"})
_SHELLS_OF_CORE: Final = ("explorer.exe", "cmd.exe")
"""What Winlogon's `Shell` is on Server Core: its prompt up to 2008 R2, and later what `AlternateShells` outweighs."""
_SYSTEM: Final = r"\Windows\System32"
_CRITICAL: Final = (
    "ntoskrnl.exe", "smss.exe", "csrss.exe", "wininit.exe", "winlogon.exe", "services.exe", "lsass.exe", "svchost.exe",
    "userinit.exe", "ntdll.dll", "kernel32.dll", "hal.dll", "ci.dll", "cmd.exe", "reg.exe",
    "advapi32.dll", "gdi32.dll", "msvcrt.dll", "rpcrt4.dll", "sechost.dll", "user32.dll", "basesrv.dll", "winsrv.dll",
)  # fmt: skip
"""The last ones are libraries that real machines of Windows 7 and 10 name in `KnownDLLs`, and as those of csrss.exe."""
_STARTED: Final = frozenset(
    {*_CRITICAL, "explorer.exe", "logonui.exe", "utilman.exe", "sethc.exe", "osk.exe", "taskmgr.exe", "autochk.exe"}
)
_SHOWN: Final = 16


@rule("windows-starts-its-own-programs", "Windows starts its own programs at boot and at log-on", "windows")
def windows_starts_its_own_programs(facts: Facts) -> Verdict:
    r"""What the session manager and Winlogon start, and debuggers that are put before programs of the system.

    Why: a program that is not there leaves the machine at a black screen; another one runs with every right before
    anybody logs on.

    Fix: set BootExecute to `autocheck autochk *`, Shell to explorer.exe, Userinit to
    `C:\Windows\system32\userinit.exe,`, and delete the value Debugger that is named; where a program of these is gone,
    `sfc /scannow /offbootdir=C:\ /offwindir=C:\Windows` from the recovery console.

    Reads: Session Manager\BootExecute, Winlogon, Image File Execution Options

    References: Microsoft, Shell Entry and Userinit (Windows Server 2003, registry reference); Image File Execution
    Options; Sysinternals, Inside Native Applications (BootExecute).
    """
    registry = facts[Registry]
    lost: list[Evidence] = []
    extra: list[Evidence] = []
    unread = Unread()
    for found, part in ((lost, _lost), (extra, _extra)):
        with unread.kept():
            found += part(facts)
    others = [item for item in extra if item.place not in {bad.place for bad in lost}]
    if lost:
        return failed("a program that Windows starts is not there", *lost[:_SHOWN], *others[:_SHOWN])
    if extra:
        return warning("Windows starts other programs than its own", *extra[:_SHOWN])
    unread.tell()
    places = (registry.place(SESSION_MANAGER, "BootExecute"), registry.place(WINLOGON, "Shell"))
    return ok("Windows starts its own programs", *(Evidence(place, "as Windows has it") for place in places))


def _programs(facts: Facts) -> Iterator[tuple[Evidence, str]]:
    """The programs that are to be started, as paths, each with its place."""
    registry = facts[Registry]
    for line in registry.texts(SESSION_MANAGER, "BootExecute"):
        words = line.split()
        name = words[1] if len(words) > 1 and words[0] == "autocheck" else words[0] if words else ""
        if name:
            path = rf"{_SYSTEM}\{name}" + ("" if name.lower().endswith(".exe") else ".exe")
            yield Evidence(registry.place(SESSION_MANAGER, "BootExecute"), line), path
    for name in ("Shell", "Userinit"):
        for line in (_started(facts, name) or "").split(","):
            if text := line.strip().strip('"'):
                path = text if ntpath.splitext(text)[1] else f"{text}.exe"
                folder = r"\Windows" if path.lower() == "explorer.exe" else _SYSTEM
                yield Evidence(registry.place(WINLOGON, name), text), path if "\\" in path else rf"{folder}\{path}"


def _started(facts: Facts, name: str) -> str | None:
    """What a value of Winlogon says; None where it says nothing, "" for Server Core's own shell."""
    text = facts[Registry].text(WINLOGON, name)
    if name == "Shell" and facts[WindowsVersion].installation == "Server Core":
        return "" if not text or text.lower().startswith(_SHELLS_OF_CORE) else text
    return text if text and text.strip(' ,"') else None


def _lost(facts: Facts) -> Iterator[Evidence]:
    for name in ("Shell", "Userinit"):
        if _started(facts, name) is None:
            yield Evidence(facts[Registry].place(WINLOGON, name), "not set")
    for evidence, path in _programs(facts):
        if " " not in path and (flaw := flaw_of_program(facts, path, any_machine=True)):
            yield Evidence(evidence.place, f"{evidence.seen}: {flaw}")


def _extra(facts: Facts) -> Iterator[Evidence]:
    registry = facts[Registry]
    if not registry.texts(SESSION_MANAGER, "BootExecute"):
        yield Evidence(registry.place(SESSION_MANAGER, "BootExecute"), "not set: the disk is not checked at boot")
    for evidence, path in _programs(facts):
        if facts[Guest].normal(path).lower() not in _OWN:
            yield evidence
    for key in registry.subkeys(_OPTIONS):
        if key.name.lower() in _STARTED and (value := key.value("Debugger")) and value.text != "":
            yield Evidence(registry.in_guest(value.place), "another program is started instead")


@rule("windows-system-files-are-there", "The files that Windows cannot start without are there", "windows")
def windows_system_files_are_there(facts: Facts) -> Verdict:
    r"""That they exist and are programs for this machine.

    Why: without any of them Windows stops at boot, or nobody can log on.

    Fix: `sfc /scannow /offbootdir=C:\ /offwindir=C:\Windows` from the recovery console.

    Reads: the heads of files in C:\Windows\System32

    References: Microsoft, Use the System File Checker tool.
    """
    bad = []
    unread = Unread()
    for name in _CRITICAL:
        path = rf"{_SYSTEM}\{name}"
        with unread.kept():
            if flaw := flaw_of_program(facts, path):
                bad.append(Evidence(facts[Guest].place(path), flaw))
    if bad:
        return failed("files of the system are lacking", *bad)
    unread.tell()
    return ok("the files of the system are there", Evidence(facts[Guest].place(_SYSTEM), f"{len(_CRITICAL)} files"))


RULES = (
    windows_starts_its_own_programs,
    windows_system_files_are_there,
)
