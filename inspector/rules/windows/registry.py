r"""The hives of the machine: that they are there, hold what Windows starts with, and were written to their end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, NotFound
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.registry import CONFIG, Registry
from parsers.place import ParseError, Place, UnsupportedError
from parsers.windows.lsa_policy import ACCOUNTS
from parsers.windows.registry import HiveState

_ESSENTIAL: Final = {
    "SYSTEM": ("Select", r"{control set}\Control", r"{control set}\Services", r"{control set}\Enum"),
    "SOFTWARE": (
        r"Microsoft\Windows NT\CurrentVersion",
        r"Microsoft\Windows\CurrentVersion\Component Based Servicing",
    ),
    "SAM": (r"SAM\Domains\Account\Users",),
    "SECURITY": ("Policy", *(rf"{ACCOUNTS}\{sid}" for sid in ("S-1-5-6", "S-1-5-19", "S-1-5-20"))),
    "DEFAULT": (),
}
"""Hives that Windows loads at boot, and keys without which it stops, starts no services or lets nobody log on."""
_SMALL: Final = 1 << 20
"""Bytes of a hive that is looked at as a whole."""
_EVERYONE: Final = rf"HKLM\SECURITY\{ACCOUNTS}\S-1-1-0"
"""Rights that Windows gives, and some guides to harden it take away."""
_OTHERS: Final = ("COMPONENTS", "DRIVERS")
"""Hives that are loaded when they are needed, for updates and devices; the first may be lacking after Sysprep."""


@rule("windows-hives-load", "The hives of the machine are there and hold what Windows starts with", "windows")
def windows_hives_load(facts: Facts) -> Verdict:
    r"""SYSTEM, SOFTWARE, SAM, SECURITY and DEFAULT; of each the base block and the keys that everything else needs.

    Those are the devices that were found (`Enum`), the store of updates, the accounts, and the rights of services and
    of the accounts that services run as. Each begins with a bin and ends where its base block says; of a large one what
    lies between is looked at as far as it is asked for. COMPONENTS and DRIVERS, where they are there, are hives, and
    everyone has rights.

    Why: without SYSTEM the loader stops with 0xc000014c, without the others the session manager stops (0xc0000218), or
    nobody can log on; without its rights no service starts, and without the store no update or role is installed.

    Fix: copy the hive that is named from a backup, System Restore or, before Windows 10 1803, from
    System32\config\RegBack, over the broken one.

    Reads: System32\config

    References: Microsoft, Registry Hives; Alibaba Cloud, Detect custom images and repair (GUESTOS.Registry); the SYSTEM
    and SECURITY hives of real machines.
    """
    registry = facts[Registry]
    good: list[Evidence] = []
    bad: list[Evidence] = []
    for name, keys in _ESSENTIAL.items():
        place = facts[Guest].place(rf"{CONFIG}\{name}")
        try:
            facts[Guest].open(place.path)  # what cannot be read of the volume is not known: it raises
            hive = registry.hive(name)
            hive.check_ends(_SMALL)
            lacking = [path for key in keys if hive.key(path := _path(registry, key)) is None]
        except NotFound:
            bad.append(Evidence(place, "does not exist"))
        except UnsupportedError:
            raise
        except ParseError as error:
            bad.append(Evidence.of(error))
        else:
            bad += [Evidence(registry.in_guest(Place(place.path, key=key)), "no such key") for key in lacking]
            good.append(Evidence(registry.in_guest(place), f"a hive of version 1.{hive.base.minor}, {hive.state}"))
    unread = Unread()
    broken: list[Evidence] = []
    for part in (_without_rights, _broken):
        with unread.kept():
            broken += part(registry)
    if bad:
        return failed("a hive of the machine is lacking, broken, or without what it has to hold", *bad, *broken)
    unread.tell()
    if broken:
        return warning("hives lack what updates, devices or users need", *broken)
    return ok("the hives load", *good)


def _without_rights(registry: Registry) -> Iterator[Evidence]:
    if registry.key(_EVERYONE) is None:
        yield Evidence(registry.place(_EVERYONE), "no such key")


def _broken(registry: Registry) -> Iterator[Evidence]:
    for name in _OTHERS:
        try:
            registry.hive(name)
        except NotFound:
            continue
        except UnsupportedError:
            raise
        except ParseError as error:
            yield Evidence.of(error)


def _path(registry: Registry, key: str) -> str:
    """Return the path of a key. Raise `ParseError` where no control set is named, without which nothing starts."""
    if "{" not in key:
        return key
    try:
        return key.replace("{control set}", registry.control_set)
    except UnknownFact as error:
        raise ParseError(error.places[0], error.reason) from None


@rule("windows-hives-are-small-enough", "No hive of the machine has grown beyond what is usual", "windows")
def windows_hives_are_small_enough(facts: Facts, *, largest_mib: int) -> Verdict:
    r"""The sizes of the files SYSTEM, SOFTWARE, SAM, SECURITY and DEFAULT.

    Why: a hive that a program fills without end is loaded slowly at first, and at last not at all: the loader needs
    memory for SYSTEM before Windows has any to give.

    Fix: find the key that grows (`inspector reg -R`), mend or uninstall its program, and write the hive anew without
    its gaps: from the recovery console `reg load HKLM\X FILE`, `reg save HKLM\X NEW` and `reg unload HKLM\X`, then put
    NEW in the place of FILE.

    Reads: the sizes of the files in System32\config

    References: Alibaba Cloud, Detect custom images and repair (GUESTOS.Registry); Microsoft, Registry storage space.
    """
    registry, guest = facts[Registry], facts[Guest]
    sizes = {registry.hive(name).name: guest.open(rf"{CONFIG}\{name}").size for name in _ESSENTIAL}
    seen = {
        name: Evidence(registry.in_guest(Place(name)), f"up to {(size >> 20) + 1} MiB") for name, size in sizes.items()
    }
    if large := [seen[name] for name, size in sizes.items() if size > largest_mib << 20]:
        return warning(f"a hive is larger than {largest_mib} MiB", *large)
    return ok("the hives are small enough", *seen.values())


@rule("windows-hives-are-written-completely", "The last write to each hive was completed", "windows")
def windows_hives_are_written_completely(facts: Facts) -> Verdict:
    r"""The two sequence numbers of the base block are equal; else the logs beside the hive hold what is lacking.

    What the other rules say of such a hive is said of it with its logs replayed, as Windows replays them at boot.

    Why: the image was taken while Windows ran, or was cut off; a hive whose logs were lost is as old as its file.

    Fix: shut Windows down (`shutdown /s /t 0`, not with fast startup), and take the image then.

    Reads: System32\config and the logs (.LOG1, .LOG2) beside the hives

    References: M. Suhanov, Windows registry file format specification, dirty hives.
    """
    registry = facts[Registry]
    hives = {name: registry.hive(name) for name in ("SYSTEM", "SOFTWARE", "SAM", "SECURITY")}
    seen = {name: Evidence(registry.in_guest(Place(hive.name)), str(hive.state)) for name, hive in hives.items()}
    if dirty := [seen[name] for name, hive in hives.items() if hive.state is HiveState.REPLAYED]:
        return warning("the last write to a hive was not completed; its logs have the rest", *dirty)
    return ok("the hives were written to their end", *seen.values())


@rule("windows-control-set-is-good", "The control set that Windows starts with is there and did not fail", "windows")
def windows_control_set_is_good(facts: Facts) -> Verdict:
    r"""`Select` names one control set that is there, as `Default` and `Current`, and none as `Failed`.

    `LastKnownGood` may name another: Windows 7 keeps a copy of the set that the last log-on proved good.

    Why: without it the loader stops; a start that failed leaves Windows on an older set, with older drivers.

    Fix: set `Select\Current` and `Select\Default` to a control set that is there, and start Windows once.

    Reads: SYSTEM\Select

    References: Microsoft, KB 102984: ControlSet\Select Subkey Entries; a real hive.
    """
    registry = facts[Registry]
    path = r"HKLM\SYSTEM\Select"
    name = registry.control_set
    default, current = (Evidence(registry.place(path, value), name) for value in ("Default", "Current"))
    if registry.key(rf"HKLM\SYSTEM\{name}") is None:
        return failed(f"{name} is not there", default)
    number = registry.number(path, "Current")
    if f"ControlSet{number or 0:03}" != name:
        last = Evidence(registry.place(path, "Current"), str(number))
        return warning("the next start takes another control set than the last one", default, last)
    if number := registry.number(path, "Failed"):
        return warning("a start with another control set failed", Evidence(registry.place(path, "Failed"), str(number)))
    return ok(f"{name} is current", current)


RULES = (
    windows_control_set_is_good,
    windows_hives_are_small_enough,
    windows_hives_are_written_completely,
    windows_hives_load,
)
