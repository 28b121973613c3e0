"""What the file systems lie on: volume groups, arrays, encrypted volumes, and the disks under them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from inspector.disks.device import resolve
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, Mount
from inspector.linux.mount_source import MountSource, is_mandatory, mount_source
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, paths_of, unknown, warning
from parsers.linux.crypttab import Crypttab, CrypttabEntry
from parsers.linux.fstab import Fstab, FstabEntry
from parsers.place import Place

SYSTEM_PATHS: Final = frozenset({
    "/", "/bin", "/boot", "/boot/efi", "/efi", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/var",
})  # fmt: skip
"""Where the files lie without which the guest does not come up."""
_LVM: Final = "LVM2_member"
_MD: Final = "linux_raid_member"
_ENCRYPTED: Final = frozenset({"crypto_LUKS", "BitLocker"})
_MAX_EVIDENCE: Final = 20


@rule("volume-groups-are-complete", "Every physical volume of the volume groups is in the image")
def volume_groups_are_complete(facts: Facts) -> Verdict:
    """A group that nothing is mounted from may lack some: that is a warning.

    Why: LVM activates no volume that lies on a missing disk, and at boot no group at all that is not complete.

    Fix: add the disk that is missing (`--guest DISK DISK`), or move what lies on it (`pvmove`) and take it out of the
    group with `vgreduce`; `vgreduce --removemissing` where nothing of it is wanted any more.

    Reads: the labels and metadata of all physical volumes, /etc/fstab.

    References: lvm(8), vgreduce(8)
    """
    storage = facts[Storage]
    groups = storage.stack.groups
    unread = [_unread(volume) for volume in storage.volumes if volume.type == _LVM and volume.holder is None]
    if not groups and not unread:
        raise NotApplicable("the image has no volume groups")
    short = {group.name: [volume.name for volume in group.volumes] for group in groups if group.missing}
    seen = [
        Evidence(Place(group.name), f"physical volume {name} wanted, not found or not in use")
        for group in groups
        for name in group.missing
    ][:_MAX_EVIDENCE]
    if short:
        return _incomplete("physical volumes are missing", seen, facts, short)
    if unread:
        return unknown("physical volumes cannot be read", *unread[:_MAX_EVIDENCE])
    found = (Evidence(Place(group.name), f"{len(group.members)} physical volumes, all found") for group in groups)
    return ok("every volume group is complete", *found)


@rule("arrays-are-complete", "Every member of the md arrays is in the image")
def arrays_are_complete(facts: Facts) -> Verdict:
    """An array that can do without the missing member, or that nothing is mounted from, is a warning.

    Why: an array with too few members does not start; one that has just enough is one fault away from that, and may
    wait half a minute at each boot.

    Fix: add the disks that are missing (`--guest DISK DISK`); or make an array of the members that are left:
    `mdadm --grow --force --raid-devices=1` for a mirror.

    Reads: the superblocks of all members, /etc/fstab.

    References: md(4), mdadm(8)
    """
    storage = facts[Storage]
    members = [volume for volume in storage.volumes if volume.type == _MD]
    if not members:
        raise NotApplicable("the image has no arrays")
    short = [_unread(volume) for volume in members if volume.name in storage.stack.short]
    if short:
        return _incomplete("arrays lack members that they cannot do without", short[:_MAX_EVIDENCE], facts, {})
    arrays = storage.stack.arrays
    degraded = [
        Evidence(Place(array.name), f"{array.level} of {array.legs} members, {array.missing} missing")
        for array in arrays
        if array.missing
    ]
    if degraded:
        return warning(f"{paths_of(degraded)} without all members", *degraded[:_MAX_EVIDENCE])
    if unread := [_unread(volume) for volume in members if volume.holder is None]:
        return unknown("arrays cannot be read", *unread[:_MAX_EVIDENCE])
    return ok("every array is complete", *(Evidence(Place(a.name), f"{a.level} of {a.legs} members") for a in arrays))


def _incomplete(message: str, seen: list[Evidence], facts: Facts, short: Mapping[str, list[str]]) -> Verdict:
    """FAILED where the guest needs what is not complete, or nobody can tell; `short` are the volumes on it."""
    what = f"{paths_of(seen)}: {message}"
    try:
        needed = _needed(facts)
    except UnknownFact as reason:
        return failed(what, *seen, *(Evidence(place, reason.reason) for place in reason.places[:1]))
    lost = {name for names in short.values() for name in names}
    if any(volume is None or volume.name in lost for volume in needed):
        return failed(what, *seen)
    return warning(f"{what}, which nothing is mounted from that the guest needs", *seen)


def _needed(facts: Facts) -> list[Volume | None]:
    """The volumes without which the guest does not boot; None for one that cannot be found."""
    needed = [facts[Guest].mount_of("/").volume]
    for entry in facts[Fstab].entries:
        if mount_source(entry) is MountSource.DEVICE and is_mandatory(entry) and not entry.is_swap:
            needed.append(_volume(entry.device, facts))
    return needed


def _volume(device: str, facts: Facts) -> Volume | None:
    try:
        return resolve(device, facts[Storage].volumes)
    except UnknownFact:
        return None


@rule("volume-metadata-is-sound", "The metadata of LVM and md agree, and none is damaged")
def volume_metadata_is_sound(facts: Facts) -> Verdict:
    """Missing members are another rule's.

    Why: of copies that differ one is wrong; LVM and md refuse what is damaged, or start with an older state.

    Fix: for LVM run `vgck --updatemetadata`, or `vgcfgrestore` with a copy of /etc/lvm/backup; for md assemble the
    array once, wait until it has recovered, and stop it.

    Reads: the metadata of all physical volumes and members.

    References: vgck(8), vgcfgrestore(8), md(4)
    """
    storage = facts[Storage]
    if not any(volume.type in {_LVM, _MD} for volume in storage.volumes):
        raise NotApplicable("the image has neither volume groups nor arrays")
    lacking = {group.name for group in storage.stack.groups if group.missing}
    lacking |= {member for array in storage.stack.arrays if array.missing for member in array.members}
    problems = [problem for problem in storage.stack.problems if problem.place.path not in lacking]
    problems = [problem for problem in problems if problem.place.path not in storage.stack.short]
    if problems:
        seen = list(map(Evidence.of, problems[:_MAX_EVIDENCE]))
        return warning(f"flaws in the metadata of {paths_of(seen)}", *seen)
    held = [volume for volume in storage.volumes if volume.type in {_LVM, _MD} and volume.holder is not None]
    if not held:
        raise UnknownFact("the metadata of volumes cannot be read")
    return ok("the metadata of volumes are sound", *(_seen(volume, f"read as {volume.type}") for volume in held))


@rule("root-lies-on-one-disk", "The root file system lies on one disk", os="any")
def root_lies_on_one_disk(facts: Facts) -> Verdict:
    """All that its volume group, array or btrfs lies on counts, be it the same in each place.

    Why: an instance boots from one system disk; a root that needs a second disk is not found.

    Fix: move the root onto the first disk: `pvmove` and `vgreduce` for LVM, `btrfs device remove` for btrfs, a copy for
    an array.

    Reads: the partition tables, the metadata of volumes, and which volume holds the root.

    References: the vendor's specification of Linux images
    """
    storage = facts[Storage]
    root = facts[Guest].mount_of("/").volume
    disks = storage.disks_under(root) if root else ()
    if root is None or not disks:
        raise UnknownFact("the disk of the root file system is not known")
    seen = [Evidence(disk.place, f"{root.name} lies on it") for disk in disks]
    if len(disks) > 1:
        return failed(f"the root lies on {len(disks)} disks", *seen)
    return ok("the root lies on one disk", *seen)


@rule("system-volumes-are-not-encrypted", "Nothing that the system needs is encrypted", os="any")
def system_volumes_are_not_encrypted(facts: Facts) -> Verdict:
    """An encrypted volume that the guest opens by itself for its data is no matter.

    Why: nobody is at the console of an instance to enter a passphrase, so that the boot waits for ever; nor can an
    importer look into the volume.

    Fix: decrypt the volume (`cryptsetup reencrypt --decrypt`, `manage-bde -off`), and use the cloud's own encryption
    of disks instead; add noauto to its line in /etc/crypttab where the boot can do without it.

    Reads: the signatures of all volumes, /etc/crypttab, /etc/fstab.

    References: crypttab(5), cryptsetup(8)
    """
    volumes = facts[Storage].volumes
    encrypted = [volume for volume in volumes if volume.type in _ENCRYPTED]
    sealed = [_seen(volume, f"{volume.type}, encrypted") for volume in encrypted][:_MAX_EVIDENCE]
    try:
        guest = facts[Guest]
    except UnknownFact:
        others = [volume for volume in volumes if volume.reason and volume not in encrypted]
        if not encrypted or others:
            raise
        return failed("no system is found beside what is encrypted", *sealed)
    if not encrypted:
        return ok("no volume is encrypted", Evidence(guest.place("/"), "the root file system was read"))
    under = [item for mount in _system_mounts(facts) if mount.volume for item in facts[Storage].under(mount.volume)]
    if any(volume in under for volume in encrypted):
        return failed("the system lies on an encrypted volume", *sealed)
    return _beside_encrypted(encrypted, sealed, facts)


def _beside_encrypted(encrypted: list[Volume], sealed: list[Evidence], facts: Facts) -> Verdict:
    opened = {
        f"/dev/mapper/{entry.name}": entry
        for entry in facts[Crypttab].entries
        if _volume(entry.device, facts) in encrypted
    }
    asking = [entry for entry in opened.values() if entry.key is None and not entry.has("noauto", "nofail")]
    if asking:
        return failed("the boot waits for a passphrase", *map(_crypttab_line, asking))
    lines = [entry for entry in facts[Fstab].entries if (entry.mount_point.rstrip("/") or "/") in SYSTEM_PATHS]
    bad = [entry for entry in lines if entry.device in opened]
    if bad:
        return failed("the system lies on an encrypted volume", *map(_fstab_line, bad), *sealed)
    dark = [entry for entry in lines if mount_source(entry) is MountSource.DEVICE and _is_hidden(entry.device, facts)]
    if dark:
        return unknown("part of the system may lie on an encrypted volume", *map(_fstab_line, dark), *sealed)
    return ok("nothing that the system needs is encrypted", *sealed)


def _is_hidden(device: str, facts: Facts) -> bool:
    try:
        resolve(device, facts[Storage].volumes)
    except UnknownFact:
        return True
    return False


@rule("system-volumes-are-not-logical", "The system lies on partitions, not on logical volumes")
def system_volumes_are_not_logical(facts: Facts) -> Verdict:
    """Why: the cloud does not enlarge a logical volume with its disk, and what sets a new instance up may not find it.

    Fix: install the system on a plain partition, the root last; or enlarge the volume by hand in each instance
    (`growpart`, `pvresize`, `lvextend -r -l +100%FREE`).

    Reads: the metadata of volumes, /etc/fstab.

    References: the vendor's specification of Linux images, "Disk partitioning"; its tool of 2018 fails LVM
    """
    storage = facts[Storage]
    pairs = [(mount, mount.volume) for mount in _system_mounts(facts) if mount.volume]
    if not pairs:
        raise UnknownFact("the volume of the root file system is not known")
    seen = {mount.path: Evidence(Place(mount.path, volume=volume.name), volume.name) for mount, volume in pairs}
    logical = [seen[mount.path] for mount, volume in pairs if _is_logical(volume, storage)]
    if logical:
        return warning(f"on logical volumes: {paths_of(logical)}", *logical)
    return ok("the system lies on no logical volume", *seen.values())


def _system_mounts(facts: Facts) -> list[Mount]:
    return [mount for mount in facts[Guest].mounts if mount.path in SYSTEM_PATHS]


def _is_logical(volume: Volume, storage: Storage) -> bool:
    return any(volume.name == logical.name for group in storage.stack.groups for logical in group.volumes)


def _unread(volume: Volume) -> Evidence:
    return _seen(volume, volume.flaw or f"{volume.type} is not read")


def _seen(volume: Volume, seen: str) -> Evidence:
    return Evidence(Place(volume.name, volume=volume.name), seen)


def _fstab_line(entry: FstabEntry) -> Evidence:
    return Evidence(entry.place, f"{entry.device} {entry.mount_point} {entry.kind}")


def _crypttab_line(entry: CrypttabEntry) -> Evidence:
    return Evidence(entry.place, f"{entry.name} {entry.device}, without a key file")


RULES = (
    arrays_are_complete,
    root_lies_on_one_disk,
    system_volumes_are_not_encrypted,
    system_volumes_are_not_logical,
    volume_groups_are_complete,
    volume_metadata_is_sound,
)
