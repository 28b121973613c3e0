"""Rules about fstab: the mounts without which the guest does not come up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from inspector.disks.device import another, is_kernel_name, resolve
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.services import Services
from inspector.guest import Guest
from inspector.linux.mount_source import (
    MountSource,
    is_mandatory,
    is_removable,
    may_be_directory,
    mount_source,
)
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from parsers.linux.crypttab import Crypttab
from parsers.linux.fstab import Fstab, FstabEntry
from parsers.place import Place

_NO_MOUNT_POINT: Final = frozenset({"none", "swap"})
_SAME_DRIVER: Final = frozenset({("ext4", "ext3"), ("ext4", "ext2"), ("msdos", "vfat"), ("ntfs3", "ntfs")})
"""Types in fstab, and what lies on the device, that mount all the same."""
_PRIORITY: Final = re.compile(r"-?[0-9]*")
_DISCARD: Final = re.compile(r"|once|pages")
_ACCESS: Final = frozenset({"ro", "rw"})
_ANY_KIND: Final = frozenset({"auto", "none"})


def _seen(entry: FstabEntry) -> str:
    options = ",".join(entry.options) or "defaults"
    return f"{entry.device} {entry.mount_point} {entry.kind} {options}"


def _evidence(entry: FstabEntry, found: str | None = None) -> Evidence:
    return Evidence(entry.place, f"{_seen(entry)}: {found}" if found else _seen(entry))


def _all_read(fstab: Fstab) -> Evidence:
    return Evidence(Place(fstab.path), _entries(len(fstab.entries)))


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _verdict(bad: list[Evidence], poor: list[Evidence], dark: list[Evidence], good: str, fstab: Fstab) -> Verdict:
    """The worst of what was found; what could not be known counts only where nothing known is wrong."""
    if not fstab.entries:
        raise NotApplicable(f"{fstab.path} has no entries")
    if bad:
        return failed(f"{len(bad)} of {_entries(len(fstab.entries))} cannot be mounted", *bad, *poor, *dark)
    if poor:
        return warning(f"{len(poor)} of {_entries(len(fstab.entries))} may fail in the cloud", *poor, *dark)
    if dark:
        return unknown(f"{len(dark)} of {_entries(len(fstab.entries))} could not be judged", *dark)
    return ok(good, _all_read(fstab))


@rule("fstab-parses", "Every line of fstab can be read")
def fstab_parses(facts: Facts) -> Verdict:
    """Why: mount(8) and swapon(8) pass over a line that they cannot read, so that what the guest needs is missing.

    Fix: give each line its device, mount point and type, and numbers in fields 5 and 6; put notes on lines of their
    own that begin with #. For swap space, pri= takes a number, discard= once or pages.
    Reads: /etc/fstab
    References: fstab(5), swapon(8)
    """
    fstab = facts[Fstab]
    flaws = list(map(Evidence.of, fstab.problems))
    flaws += [_evidence(entry, flaw) for entry in fstab.entries if entry.is_swap and (flaw := _swap_flaw(entry))]
    if flaws:
        return failed(f"{len(flaws)} {'thing is' if len(flaws) == 1 else 'things are'} wrong in {fstab.path}", *flaws)
    return ok("every line can be read", _all_read(fstab))


def _swap_flaw(entry: FstabEntry) -> str | None:
    """Say which option of swap space swapon(8) cannot read; of two of a name it reads the first."""
    wanted = {"pri": (_PRIORITY, "a priority"), "discard": (_DISCARD, "once or pages")}
    given = {name: value for name, _, value in (option.partition("=") for option in reversed(entry.options))}
    for name, (pattern, meaning) in wanted.items():
        if not pattern.fullmatch(given.get(name, "")):
            return f"{meaning} wanted after {name}=, {given[name][:80]} found"
    return None


@rule("fstab-mount-points-are-absolute", "Every mount point is an absolute path")
def fstab_mount_points_are_absolute(facts: Facts) -> Verdict:
    """Why: a relative mount point is refused, and the file system is not mounted.

    Fix: begin the second field with a slash; write none there for swap space, or for what noauto never mounts.
    Reads: /etc/fstab
    References: fstab(5), mount(8)
    """
    fstab = facts[Fstab]
    bad = [
        _evidence(entry)
        for entry in fstab.entries
        if not (entry.mount_point.startswith("/") or entry.is_swap)
        if not (entry.mount_point in _NO_MOUNT_POINT and entry.has("noauto"))
    ]
    return _verdict(bad, [], [], "every mount point is an absolute path", fstab)


@rule("fstab-devices-exist", "Every device of fstab is in the image")
def fstab_devices_exist(facts: Facts) -> Verdict:
    """Why: systemd waits 90 seconds for a device that is missing and then stops in emergency mode.

    Fix: correct the UUID or the name, or add nofail where the mount is optional, or take the line out.
    Reads: /etc/fstab, the superblocks and the partition table
    References: systemd.mount(5)
    """
    fstab = facts[Fstab]
    bad: list[Evidence] = []
    poor: list[Evidence] = []
    dark: list[Evidence] = []
    for entry in fstab.entries:
        try:
            missing = _missing(entry, facts)
        except UnknownFact as reason:
            dark.append(_evidence(entry, reason.reason))
            continue
        if missing and entry.is_swap:
            poor += [] if entry.has("nofail", "noauto") else [_evidence(entry, missing)]
        elif missing:
            (bad if is_mandatory(entry) else poor).append(_evidence(entry, missing))
    return _verdict(bad, poor, dark, "every device is in the image", fstab)


def _missing(entry: FstabEntry, facts: Facts) -> str | None:
    """Say what is missing for an entry, or None. Network and virtual file systems need no device."""
    source = mount_source(entry)
    if source is MountSource.PATH:
        if facts[Guest].is_dir(entry.device) and not may_be_directory(entry):
            return "a device or a file wanted, a directory found, which only bind mounts"
        return None if facts[Guest].exists(entry.device) else "the guest has no such file or directory"
    if source is not MountSource.DEVICE or is_removable(entry):
        return None
    return None if resolve(entry.device, facts[Storage].volumes) else "no volume of the image is called so"


@rule("fstab-devices-have-stable-names", "fstab names no device in the kernel's order of discovery")
def fstab_devices_have_stable_names(facts: Facts) -> Verdict:
    """Why: a name such as /dev/sda1 depends on the driver and on the order of the disks, which differ in the cloud.

    Fix: write UUID= and the file system's UUID instead of the name.
    Reads: /etc/fstab
    References: fstab(5)
    """
    fstab = facts[Fstab]
    poor = [_evidence(entry) for entry in fstab.entries if is_kernel_name(entry.device)]
    return _verdict([], poor, [], "no device is named by the order of discovery", fstab)


def _resolved(facts: Facts) -> Iterator[tuple[FstabEntry, Volume | None, str | None]]:
    """Each entry of a device with its volume, or with the reason why that is not known; absent ones are left out."""
    for entry in facts[Fstab].entries:
        if mount_source(entry) is not MountSource.DEVICE:
            continue
        try:
            volume = resolve(entry.device, facts[Storage].volumes)
        except UnknownFact as reason:
            yield entry, None, reason.reason
            continue
        if volume is not None:
            yield entry, volume, None


@rule("fstab-types-match", "The type in fstab is that of the file system on the device")
def fstab_types_match(facts: Facts) -> Verdict:
    """Why: mounting with the wrong type fails. The root is an exception: what mounts it first may ignore the type.

    Fix: write the type that the file system has into the third field, or auto.
    Reads: /etc/fstab, the superblocks
    References: fstab(5), mount(8)
    """
    fstab = facts[Fstab]
    bad: list[Evidence] = []
    poor: list[Evidence] = []
    dark: list[Evidence] = []
    for entry, volume, reason in _resolved(facts):
        kinds = set(entry.kind.split(","))
        if reason or volume is None:
            dark.append(_evidence(entry, reason))
        elif volume.type is None:
            dark.append(_evidence(entry, f"{volume.name} holds no file system that was recognised"))
        elif not kinds & _ANY_KIND and not _mounts_as(kinds, volume.type):
            mild = entry.is_swap or entry.mount_point == "/" or not is_mandatory(entry)
            (poor if mild else bad).append(_evidence(entry, f"{volume.name} holds {volume.type}"))
    return _verdict(bad, poor, dark, "every type is that of its file system", fstab)


def _mounts_as(kinds: set[str], found: str) -> bool:
    return found in kinds or any((kind, found) in _SAME_DRIVER for kind in kinds) or f"{found}-3g" in kinds


@rule("fstab-mount-points-exist", "Every mount point is a directory")
def fstab_mount_points_exist(facts: Facts) -> Verdict:
    """Why: mount(8) fails where the directory is missing. systemd makes it, if what lies beneath can be written to.

    Fix: make the directory.
    Reads: /etc/fstab, the directories
    References: systemd.mount(5), Where=
    """
    fstab = facts[Fstab]
    bad: list[Evidence] = []
    poor: list[Evidence] = []
    dark: list[Evidence] = []
    for entry in fstab.entries:
        if not entry.mount_point.startswith("/") or entry.is_swap or entry.has("noauto"):
            continue
        try:
            found = _what_is_there(entry.mount_point, facts[Guest])
        except UnknownFact as reason:
            dark.append(_evidence(entry, reason.reason))
            continue
        if found is None:
            continue
        mild = not is_mandatory(entry) or (found == _NOTHING and facts[Services].manager == "systemd")
        (poor if mild else bad).append(_evidence(entry, f"a directory wanted, {found} found"))
    return _verdict(bad, poor, dark, "every mount point is there", fstab)


_NOTHING: Final = "nothing"


def _what_is_there(point: str, guest: Guest) -> str | None:
    """Look beneath the mount itself; None where there is a directory. Virtual folders are made by the kernel."""
    point = point.rstrip("/") or "/"
    if point == "/" or point.startswith(("/proc/", "/sys/", "/dev/", "/run/")):
        return None
    beneath = Guest([mount for mount in guest.mounts if mount.path != point and not mount.path.startswith(f"{point}/")])
    if beneath.is_dir(point):
        return None
    return "something else" if beneath.exists(point) else _NOTHING


@rule("fstab-mount-points-are-unique", "No two lines of fstab mount on one directory")
def fstab_mount_points_are_unique(facts: Facts) -> Verdict:
    """Why: the later mount hides the earlier one, and systemd takes only one of them.

    Fix: take one of the lines out, or add noauto to it.
    Reads: /etc/fstab
    References: systemd-fstab-generator(8)
    """
    fstab = facts[Fstab]
    first: dict[str, FstabEntry] = {}
    bad: list[Evidence] = []
    for entry in fstab.entries:
        point = entry.mount_point.rstrip("/") or "/"
        if not entry.mount_point.startswith("/") or entry.is_swap or entry.has("noauto"):
            continue
        earlier = first.setdefault(point, entry)
        if earlier is not entry:
            bad.append(_evidence(entry, f"line {earlier.place.line} mounts there too"))
    return _verdict(bad, [], [], "every mount point occurs once", fstab)


@rule("fstab-names-root", "fstab mounts the root file system at /")
def fstab_names_root(facts: Facts) -> Verdict:
    """No line is needed where the kernel's argument `rw` has the root mounted to be written to, as Arch's images do.

    Why: without a line for /, or with a wrong one, the root stays read-only or is not checked, or the boot stops.

    Fix: add a line with the UUID of the root file system, the mount point / and its type.
    Reads: /etc/fstab, the superblocks, the boot entry
    References: fstab(5), systemd-remount-fs.service(8)
    """
    fstab = facts[Fstab]
    entry = fstab.at("/")
    if entry is None:
        return _without_root(fstab, facts)
    volume = resolve(entry.device, facts[Storage].volumes) if mount_source(entry) is MountSource.DEVICE else None
    root = next(mount.volume for mount in facts[Guest].mounts if mount.path == "/")
    if volume is None or root is None:
        raise NotApplicable("the device of / is not a volume of the image, which fstab-devices-exist reports")
    if volume.name != root.name:
        return failed("/ is another volume", _evidence(entry, f"{root.name} wanted, {volume.name} found"))
    return ok("/ is the root file system", _evidence(entry, volume.name))


def _without_root(fstab: Fstab, facts: Facts) -> Verdict:
    seen = Evidence(Place(fstab.path), "a line for / wanted, none found")
    kernel = facts[DefaultKernel]
    root = kernel.value("root")
    if root and resolve(root, facts[Storage].volumes):
        if next((word for word in reversed(kernel.arguments) if word in _ACCESS), "ro") == "rw":
            return ok("the kernel mounts / to be written to", seen, Evidence(kernel.place, f"root={root} rw"))
        return warning(
            "no line mounts /, the kernel's arguments alone do", seen, Evidence(kernel.place, f"root={root}")
        )
    return failed("no line mounts /", seen, Evidence(kernel.place, f"root={root}" if root else "no root= found"))


@rule("fstab-network-mounts-wait", "Every network mount waits for the network")
def fstab_network_mounts_wait(facts: Facts) -> Verdict:
    """Why: a share of another machine, or of the hypervisor, is out of reach in the cloud, and the boot waits for it.

    Fix: add _netdev or nofail to the options, or take the line out.
    Reads: /etc/fstab
    References: mount(8), _netdev
    """
    fstab = facts[Fstab]
    shares = [entry for entry in fstab.entries if mount_source(entry) is MountSource.NETWORK]
    poor = [_evidence(entry) for entry in shares if is_mandatory(entry)]
    return _verdict([], poor, [], "no network mount holds up the boot", fstab)


@rule("fstab-devices-are-unambiguous", "No two volumes carry a name that fstab uses")
def fstab_devices_are_unambiguous(facts: Facts) -> Verdict:
    """Why: of two volumes with one UUID or label either may be mounted; XFS refuses the second one altogether.

    Fix: give the copy another UUID or label (tune2fs -U random, xfs_admin -U generate), or take it out of the image.
    Reads: /etc/fstab, the superblocks
    References: blkid(8), xfs_admin(8)
    """
    fstab = facts[Fstab]
    volumes = facts[Storage].volumes
    poor: list[Evidence] = []
    for entry, volume, _ in _resolved(facts):
        if volume is None or is_kernel_name(entry.device):
            continue
        second = another(entry.device, volume, volumes)
        if second is not None:
            poor.append(_evidence(entry, f"{volume.name} and {second.name} are both called so"))
    return _verdict([], poor, [], "every name belongs to one volume", fstab)


@rule("crypttab-devices-exist", "Every encrypted device of crypttab is in the image")
def crypttab_devices_exist(facts: Facts) -> Verdict:
    """Why: the boot waits for an encrypted device that is missing, and what is mounted from it fails.

    Fix: correct the device, add nofail where it is optional, or take the line out.
    Reads: /etc/crypttab, the superblocks and the partition table
    References: crypttab(5)
    """
    crypttab = facts[Crypttab]
    if not crypttab.entries and not crypttab.problems:
        raise NotApplicable("no encrypted devices are set up")
    bad = list(map(Evidence.of, crypttab.problems))
    poor: list[Evidence] = []
    dark: list[Evidence] = []
    for entry in crypttab.entries:
        try:
            found = resolve(entry.device, facts[Storage].volumes) or facts[Guest].is_file(entry.device)
        except UnknownFact as reason:
            dark.append(Evidence(entry.place, f"{entry.name} {entry.device}: {reason.reason}"))
            continue
        if not found:
            optional = entry.has("nofail", "noauto")
            (poor if optional else bad).append(Evidence(entry.place, f"{entry.name} {entry.device}"))
    if bad:
        return failed(f"{len(bad)} of {_entries(len(crypttab.entries))} cannot be opened", *bad, *poor)
    if poor:
        return warning(f"{len(poor)} optional devices are not in the image", *poor)
    if dark:
        return unknown(f"devices that could not be judged: {len(dark)}", *dark)
    return ok(
        "every encrypted device is in the image", Evidence(Place("/etc/crypttab"), _entries(len(crypttab.entries)))
    )


RULES = (
    fstab_parses,
    fstab_mount_points_are_absolute,
    fstab_devices_exist,
    fstab_devices_have_stable_names,
    fstab_types_match,
    fstab_mount_points_exist,
    fstab_mount_points_are_unique,
    fstab_names_root,
    fstab_network_mounts_wait,
    fstab_devices_are_unambiguous,
    crypttab_devices_exist,
)
