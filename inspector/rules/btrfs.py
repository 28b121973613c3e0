"""btrfs: the kernel mounts the subvolume that holds the system, fstab names what is there, no device is missing."""

from __future__ import annotations

from inspector.disks.device import resolve
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.guest import Guest
from inspector.linux.mount_source import MountSource, is_mandatory, mount_source
from inspector.roots.subvolumes import Selection, select, selection, subvolume_of
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from parsers.filesystem.subvolume import Subvolume, Subvolumed, has_subvolumes
from parsers.linux.fstab import Fstab, FstabEntry
from parsers.place import ParseError, Place


def _root(facts: Facts) -> tuple[Subvolumed, str]:
    """The subvolume of the root, and what a person calls it."""
    mount = facts[Guest].mount_of("/")
    if mount.tree is None or not has_subvolumes(mount.tree):
        raise NotApplicable("the file system of the root has no subvolumes")
    return mount.tree, f"/{mount.subvolume}" if mount.subvolume is not None else f"subvolume {mount.tree.subvolume}"


def _path(tree: Subvolumed) -> str:
    found = subvolume_of(tree)
    return f"/{found.path}" if found and found.path is not None else f"subvolume {tree.subvolume}"


@rule("kernel-mounts-the-root-subvolume", "The kernel arguments mount the subvolume that holds the system")
def kernel_mounts_the_root_subvolume(facts: Facts) -> Verdict:
    """Without rootflags=subvol= or subvolid= the kernel mounts the default subvolume, which is the top level at first.

    Why: in another subvolume the kernel finds no init, or an old one, and the boot stops, or goes back in time.

    Fix: take a wrong `rootflags=` out of GRUB_CMDLINE_LINUX in /etc/default/grub and run `update-grub`
    (`grub2-mkconfig -o /boot/grub2/grub.cfg`), which adds the subvolume that is mounted; where entries have arguments
    of their own, name it with `grubby --update-kernel=ALL --args=rootflags=subvol=...`; or run
    `btrfs subvolume set-default` with the path of the root's subvolume.

    Reads: the kernel arguments of the default entry, the subvolumes of the root's file system.

    References: btrfs(5), subvol and subvolid
    """
    tree, name = _root(facts)
    kernel = facts[DefaultKernel]
    wanted = selection((kernel.value("rootflags") or "").strip('"').split(","))
    given = str(wanted)
    here = Evidence(kernel.place, f"rootflags={given}" if given else "no rootflags=subvol=")
    try:
        booted = select(tree, wanted)
    except ParseError as error:
        return failed(f"the kernel cannot mount its root: {error.message}", here)
    if booted.subvolume == tree.subvolume:
        return ok(f"the kernel mounts {name}", here)
    found = _path(booted) if given else f"the default subvolume, {_path(booted)},"
    return failed(f"the kernel mounts {found} but the system lies in {name}", here)


@rule("root-subvolume-is-writable", "The subvolume of the root can be written to")
def root_subvolume_is_writable(facts: Facts) -> Verdict:
    """A root that fstab mounts read-only besides is meant to be so, which root-is-mounted-to-be-used tells.

    Why: in a read-only snapshot no log, no key and no address can be written, and most services fail.

    Fix: run `btrfs property set -ts / ro false`, or boot the subvolume that the snapshot was taken of.

    Reads: the subvolumes of the root's file system, /etc/fstab.

    References: btrfs-property(8), btrfs-subvolume(8)
    """
    tree, name = _root(facts)
    found = subvolume_of(tree)
    place = facts[Guest].place("/")
    if found is None:
        return unknown(f"nothing is known of {name}", Evidence(place, name))
    seen = Evidence(place, f"{name}: ro={'true' if found.read_only else 'false'}{_origin(found)}")
    if not found.read_only:
        return ok(f"{name} can be written to", seen)
    entry = facts[Fstab].at("/")
    if entry and entry.has("ro") and not entry.has("rw"):
        raise NotApplicable("fstab mounts the root read-only as well")
    return failed(f"{name} is read-only", seen)


def _origin(subvolume: Subvolume) -> str:
    return f", a snapshot of {subvolume.parent_uuid}" if subvolume.parent_uuid else ""


@rule("fstab-subvolumes-exist", "Every subvolume that fstab mounts is there")
def fstab_subvolumes_exist(facts: Facts) -> Verdict:
    """For / the kernel arguments decide; there a wrong subvolume is a warning, since it is passed over at a remount.

    Why: mounting a subvolume that is not there fails, and the boot stops in emergency mode.

    Fix: correct subvol= and subvolid= (`btrfs subvolume list /` shows both), leave subvolid= out, or add nofail where
    the mount is optional.

    Reads: /etc/fstab, the subvolumes of the file systems.

    References: btrfs(5), subvol and subvolid
    """
    bad: list[Evidence] = []
    poor: list[Evidence] = []
    dark: list[Evidence] = []
    good: list[Evidence] = []
    for entry in facts[Fstab].entries:
        wanted = selection(entry.options)
        if not str(wanted) or mount_source(entry) is not MountSource.DEVICE:
            continue
        seen = f"{entry.device} {entry.mount_point} {wanted}"
        try:
            flaw = _flaw(entry, wanted, facts)
        except UnknownFact as reason:
            dark.append(Evidence(entry.place, f"{seen}: {reason.reason}"))
            continue
        if flaw is None:
            good.append(Evidence(entry.place, seen))
        else:
            mild = entry.mount_point == "/" or not is_mandatory(entry)
            (poor if mild else bad).append(Evidence(entry.place, f"{seen}: {flaw}"))
    if bad:
        return failed(f"mounts of subvolumes that fail: {len(bad)}", *bad, *poor, *dark)
    if poor:
        return warning(f"lines that name the wrong subvolume: {len(poor)}", *poor, *dark)
    if dark:
        return unknown(f"lines that could not be judged: {len(dark)}", *dark)
    if not good:
        raise NotApplicable("fstab names no subvolume")
    return ok("every subvolume is there", *good)


def _flaw(entry: FstabEntry, wanted: Selection, facts: Facts) -> str | None:
    """Say what is wrong with the subvolume of an entry; None where nothing is, or where another rule says it."""
    volume = resolve(entry.device, facts[Storage].volumes)
    if volume is None:
        return None
    tree = volume.tree
    if tree is None:
        raise UnknownFact(f"{volume.name} cannot be read: {volume.reason or 'it holds no files'}")
    if not has_subvolumes(tree):
        return f"{volume.name} holds {volume.type}, which has no subvolumes" if entry.mount_point != "/" else None
    try:
        found = select(tree, wanted)
    except ParseError as error:
        return error.message
    root = facts[Guest].mount_of("/")
    if entry.mount_point != "/" or root.volume is not volume or root.tree is None or not has_subvolumes(root.tree):
        return None
    same = found.subvolume == root.tree.subvolume
    return None if same else f"the system lies in {_path(root.tree)}"


@rule("btrfs-devices-are-complete", "Every device of the btrfs file systems is in the image")
def btrfs_devices_are_complete(facts: Facts) -> Verdict:
    """What the guest does without, or mounts with the option degraded, is a warning.

    Why: a file system of which a device is missing is not mounted, be it a mirror, and the boot stops.

    Fix: add the disk that is missing (`--guest DISK DISK`), or take it out of the file system with `btrfs device
    remove`, after `btrfs balance start -dconvert=single -mconvert=dup` where the profile wants as many.

    Reads: the chunk tree, /etc/fstab, the kernel arguments of the default entry.

    References: btrfs(5), degraded; btrfs-device(8)
    """
    bad: list[Evidence] = []
    poor: list[Evidence] = []
    dark: list[Evidence] = []
    good: list[Evidence] = []
    for volume in facts[Storage].volumes:
        if volume.type != "btrfs" or volume.holder is not None:
            continue
        place = Place(volume.name, volume=volume.name)
        if volume.tree is None:
            dark.append(Evidence(place, volume.reason or "it is not read"))
        elif not has_subvolumes(volume.tree) or not (missing := volume.tree.missing_devices):
            good.append(Evidence(place, f"devices: {1 + len(volume.others)}"))
        else:
            (bad if _needs_all(volume, facts) else poor).extend(
                Evidence(place, f"{name} is missing") for name in missing
            )
    if bad:
        return failed("a file system that the guest needs is not complete", *bad, *poor, *dark)
    if poor:
        return warning("a file system is not complete", *poor, *dark)
    if dark:
        return unknown("whether every device is there is not known", *dark)
    if not good:
        raise NotApplicable("the image has no btrfs")
    return ok("every file system has its devices", *good)


def _needs_all(volume: Volume, facts: Facts) -> bool:
    """Tell whether the boot stops where the file system cannot be mounted with all its devices."""
    if facts[Guest].mount_of("/").volume is volume:
        return "degraded" not in (facts[DefaultKernel].value("rootflags") or "").strip('"').split(",")
    entries = [entry for entry in facts[Fstab].entries if mount_source(entry) is MountSource.DEVICE]
    return any(
        is_mandatory(entry) and not entry.has("degraded") and resolve(entry.device, facts[Storage].volumes) is volume
        for entry in entries
    )


RULES = (
    kernel_mounts_the_root_subvolume,
    root_subvolume_is_writable,
    fstab_subvolumes_exist,
    btrfs_devices_are_complete,
)
