r"""The Windows boot manager, its store, and the loader that its default entry names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.facts.windows_boot import WindowsBoot, WindowsLoader
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, unknown, warning
from inspector.windows.boot_entries import BootEntries, BrokenEntry, default_entries, stores
from inspector.windows.files import flaw_of_image
from parsers.boot import bcd
from parsers.boot.bcd import BcdElement, BcdObject, BcdStore
from parsers.boot.bcd_device import BcdDevice, BcdDeviceKind
from parsers.place import Place, UnsupportedError
from parsers.source import Source

_INSIDE_A_FILE: Final = frozenset({BcdDeviceKind.RAM_DISK, BcdDeviceKind.FILE, BcdDeviceKind.VIRTUAL_DISK})
_ANOTHER: Final = "starts another system than this one"
_FOLDER: Final = "/windows"
_SAFE_MODES: Final = {0: "minimal", 1: "network", 2: "directory services repair"}


@rule("windows-boot-manager-exists", "The boot manager of Windows lies where the firmware starts it", "windows")
def windows_boot_manager_exists(facts: Facts) -> Verdict:
    r"""Of every kind of firmware that has a partition to start from.

    Why: without \bootmgr or bootmgfw.efi the instance stops before Windows, with a blank screen or a message of the
    firmware.

    Fix: start the installation medium's recovery console and run `bcdboot C:\Windows /s S: /f ALL`, S: being the
    active partition or the EFI system partition (before Windows 8 without /f); where it is compressed, first
    `compact /u /a /f S:\bootmgr`.

    Reads: \bootmgr of the active partition, \EFI\Microsoft\Boot\bootmgfw.efi of the EFI system partition

    References: Microsoft, BCDBoot Command-Line Options; Alibaba Cloud, Detect custom images and repair
    (GUESTOS.BootMgr).
    """
    loaders = facts[WindowsBoot].loaders
    bad = [loader for loader in loaders if loader.manager_flaw]
    if not bad:
        return ok(
            "the boot manager is there", *(Evidence(it.manager, f"boot manager of {it.firmware}") for it in loaders)
        )
    evidence = [Evidence(loader.manager, loader.manager_flaw or "") for loader in bad]
    if any(loader.unread for loader in bad):
        return unknown("the boot manager cannot be read", *evidence)
    if len(bad) < len(loaders):
        return warning("the boot manager of one kind of firmware is lacking, or cannot be started", *evidence)
    return failed("there is no boot manager, or none that can be started", *evidence)


class _Start(NamedTuple):
    """What came of following the default entry of one store."""

    flaw: str | None
    place: Place
    seen: str
    known: bool = True


@rule(
    "windows-bcd-starts-windows",
    "The default entry of the boot store leads to a Windows that is in the image",
    "windows",
)
def windows_bcd_starts_windows(facts: Facts) -> Verdict:
    r"""The entry's partition is in the image, and the loader that it names lies on it, for the right machine.

    The folder of Windows is the one that is there, and so is a kernel or HAL, where the entry names one of its own.

    Why: the boot manager stops with 0xc000000e or 0xc0000225 where the partition or the loader is not found.

    Fix: start the installation medium's recovery console and run `bcdboot C:\Windows /s S: /f ALL`, S: being the
    active partition or the EFI system partition (before Windows 8 without /f).

    Reads: \Boot\BCD or \EFI\Microsoft\Boot\BCD, the partition table, \Windows\System32\winload

    References: Microsoft, BCDBoot Command-Line Options; Boot Configuration Data Reference.
    """
    loaders = facts[WindowsBoot].loaders
    starts = [_follow(facts, loader) for loader in loaders]
    bad = [start for start in starts if start.flaw]
    if not bad:
        return ok("the boot store starts this Windows", *(Evidence(start.place, start.seen) for start in starts))
    evidence = [Evidence(start.place, start.seen) for start in bad]
    message = bad[0].flaw or ""
    if not all(start.known for start in bad):
        return unknown(message, *evidence)
    return warning(message, *evidence) if len(bad) < len(loaders) else failed(message, *evidence)


def _follow(facts: Facts, loader: WindowsLoader) -> _Start:
    store = loader.store
    if store is None:
        absent = loader.store_absent
        what = "there is no boot store" if absent else "the boot store cannot be read"
        return _Start(what, loader.store_place, loader.store_flaw or "", known=loader.store_known)
    entry, entries = store.default, BootEntries(facts[Storage], loader, store)
    if entry is None:
        return _Start("the boot store has no default entry", loader.store_place, entries.damage or "no default entry")
    try:
        start = _started(facts, loader, entries, entry)
    except BrokenEntry as broken:
        return _Start(f"the default entry {broken.flaw}", broken.place, broken.seen, broken.known)
    if entries.damage:
        return _Start("not all of the boot store can be read", loader.store_place, entries.damage, known=False)
    return start


def _started(facts: Facts, loader: WindowsLoader, entries: BootEntries, entry: BcdObject) -> _Start:
    """Return what the default entry starts. Raise `BrokenEntry` where that is not this Windows."""
    place = entries.place(entry.place)
    if not entry.is_os_loader:
        raise BrokenEntry("starts no Windows", place, f"an object of type {entry.type:#x}")
    path, device, system = (entries.element(entry, kind) for kind in (bcd.PATH, bcd.DEVICE, bcd.OS_DEVICE))
    if path is None or device is None:
        raise BrokenEntry("names no loader", place, entries.damage or "no path or device")
    if system is None:
        raise BrokenEntry("names no Windows", place, entries.damage or "no osdevice")
    for element in (device, system):
        if isinstance(element.value, BcdDevice) and element.value.kind in _INSIDE_A_FILE:
            raise BrokenEntry(_ANOTHER, entries.place(element.place), str(element.value))
    mode = entries.element(entry, bcd.WIN_PE)
    if mode is not None and mode.value is not False:
        raise BrokenEntry("starts Windows PE, and not this Windows", entries.place(mode.place), "winpe")
    volume, found = entries.volume(entry, device), entries.volume(entry, system)
    if found is not facts[Guest].mount_of("/").volume:
        raise BrokenEntry(_ANOTHER, place, found.name)
    suffix = ".efi" if loader.firmware == "uefi" else ".exe"
    if not str(path.value).lower().endswith(suffix):
        raise BrokenEntry(f"names no loader for {loader.firmware}", entries.place(path.place), str(path.value))
    _check_folder(facts, entries, entry, found)
    return _program(
        facts, entries.file(volume, str(path.value)), Place(str(path.value), volume=volume.name), loader, path
    )


def _check_folder(facts: Facts, entries: BootEntries, entry: BcdObject, volume: Volume) -> None:
    """Raise `BrokenEntry` unless the folder of Windows is the one there is, and holds a kernel that the entry names."""
    root = entries.element(entry, bcd.SYSTEM_ROOT)
    if root is None:
        raise BrokenEntry("names no folder of Windows", entries.place(entry.place), "no systemroot", known=False)
    if facts[Guest].normal(str(root.value)).lower() != _FOLDER:
        raise BrokenEntry("names another folder of Windows", entries.place(root.place), str(root.value))
    for kind in (bcd.KERNEL, bcd.HAL):
        if element := entries.element(entry, kind):
            entries.file(volume, rf"\Windows\System32\{element.value}")


def _program(facts: Facts, program: Source, place: Place, loader: WindowsLoader, element: BcdElement) -> _Start:
    try:
        flaw = flaw_of_image(facts, program)
    except UnsupportedError as error:
        raise BrokenEntry("names a loader that cannot be read", place, error.message, known=False) from None
    if flaw:
        raise BrokenEntry("names a loader that does not run", place, f"it {flaw}")
    return _Start(None, place, f"the loader of {loader.firmware}, named by {element.place.key}")


def _entries(facts: Facts) -> Iterator[tuple[WindowsLoader, BcdStore, BcdObject]]:
    for loader, store in stores(facts):
        for entry in (store.boot_manager, store.default):
            if entry is not None:
                yield loader, store, entry


def _set(facts: Facts, *types: int) -> list[tuple[BcdElement, str, Place]]:
    """The elements of `types` that hold something else than false, of the boot managers and default entries."""
    found = []
    for loader, store, entry in _entries(facts):
        for kind in types:
            element = store.element(entry, kind)
            if element is not None and element.value is not False:
                found.append((element, entry.name_of(kind), loader.in_store(element.place)))
    return found


def _stores_seen(facts: Facts, seen: str) -> list[Evidence]:
    """Return what was seen of the stores that have a default entry: without one nothing was."""
    return [Evidence(loader.store_place, seen) for loader, _, _ in default_entries(facts)]


@rule("windows-starts-in-normal-mode", "Windows is not told to start in safe mode", "windows")
def windows_starts_in_normal_mode(facts: Facts) -> Verdict:
    r"""The element safeboot of the default entry.

    Why: in safe mode neither the agents of the cloud nor, mostly, the network start.

    Fix: `bcdedit /deletevalue "{default}" safeboot`.

    Reads: the boot store

    References: Microsoft, BCDEdit /set, safeboot; BcdLibrary_SafeBoot enumeration.
    """
    if found := _set(facts, bcd.SAFE_BOOT):
        seen = [
            Evidence(place, f"safeboot: {_SAFE_MODES.get(int(element.value), element.value)}")
            for element, _, place in found
            if isinstance(element.value, int)
        ]
        return failed("Windows starts in safe mode", *seen or [Evidence(found[0][2], "safeboot")])
    return ok("Windows starts in normal mode", *_stores_seen(facts, "no safeboot"))


@rule("windows-checks-signatures-of-drivers", "Windows loads signed drivers only", "windows")
def windows_checks_signatures_of_drivers(facts: Facts) -> Verdict:
    r"""The elements testsigning and nointegritychecks of the default entry.

    Why: with them the kernel loads what anybody signed, or nobody; while Secure Boot is on they cannot be set.

    Fix: `bcdedit /set "{default}" testsigning off` and `bcdedit /deletevalue "{default}" nointegritychecks`.

    Reads: the boot store

    References: Microsoft, The TESTSIGNING Boot Configuration Option.
    """
    if found := _set(facts, bcd.TEST_SIGNING, bcd.NO_INTEGRITY_CHECKS):
        return warning(
            "Windows loads drivers without a trusted signature", *(Evidence(place, name) for _, name, place in found)
        )
    return ok("drivers need a trusted signature", *_stores_seen(facts, "neither testsigning nor nointegritychecks"))


@rule("windows-is-not-debugged", "Windows does not wait for a kernel debugger", "windows")
def windows_is_not_debugged(facts: Facts) -> Verdict:
    r"""The elements debug and bootdebug of the default entry and of the boot manager.

    Why: a kernel that is to be debugged takes the serial port for it, stops at errors, and lets who is connected do
    everything.

    Fix: `bcdedit /debug off`, `bcdedit /bootdebug off` and `bcdedit /bootdebug "{bootmgr}" off`.

    Reads: the boot store

    References: Microsoft, BCDEdit /debug and /bootdebug.
    """
    if found := _set(facts, bcd.DEBUG, bcd.BOOT_DEBUG):
        return warning("a kernel debugger is waited for", *(Evidence(place, name) for _, name, place in found))
    return ok("no kernel debugger is waited for", *_stores_seen(facts, "neither debug nor bootdebug"))


@rule("windows-uses-the-whole-machine", "Windows is not told to leave processors or memory unused", "windows")
def windows_uses_the_whole_machine(facts: Facts) -> Verdict:
    r"""The elements numproc, onecpu, truncatememory and removememory of the default entry.

    Why: an instance has no more processors or memory than were left to the source, whatever it is paid for; with
    little memory it may not start.

    Fix: `bcdedit /deletevalue "{default}" NAME` for the element that is named (in msconfig: Boot, Advanced options).

    Reads: the boot store

    References: Microsoft, BcdOSLoaderElementTypes and BcdLibraryElementTypes enumerations; BCDEdit /set.
    """
    if found := _set(facts, bcd.PROCESSORS, bcd.ONE_PROCESSOR, bcd.TRUNCATE_MEMORY, bcd.REMOVE_MEMORY):
        seen = (Evidence(place, f"{name}: {element.value}") for element, name, place in found)
        return warning("Windows leaves processors or memory unused", *seen)
    return ok("Windows uses all processors and all memory", *_stores_seen(facts, "no limit"))


RULES = (
    windows_bcd_starts_windows,
    windows_boot_manager_exists,
    windows_checks_signatures_of_drivers,
    windows_is_not_debugged,
    windows_starts_in_normal_mode,
    windows_uses_the_whole_machine,
)
