"""No fault of Windows hides another: two at once leave each check at least as bad, and both places are still named.

`RIGHTLY` holds the pairs of which one may hide the other, with the reason. Faults that change the same thing are no
pair. Every pair with a check in common is judged, and of the others every twelfth: in the normal run an even sample.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import pytest

from fixtures.windows.hive import Data, Keys
from inspector.report import CheckResult
from inspector.verdict import Status, at_least
from tests.inspector.faults.windows import Fault, store_of
from tests.inspector.test_windows_faults import ALL, good, judged, places
from tests.windows import CONFIG, Changes, golden_storage, hive

pytestmark = pytest.mark.corpus

_STORE: Final = "/Boot/BCD"
_OF_OTHERS: Final = 12
_SAMPLED: Final = 15
_BY_HIVE: Final = {"system": "SYSTEM", "software": "SOFTWARE", "security": "SECURITY"}
_UNPUBLISHED: Final = "inf-file-unpublished package-not-active package-not-in-the-database package-without-version"
_UNTOLD_PACKAGES: Final = (
    f"{_UNPUBLISHED} viostor-unmatched netkvm-unmatched package-that-was-only-staged package-of-another-driver "
    "package-of-a-driver-that-starts-late"
)
_OF_PACKAGES: Final = (
    "no-catalogue catalogue-that-is-none driver-store-cleaned package-not-signed driver-copied-over-another "
    "drivers-of-an-older-build drivers-that-somebody-built drivers-of-an-older-red-hat "
    "drivers-that-are-numbered-otherwise"
)
_OLD: Final = (
    "no-catalogue drivers-of-an-older-build drivers-that-somebody-built drivers-of-an-older-red-hat "
    "drivers-that-are-numbered-otherwise"
)
_OF_IDS: Final = "viostor-for-modern-disks-only viostor-for-transitional-disks-only"
_OF_CARDS: Final = "netkvm-for-transitional-cards-only inf-file-gone newer-date-of-an-older-driver"
RIGHTLY: Final = (
    (_OF_PACKAGES, f"{_UNTOLD_PACKAGES} viostor-uninstalled", "no id leads to the package"),
    (_UNPUBLISHED, "newer-date-of-an-older-driver", "the other package serves the device"),
    (_OLD, "newer-date-of-an-older-driver", "the newer package counts, and is whole"),
    (
        f"{_UNTOLD_PACKAGES} {_OF_PACKAGES} {_OF_IDS} {_OF_CARDS}", "broken-store-of-devices",
        "that hive has packages and ids, too",
    ),
    (
        "disk-switched-off-behind-its-controller", f"{_UNTOLD_PACKAGES} {_OF_IDS}",
        "these take the controller away, for it would lead to the driver",
    ),
    (
        "no-loader another-folder-of-windows loader-of-uefi entry-on-another-disk entry-on-no-partition windows-pe",
        "no-boot-store broken-boot-store entry-on-another-disk entry-on-no-partition loader-of-uefi windows-pe "
        "another-folder-of-windows virtual-disk",
        "an entry is followed up to where it leads nowhere, and all of it is made anew by the one advice",
    ),
    ("no-resume-loader", "no-boot-store broken-boot-store no-resume-entry", "nothing names the loader"),
    ("dhcp-depends-on-nothing", "dhcp-manual dhcp-disabled", "a service that starts by itself is asked what it needs"),
    ("package-of-a-driver-that-starts-late", "netkvm-uninstalled", "it names a service that is not there"),
    ("assistant-without-program", "assistant-uninstalled", "there is no service"),
    ("vminit-without-program", "vminit-uninstalled", "there is no service"),
    ("netkvm-without-file netkvm-for-32-bits", "netkvm-uninstalled", "there is no service"),
    ("cloudbase-init-names-it-too renamed-at-log-on", "vminit-disabled vminit-uninstalled", "one is left alone"),
    ("setup-to-run", "setup-asks", "a Windows that has yet to ask its first questions starts its setup"),
    ("bad-update-to-be-installed", "bad-update-of-2012-r2", "it is another release, with other updates"),
    ("domain-member member-of-a-domain", "domain-controller", "a controller belongs to its domain"),
    ("no-subsystem-in-the-kernel", "no-subsystem", "nothing names the program"),
    ("no-profile-of-new-users", "profiles-on-d", "it is looked for where profiles are made"),
)  # fmt: skip


MENDED: Final = (
    ("pending-operations", "no-store-of-updates"), ("rdp-listener-off", "rdp-off"), ("rdp-drained", "rdp-off"),
    ("disk-switched-off", "broken-store-of-devices"), ("in-safe-mode", "safe-mode-without-a-list"),
    ("driver-of-an-antivirus", "no-driver-of-ntfs"), ("known-driver-as-filter", "filter-of-a-backup"),
    ("broken-store-of-devices", "no-security-hive"), ("remote-not-granted", "remote-denied"),
    ("ipsec-of-a-policy", "ipsec-asked-for"), ("password-kept", "no-security-hive"), ("xen-left", "xen-hides"),
    ("time-client-off", "clock-not-set"), ("debugger-of-sethc", "no-shell"), ("temp-on-d", "path-without-system32"),
    ("no-subsystem-in-the-kernel", "subsystem-not-required"), ("dhcp-for-32-bits", "dhcp-disabled"),
    ("no-package-for-passwords", "package-for-passwords-gone"), ("ikeext-disabled", "interfaces-disabled"),
    ("netkvm-without-file", "netkvm-disabled"), ("viostor-for-modern-disks-only", "viostor-disabled"),
    ("domain-member", "no-security-hive"), ("disk-driver-overridden", "disk-driver-disabled"),
)  # fmt: skip
"""Pairs of which the second one hid the first once."""


def hides(hidden: Fault, hiding: Fault) -> bool:
    return any(hidden.name in first.split() and hiding.name in second.split() for first, second, _ in RIGHTLY)


def are_one(first: Fault, second: Fault) -> bool:
    """Tell whether two faults change the same thing, or are judged by different profiles."""
    return (
        first.profile != second.profile
        or any(overlap(getattr(first, name), getattr(second, name)) for name in _BY_HIVE)
        or bool({*files(first)} & {*files(second)})
        or bool({*first.store} & {*second.store})
        or any({*first.others[it][1]} & {*second.others[it][1]} for it in {*first.others} & {*second.others})
    )


def files(fault: Fault) -> Iterator[str]:
    """The files that a fault changes as a whole; of one with changes in a hive or the store, it is there to change."""
    yield from (*fault.files, *fault.boot)


def changes_of(fault: Fault) -> Iterator[str]:
    """The hives, and the store, that a fault has changes in."""
    yield from (f"{CONFIG}/{title}" for name, title in _BY_HIVE.items() if getattr(fault, name))
    if fault.store or fault.others:
        yield _STORE


def overlap(ours: Keys, theirs: Keys) -> bool:
    return any(
        below(path, other) or below(other, path) if ours[path] is None or theirs[other] is None else same(path, other)
        and not {*(ours[path] or {})}.isdisjoint(theirs[other] or {})
        for path, other in itertools.product(ours, theirs)
    )  # fmt: skip


def below(path: str, parent: str) -> bool:
    return f"{path}\\".lower().startswith(f"{parent}\\".lower())


def same(path: str, other: str) -> bool:
    return path.lower() == other.lower()


def joined(ours: Keys, theirs: Keys) -> Keys:
    found: dict[str, Mapping[str, Data] | None] = dict(ours)
    for path, values in theirs.items():
        found[path] = values if values is None else {**(found.get(path) or {}), **values}
    return found


def both(first: Fault, second: Fault) -> dict[str, CheckResult]:
    """Judge a guest with both faults."""
    others = dict(first.others)
    for name, (kind, elements) in second.others.items():
        others[name] = kind, {**others.get(name, (kind, {}))[1], **elements}
    entry = Fault("", "", Status.OK, "", store={**first.store, **second.store}, others=others)
    system, software, security = (joined(getattr(first, name), getattr(second, name)) for name in _BY_HIVE)
    store: Changes = {_STORE: hive(store_of(entry))} if entry.store or others else {}
    boot = {**store, **first.boot, **second.boot}
    return judged(golden_storage(system, software, {**first.files, **second.files}, boot, security), first.profile)


def pairs() -> list[tuple[Fault, Fault]]:
    every = [pair for pair in itertools.combinations(ALL, 2) if not are_one(*pair)]
    near = [pair for pair in every if share(*pair)]
    return near + [pair for pair in every if not share(*pair)][::_OF_OTHERS]


def share(first: Fault, second: Fault) -> bool:
    return not {*first.checks.split()}.isdisjoint(second.checks.split())


def hidden(first: Fault, second: Fault, *, rightly: bool = False) -> Iterator[str]:
    """What is not said any more of each fault, where the other one is there."""
    found = both(first, second)
    for fault, other in ((first, second), (second, first)):
        if (not rightly and hides(fault, other)) or {*changes_of(fault)} & {*files(other)}:
            continue
        main, *more = fault.checks.split()
        known = good(fault.profile)
        yield from (
            f"{fault.name} beside {other.name}: {name} is {check.status}"
            for name, check in found.items()
            if not at_least(check.status, known[name])
            or (name == main and not at_least(check.status, fault.status))
            or (name in more and check.status is known[name])
        )
        if fault.place not in places(found[main]):
            yield f"{fault.name} beside {other.name}: {fault.place} is not named"


def all_hidden(chosen: Iterable[tuple[Fault, Fault]]) -> list[str]:
    return [line for pair in chosen for line in hidden(*pair)]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_fault_hides_another() -> None:
    every = pairs()
    chosen = [pair for pair in every if {it.name for it in pair} in [{*names} for names in MENDED]]
    assert len(chosen) == len(MENDED)
    chosen += every[::_SAMPLED]
    assert len(chosen) > 100
    assert all_hidden(chosen) == []


@pytest.mark.soak
@pytest.mark.parametrize("part", range(_SAMPLED))
def test_no_fault_hides_another_in_any_pair(part: int) -> None:
    assert all_hidden(pairs()[part::_SAMPLED]) == []


@pytest.mark.soak
def test_every_name_of_the_table_is_needed_there() -> None:
    used: set[tuple[int, str]] = set()
    for first, second in pairs():
        if hides(first, second) or hides(second, first):
            lines = "\n".join(hidden(first, second, rightly=True))
            for fault, other in ((first, second), (second, first)):
                rows = [
                    at
                    for at, row in enumerate(RIGHTLY)
                    if fault.name in row[0].split() and other.name in row[1].split()
                ]
                if f"{fault.name} beside " in lines:
                    used |= {(at, name) for at in rows for name in (fault.name, other.name)}
    wanted = {(at, name) for at, row in enumerate(RIGHTLY) for name in row[0].split()}
    assert wanted - used == set()


def test_every_name_of_the_table_is_that_of_a_fault() -> None:
    names = {name for hidden_ones, hiding, _ in RIGHTLY for name in (*hidden_ones.split(), *hiding.split())}
    assert names <= {fault.name for fault in ALL}
