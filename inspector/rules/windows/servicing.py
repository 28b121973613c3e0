r"""What Windows has left to do at its next start: updates that are half installed, files to rename, a new name.

Source: Microsoft's documentation, "CBS Servicing States Chart" (the states of packages: 0x60 is to be installed, 0x05
to be taken away, 0x65 installed in part; 0x50 is no more than superseded), "Windows startup issues" and "How to fix
Windows Update errors" (pending.xml, PendingXmlIdentifier in the hive COMPONENTS), MoveFileExW
(PendingFileRenameOperations), SetComputerNameExW (the new name takes effect with the next start). Left out is the key
ActiveComputerName, which is made anew at each start and is in no hive.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_packages import PackageState, ServicingPackages
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.registry import SERVICING, SESSION_MANAGER, Registry
from inspector.windows.services import TCPIP

_UPDATE: Final = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
_PENDING: Final = r"\Windows\WinSxS\pending.xml"
_COMPONENTS: Final = r"HKLM\COMPONENTS"
_QUEUE: Final = "PendingXmlIdentifier"
_SHOWN: Final = 16


@rule("windows-no-update-is-under-way", "No update of Windows is half installed or waits for a restart", "windows")
def windows_no_update_is_under_way(facts: Facts) -> Verdict:
    r"""What the servicing stack, Windows Update and the session manager have left to do at the next start.

    Why: an update that was interrupted is finished or taken back at the first boot of every copy, which takes many
    minutes, and may end in a loop; drivers that the import adds get in its way.

    Fix: restart Windows until nothing is pending, shut it down, and take the image then.

    Reads: Component Based Servicing with the states of its packages, WindowsUpdate\Auto Update, Session Manager,
    C:\Windows\WinSxS\pending.xml, the hive COMPONENTS where there is one

    References: Microsoft, CBS Servicing States Chart; Windows startup issues; Alibaba Cloud, Detect custom images and
    repair (GUESTOS.Update).
    """
    registry = facts[Registry]
    begun: list[Evidence] = []
    waiting: list[Evidence] = []
    in_part: list[Evidence] = []
    unread = Unread()
    parts = ((begun, _begun), (waiting, _pending), (waiting, _waiting), (waiting, _queued), (in_part, _partial))
    for found, part in parts:
        with unread.kept():
            found += islice(part(facts), _SHOWN)
    if begun:
        return failed("an update is half installed", *begun, *waiting, *in_part)
    if waiting:
        return warning("Windows waits for a restart", *waiting, *in_part)
    if in_part:
        return warning("updates are installed in part", *in_part)
    if registry.key(SERVICING) is None:
        raise UnknownFact("the state of the updates is not told", registry.place(SERVICING))
    unread.tell()
    packages = facts[ServicingPackages]
    seen = f"none is pending, of updates: {len(packages.updates)}"
    return ok(
        "no update is under way",
        Evidence(registry.place(SERVICING), "nothing pending"),
        Evidence(packages.place, seen),
    )


def _pending(facts: Facts) -> Iterator[Evidence]:
    """The updates that the next start is to install, or to take away."""
    yield from (Evidence(it.place, it.shown) for it in facts[ServicingPackages].updates if it.is_pending)


def _partial(facts: Facts) -> Iterator[Evidence]:
    for package in facts[ServicingPackages].updates:
        if package.state == PackageState.PARTIALLY_INSTALLED:
            yield Evidence(package.place, package.shown)


def _begun(facts: Facts) -> Iterator[Evidence]:
    """What the next start has to finish."""
    guest, registry = facts[Guest], facts[Registry]
    if guest.is_file(_PENDING):
        yield Evidence(guest.place(_PENDING), "operations that the next start has to do")
    if registry.key(rf"{SERVICING}\RebootInProgress") is not None:
        yield Evidence(registry.place(rf"{SERVICING}\RebootInProgress"), "there")
    if registry.number(rf"{SERVICING}\SessionsPending", "Exclusive"):
        yield Evidence(registry.place(rf"{SERVICING}\SessionsPending", "Exclusive"), "a session is under way")


def _waiting(facts: Facts) -> Iterator[Evidence]:
    """What only wants a restart."""
    registry = facts[Registry]
    for path in (rf"{SERVICING}\RebootPending", rf"{SERVICING}\PackagesPending", rf"{_UPDATE}\RebootRequired"):
        if registry.key(path) is not None:
            yield Evidence(registry.place(path), "there")
    yield from _renamed(registry)


def _queued(facts: Facts) -> Iterator[Evidence]:
    """What the component store has in its queue."""
    registry = facts[Registry]
    try:
        queued = registry.value(_COMPONENTS, _QUEUE)
    except NotFound:  # a generalised Windows may have no such hive
        return
    if queued is not None:
        yield Evidence(registry.place(_COMPONENTS, _QUEUE), "operations wait for the next start")


def _renamed(registry: Registry) -> Iterator[Evidence]:
    """The files that the session manager is to rename or to delete: pairs of names, the second empty to delete."""
    for name in ("PendingFileRenameOperations", "PendingFileRenameOperations2"):
        value = registry.value(SESSION_MANAGER, name)
        texts = registry.wanted(value.all_texts, "a list of texts", value) if value else ()
        place = registry.place(SESSION_MANAGER, name)
        for old, new in zip(texts[::2], (*texts[1::2], ""), strict=False):
            if old or new:
                yield Evidence(place, f"to be renamed: {old} to {new}" if new else f"to be deleted: {old}")


@rule("windows-bears-its-last-name", "Windows bears the name that it was last given", "windows")
def windows_bears_its_last_name(facts: Facts) -> Verdict:
    r"""The name that is in use and the one that the next start takes.

    Why: the first boot of a copy takes the name of the source, and restarts for it or stays with the old one, while the
    cloud's initialiser gives another.

    Fix: restart Windows once more, shut it down, and take the image then.

    Reads: Services\Tcpip\Parameters, the values Hostname and NV Hostname

    References: Microsoft, SetComputerNameExW.
    """
    registry = facts[Registry]
    now, then = (registry.text(TCPIP, name) for name in ("Hostname", "NV Hostname"))
    if not now or not then:
        lacking = "NV Hostname" if now else "Hostname"
        raise UnknownFact("the name of the machine is not told", registry.place(TCPIP, lacking))
    seen = Evidence(registry.place(TCPIP, "NV Hostname"), then)
    if now.lower() != then.lower():
        return warning("the next start takes another name", seen, Evidence(registry.place(TCPIP, "Hostname"), now))
    return ok("no other name waits for the next start", seen, Evidence(registry.place(TCPIP, "Hostname"), now))


RULES = (windows_bears_its_last_name, windows_no_update_is_under_way)
