r"""The other entries of the boot store: those of the menu, one that is started once, and recovery."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from inspector.facts import Facts
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, unknown, warning
from inspector.windows.boot_entries import BootEntries, BrokenEntry, default_entries, stores
from parsers.boot import bcd
from parsers.boot.bcd import BcdElement, BcdObject
from parsers.windows.registry import HiveState

_IGNORE_ALL_FAILURES: Final = 1
_PATIENCE: Final = 300
"""Seconds that a menu may wait, ten times as long as by default."""
_POLICIES: Final = {
    0: "displayallfailures", 1: "ignoreallfailures", 2: "ignoreshutdownfailures", 3: "ignorebootfailures",
    4: "ignorecheckpointfailures", 5: "displayshutdownfailures", 6: "displaybootfailures",
    7: "displaycheckpointfailures",
}  # fmt: skip


class _Trails:
    """Where entries lead: evidence of what is there, and of what is wrong, with whether that is certain."""

    def __init__(self) -> None:
        self.good: list[Evidence] = []
        self.broken: list[tuple[Evidence, bool]] = []

    def follow(self, entries: BootEntries, element: BcdElement, names: Iterable[str]) -> None:
        """Follow the entries that an element names."""
        for name in names:
            entry = entries.store.objects.get(name)
            if entry is None:
                self.broken.append((Evidence(entries.place(element.place), f"{name}: there is no such entry"), True))
                continue
            called = _called(entries, entry)
            try:
                self.good.append(Evidence(entries.follow(entry), f"of the entry {called}"))
            except BrokenEntry as broken:
                said = broken.flaw.endswith(broken.seen.removeprefix("it "))
                seen = f"the entry {called} {broken.flaw}" + ("" if said else f": {broken.seen}")
                evidence = Evidence(broken.place, seen)
                self.broken.append((evidence, broken.known))

    def judged(self, good: str, bad: str) -> Verdict:
        """Return the verdict, with what is good as its message, or what is bad."""
        evidence = [item for item, _ in self.broken]
        if not evidence:
            return ok(good, *self.good)
        return warning(bad, *evidence) if all(known for _, known in self.broken) else unknown(bad, *evidence)


def _called(entries: BootEntries, entry: BcdObject) -> str:
    described = entries.element(entry, bcd.DESCRIPTION)
    return repr(str(described.value)) if described else bcd.ALIASES.get(entry.id, entry.id)


@rule("windows-boot-menu-leads-to-systems", "Every entry of the boot menu leads to what is in the image", "windows")
def windows_boot_menu_leads_to_systems(facts: Facts) -> Verdict:
    r"""The entries of displayorder besides the default one, and the resume loader that the default entry names.

    Why: an entry of a disk that was left behind is offered in the menu, and stops with 0xc000000e when it is chosen;
    without its resume loader Windows does not wake from hibernation.

    Fix: `bcdedit /displayorder "{id}" /remove` and `bcdedit /delete "{id}"` with the id that is shown; for the resume
    loader `bcdboot C:\Windows`.

    Reads: the boot store, the partition table, the files that the entries name

    References: Microsoft, Boot Configuration Data Reference (BcdBootMgrElementTypes, BcdOSLoaderElementTypes).
    """
    trails = _Trails()
    for loader, entries, default in default_entries(facts):
        manager = entries.store.boot_manager
        menu = entries.element(manager, bcd.DISPLAY_ORDER) if manager else None
        if manager and menu:
            listed = entries.store.listed(manager, bcd.DISPLAY_ORDER)
            trails.good.append(Evidence(entries.place(menu.place), f"entries: {len(listed)}"))
            trails.follow(entries, menu, [name for name in listed if name != default.id])
        else:
            trails.good.append(Evidence(loader.store_place, "no menu, but the default entry"))
        resume = entries.element(default, bcd.RESUME_OBJECT)
        if resume:
            trails.follow(entries, resume, [str(resume.value)])
    return trails.judged("the entries of the boot menu lead to what is there", "entries of the boot store lead nowhere")


@rule("windows-starts-its-default-entry", "The next start takes the default entry of the boot store", "windows")
def windows_starts_its_default_entry(facts: Facts) -> Verdict:
    r"""The element bootsequence of the boot manager, which is followed once in place of the default entry.

    Why: the first start of every instance takes that entry; where it is the recovery environment or a test of the
    memory, Windows does not come up, and nobody is at the console.

    Fix: `bcdedit /deletevalue "{bootmgr}" bootsequence`.

    Reads: the boot store

    References: Microsoft, BCDEdit /bootsequence; BcdBootMgrElementTypes (BcdBootMgrObjectList_BootSequence).
    """
    others = []
    good = []
    for _, entries, default in default_entries(facts):
        manager = entries.store.boot_manager
        once = entries.element(manager, bcd.BOOT_SEQUENCE) if manager else None
        names = entries.store.listed(manager, bcd.BOOT_SEQUENCE) if manager else ()
        good.append(Evidence(entries.place(default.place), "the entry of the next start"))
        if once and names and names[0] != default.id:
            entry = entries.store.objects.get(names[0])
            seen = _called(entries, entry) if entry else f"{names[0]}, which is not there"
            others.append(Evidence(entries.place(once.place), f"next: {seen}"))
    if others:
        return warning("the next start takes another entry than the default one", *others)
    return ok("the next start takes the default entry", *good)


@rule("windows-boot-waits-for-nobody", "No menu waits for somebody to choose before Windows starts", "windows")
def windows_boot_waits_for_nobody(facts: Facts) -> Verdict:
    r"""The boot menu has a time-out of some minutes at most where it is shown.

    Neither the menu of F8 nor the editor of options is shown.

    Why: an instance has nobody at its console, so that it stays in the menu and is taken for one that does not boot.

    Fix: `bcdedit /timeout 5`; `bcdedit /deletevalue "{globalsettings}" advancedoptions`, or the element and object that
    are named.

    Reads: the boot store

    References: Microsoft, BcdBootMgrElementTypes (Timeout: without it the boot manager waits for the user),
    BcdLibraryElementTypes (DisplayAdvancedOptions, DisplayOptionsEdit).
    """
    waits, good = [], []
    for loader, entries, default in default_entries(facts):
        manager = entries.store.boot_manager or default
        shown = entries.element(manager, bcd.DISPLAY_BOOT_MENU)
        menu = entries.element(manager, bcd.DISPLAY_ORDER)
        timeout = entries.element(manager, bcd.TIMEOUT)
        listed = len(entries.store.listed(manager, bcd.DISPLAY_ORDER))
        if (listed > 1 or _is_on(shown)) and not _is_short(timeout):
            place = (timeout or menu or shown or default).place
            told = f"a timeout of {timeout.value} s" if timeout else "without a timeout"
            waits.append(Evidence(entries.place(place), f"entries: {listed}, {told}"))
        for item in (manager, default):
            for kind in (bcd.ADVANCED_OPTIONS, bcd.OPTIONS_EDIT):
                element = entries.element(item, kind)
                if element and _is_on(element):
                    waits.append(Evidence(entries.place(element.place), item.name_of(kind)))
        seen = "not set" if timeout is None else f"{timeout.value} s"
        good.append(Evidence(loader.store_place, f"entries: {listed}, timeout: {seen}"))
    if waits:
        return warning("a menu waits before Windows starts", *dict.fromkeys(waits))
    return ok("no menu waits before Windows starts", *good)


def _is_short(timeout: BcdElement | None) -> bool:
    return timeout is not None and isinstance(timeout.value, int) and timeout.value <= _PATIENCE


def _is_on(element: BcdElement | None) -> bool:
    return element is not None and element.value is not False


@rule("windows-recovery-is-there", "The recovery environment that the default entry names is there", "windows")
def windows_recovery_is_there(facts: Facts) -> Verdict:
    r"""Its image (Winre.wim) and the SDI file beside it, where recovery is named and not switched off.

    Why: after failed starts the boot manager turns to it, and stops where it is gone.

    Fix: `reagentc /disable` then `reagentc /enable` in Windows, or `bcdedit /deletevalue "{default}" recoverysequence`.

    Reads: the boot store, \Recovery\WindowsRE of the partition that it names

    References: Microsoft, REAgentC command-line options; BcdLibraryElementTypes (RecoverySequence,
    AutoRecoveryEnabled); BcdDeviceObjectElementTypes (SdiDevice, SdiPath).
    """
    trails = _Trails()
    for _, entries, default in default_entries(facts):
        sequence = entries.element(default, bcd.RECOVERY_SEQUENCE)
        enabled = entries.element(default, bcd.RECOVERY_ENABLED)
        names = entries.store.listed(default, bcd.RECOVERY_SEQUENCE)
        if sequence is None or not names:
            trails.good.append(Evidence(entries.place(default.place), "no recovery is named"))
        elif enabled is not None and enabled.value is False:
            trails.good.append(Evidence(entries.place(enabled.place), "recoveryenabled: no"))
        else:
            trails.follow(entries, sequence, names)
    bad = "the recovery environment is not where the default entry looks for it"
    return trails.judged("recovery is there, or is not used", bad)


@rule("windows-starts-again-after-a-failure", "After a failed start Windows is started again, not recovery", "windows")
def windows_starts_again_after_a_failure(facts: Facts) -> Verdict:
    r"""The elements recoveryenabled and bootstatuspolicy of the default entry.

    Why: after two failed starts, or a reset, the boot manager shows a menu or starts the recovery environment, and
    waits for somebody at the console, who is not there in a cloud.

    Fix: `bcdedit /set "{default}" recoveryenabled no` and
    `bcdedit /set "{default}" bootstatuspolicy ignoreallfailures`.

    Reads: the boot store

    References: Microsoft, "Prepare a Windows VHD or VHDX to upload to Azure"; BCDEdit /set; BcdOSLoaderElementTypes.
    """
    found = []
    good = []
    for _, entries, default in default_entries(facts):
        enabled = entries.element(default, bcd.RECOVERY_ENABLED)
        policy = entries.element(default, bcd.BOOT_STATUS_POLICY)
        off = enabled is not None and enabled.value is False
        ignored = policy is not None and policy.value == _IGNORE_ALL_FAILURES
        seen = [
            _setting(entries, default, enabled, "recoveryenabled", "yes" if enabled else "not set"),
            _setting(entries, default, policy, "bootstatuspolicy", _policy(policy)),
        ]
        found += [item for item, good_one in zip(seen, (off, ignored), strict=True) if not good_one]
        good.append(Evidence(entries.place(default.place), "recoveryenabled: no, bootstatuspolicy: ignoreallfailures"))
    if found:
        return warning("after a failed start recovery may be started", *found)
    return ok("Windows is started again after a failure", *good)


def _setting(entries: BootEntries, entry: BcdObject, element: BcdElement | None, name: str, value: str) -> Evidence:
    return Evidence(entries.place(element.place if element else entry.place), f"{name}: {value}")


def _policy(element: BcdElement | None) -> str:
    return "not set" if element is None else _POLICIES.get(int(str(element.value)), str(element.value))


@rule("windows-boot-store-is-written-completely", "The last write to the boot store was completed", "windows")
def windows_boot_store_is_written_completely(facts: Facts) -> Verdict:
    r"""The two sequence numbers of the store's base block are equal; else the logs beside it hold what is lacking.

    What the other rules say of such a store is said of it with its logs replayed.

    Why: the image was taken while Windows ran; the boot manager reads what its own replay of the logs comes to.

    Fix: shut Windows down (`shutdown /s /t 0`), and take the image then; or run `bcdboot C:\Windows`.

    Reads: \Boot\BCD or \EFI\Microsoft\Boot\BCD, and the logs (.LOG, .LOG1, .LOG2) beside it

    References: M. Suhanov, Windows registry file format specification, dirty hives.
    """
    states = [(loader.store_place, store.state) for loader, store in stores(facts, whole=False)]
    evidence = [Evidence(place, str(state)) for place, state in states]
    if replayed := [item for item in evidence if item.seen == HiveState.REPLAYED]:
        return warning("the last write to the boot store was not completed; its logs have the rest", *replayed)
    return ok("the boot store was written to its end", *evidence)


RULES = (
    windows_boot_menu_leads_to_systems,
    windows_boot_store_is_written_completely,
    windows_boot_waits_for_nobody,
    windows_recovery_is_there,
    windows_starts_again_after_a_failure,
    windows_starts_its_default_entry,
)
