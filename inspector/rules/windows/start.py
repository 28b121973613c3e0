r"""What Windows finds when it starts: no hibernation, its own programs, its files, a place for memory.

Source: Microsoft's documentation of `BootExecute`, of Winlogon's `Shell` and `Userinit`, of `Image File Execution
Options`, of `PagingFiles` and of fast startup ("Distinguishing Fast Startup from Wake-from-Hibernation").
"""

from __future__ import annotations

import ntpath
from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from inspector.windows.files import flaw_of_program
from inspector.windows.registry import CURRENT_VERSION, SESSION_MANAGER, WINLOGON, Registry

_OPTIONS: Final = rf"{CURRENT_VERSION}\Image File Execution Options"
_POWER: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Power"
_HIBERNATION: Final = r"\hiberfil.sys"
_ANY_DRIVE: Final = "?:"
_VARIABLE: Final = "%systemdrive%"
_HIBERNATED: Final = frozenset({b"hibr", b"HIBR", b"rstr", b"RSTR", b"HORM"})
"""How hiberfil.sys begins while it holds a session; the last one wakes from the same one again and again."""
_RESUMED: Final = frozenset({b"", b"wake", b"WAKE", bytes(4)})
"""How it begins when the session was resumed, or there never was one."""
_OWN: Final = frozenset({"/windows/system32/autochk.exe", "/windows/explorer.exe", "/windows/system32/userinit.exe"})
_SHELLS_OF_CORE: Final = ("explorer.exe", "cmd.exe")
"""What Winlogon's `Shell` is on Server Core: its prompt up to 2008 R2, and later what `AlternateShells` outweighs."""
_SYSTEM: Final = r"\Windows\System32"
_CRITICAL: Final = (
    "ntoskrnl.exe", "smss.exe", "csrss.exe", "wininit.exe", "winlogon.exe", "services.exe", "lsass.exe", "svchost.exe",
    "userinit.exe", "ntdll.dll", "kernel32.dll", "hal.dll", "ci.dll", "cmd.exe", "reg.exe",
)  # fmt: skip
_STARTED: Final = frozenset(
    {*_CRITICAL, "explorer.exe", "logonui.exe", "utilman.exe", "sethc.exe", "osk.exe", "taskmgr.exe", "autochk.exe"}
)
_WITHOUT_DESKTOP: Final = frozenset({"Server Core", "Nano Server"})
_PUBLIC_DESKTOP: Final = r"\Users\Public\Desktop\desktop.ini"
_SHOWN: Final = 16


@rule("windows-is-not-hibernated", "Windows was shut down, not hibernated", "windows")
def windows_is_not_hibernated(facts: Facts) -> Verdict:
    r"""The head of hiberfil.sys, and whether the next shutdown hibernates the kernel (fast startup).

    Fast startup needs hibernation, and that its file; without them its own switch, on by default, says nothing.

    Why: the memory of another machine would be woken on this one, with its drivers; the file system is not whole while
    it sleeps, and whoever writes to it destroys it.

    Fix: start Windows, `powercfg /h off`, and `shutdown /s /t 0`.

    Reads: C:\hiberfil.sys, Control\Session Manager\Power, Control\Power

    References: Microsoft, Distinguishing Fast Startup from Wake-from-Hibernation; Volatility Foundation, Hiber Address
    Space (the file's first bytes); J. Sylve and others, Modern Windows hibernation file analysis (zeros since
    Windows 8).
    """
    guest, registry = facts[Guest], facts[Registry]
    place = guest.place(_HIBERNATION)
    try:
        source = guest.open(_HIBERNATION)
    except NotFound:
        return ok("Windows was shut down, and has no file to hibernate into", Evidence(place, "does not exist"))
    head = source.read_at(0, min(4, source.size))
    if head in _HIBERNATED:
        return failed("Windows is hibernated", Evidence(place, f"begins with {head.decode('ascii')}"))
    seen = Evidence(place, f"begins with {head.hex(' ')}")
    if head not in _RESUMED:
        return unknown("whether Windows is hibernated cannot be told by the head of its file", seen)
    power = rf"{SESSION_MANAGER}\Power"
    if not (fast := registry.number(power, "HiberbootEnabled")):
        return ok("Windows was shut down", seen)
    evidence = Evidence(registry.place(power, "HiberbootEnabled"), str(fast))
    if registry.number(_POWER, "HibernateEnabled") == 0:  # as powercfg /h off leaves it, and machines that cannot sleep
        off = Evidence(registry.place(_POWER, "HibernateEnabled"), "0")
        return ok("Windows was shut down, and cannot hibernate", seen, off)
    return warning("fast startup is on: each shutdown hibernates the kernel", evidence, seen)


@rule("windows-starts-its-own-programs", "Windows starts its own programs at boot and at log-on", "windows")
def windows_starts_its_own_programs(facts: Facts) -> Verdict:
    r"""What the session manager and Winlogon start, and debuggers that are put before programs of the system.

    Why: a program that is not there leaves the machine at a black screen; another one runs with every right before
    anybody logs on.

    Fix: set BootExecute to `autocheck autochk *`, Shell to explorer.exe, Userinit to
    `C:\Windows\system32\userinit.exe,`, and delete the value Debugger that is named.

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


@rule("windows-pages-to-the-system-drive", "Windows has a page file on its system drive", "windows")
def windows_pages_to_the_system_drive(facts: Facts) -> Verdict:
    r"""The value PagingFiles; `?:` lets Windows choose.

    Why: a drive that the instance does not have gives no page file; without one Windows writes no dump when it stops,
    and runs out of memory early.

    Fix: let Windows manage the page file (System Properties, Performance), which is PagingFiles with
    `?:\pagefile.sys` alone.

    Reads: Session Manager\Memory Management\PagingFiles

    References: Microsoft, Introduction to the page file; the hives of real machines (`?:\pagefile.sys`).
    """
    registry = facts[Registry]
    path = rf"{SESSION_MANAGER}\Memory Management"
    files = [text for text in registry.texts(path, "PagingFiles") if text.strip()]
    place = registry.place(path, "PagingFiles")
    if not files:
        return warning("there is no page file", Evidence(place, "empty"))
    if other := [text for text in files if not _is_on_system_drive(facts[Guest], text)]:
        return warning("a page file lies on another drive", *(Evidence(place, text) for text in other))
    return ok("the page file lies on the system drive", *(Evidence(place, text) for text in files))


def _is_on_system_drive(guest: Guest, text: str) -> bool:
    """Tell whether a page file lies on the system drive, or where Windows chooses."""
    drive = text.removeprefix("\\??\\")[:2]
    return drive == _ANY_DRIVE or text.lower().startswith(_VARIABLE) or guest.normal(drive) == "/"


@rule("windows-desktop-settings-are-there", "The settings of the common desktop are there", "windows")
def windows_desktop_settings_are_there(facts: Facts) -> Verdict:
    r"""The file desktop.ini of the desktop that all users share.

    The vendor does not say which of these files it looks for; this is the one that does not belong to a user.

    Why: without it the desktop has another name and icon than Windows gives it; the vendor's console reports it.

    Fix: copy the file from another machine with the same release, and set its attributes system and hidden.

    Reads: C:\Users\Public\Desktop\desktop.ini

    References: Alibaba Cloud, Detect custom images and repair (GUESTOS.DesktopConfig).
    """
    if facts[WindowsVersion].installation in _WITHOUT_DESKTOP:
        raise NotApplicable("this installation has no desktop")
    place = facts[Guest].place(_PUBLIC_DESKTOP)
    if facts[Guest].is_file(_PUBLIC_DESKTOP):
        return ok("the settings of the common desktop are there", Evidence(place, "there"))
    return warning("the settings of the common desktop are lacking", Evidence(place, "does not exist"))


RULES = (
    windows_desktop_settings_are_there,
    windows_is_not_hibernated,
    windows_pages_to_the_system_drive,
    windows_starts_its_own_programs,
    windows_system_files_are_there,
)
