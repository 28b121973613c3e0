"""Rules on the state of the file systems of the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, Mount
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, paths_of, unknown, warning
from parsers.filesystem.tree import SelfReporting, SizeStating, Tree
from parsers.place import Place, Problem

_MAX_EVIDENCE: Final = 20


@rule("file-systems-without-recorded-errors", "No file system has errors on record", os="any")
def file_systems_without_recorded_errors(facts: Facts) -> Verdict:
    """Why: an error that the kernel recorded was not repaired since; many guests then mount read-only or stop in fsck.

    Fix: repair the file system in the image, unmounted (e2fsck -f, xfs_repair; chkdsk /f for NTFS), and import it
    again.
    Reads: the superblocks: state, error count, first and last error; the journal's error; the flags of NTFS' $Volume.
    References: e2fsck(8), tune2fs(8), xfs_repair(8)
    """
    opened, silent = _trees(facts)
    errors = [_evidence(problem, volume) for volume, tree in opened for problem in _recorded(tree)]
    if errors:
        return failed(f"errors on record: {paths_of(errors)}", *errors[:_MAX_EVIDENCE])
    return _good("no errors are on record", "no errors on record", opened, silent)


@rule("file-systems-cleanly-unmounted", "No journal waits to be replayed", os="any")
def file_systems_cleanly_unmounted(facts: Facts) -> Verdict:
    """Why: the image was taken from a guest that ran or crashed: files are torn, and the first boot has to recover.

    Fix: shut the guest down before its disk is copied; or replay the journal (e2fsck -p for ext4; XFS and btrfs replay
    theirs when they are mounted), and import it again. A Windows that sleeps is shut down whole by shutdown /s /t 0,
    and neither hibernates nor starts fast after powercfg /h off.
    Reads: the superblocks: the flag needs_recovery; without a journal the state "clean". A frozen snapshot lacks
    that state, yet needs no recovery, and is good. Of NTFS, the restart pages of $LogFile, and hiberfil.sys.
    References: e2fsck(8), xfs_repair(8), btrfs-check(8)
    """
    opened, silent = _trees(facts)
    unclean = []
    for volume, tree in opened:
        if isinstance(tree, SelfReporting) and tree.unclean:
            unclean.append(_evidence(tree.unclean, volume))
        elif tree.unreplayed_journal:
            unclean.append(Evidence(_place(volume), "the journal has to be replayed first"))
    if unclean:
        return warning(f"not unmounted cleanly: {paths_of(unclean)}", *unclean)
    return _good("every file system was unmounted cleanly", "no journal to be replayed", opened, silent)


@rule("file-systems-consistent", "Nothing that was read contradicts its checksum or its structure", os="any")
def file_systems_consistent(facts: Facts) -> Verdict:
    """Why: metadata that are damaged lose files, and the guest's kernel stops using them, or mounts read-only.

    Fix: repair the file system in the image, unmounted (e2fsck -f, xfs_repair, btrfs check; chkdsk /f for NTFS), and
    import it again.
    Reads: what the other rules read; no full check is made.
    References: e2fsck(8), xfs_repair(8), btrfs-check(8)
    """
    opened, silent = _trees(facts)
    flaws = [
        _evidence(problem, volume)
        for volume, tree in opened
        for problem in _flaws(tree)
        if problem.place.offset != volume.size  # that it is cut off, which another rule says
    ]
    if flaws:
        return warning(f"damaged: {paths_of(flaws)}", *flaws[:_MAX_EVIDENCE])
    return _good("what was read of the file systems is consistent", "nothing wrong in what was read", opened, silent)


@rule("file-systems-fit-their-volumes", "No file system is longer than the volume it lies on", os="any")
def file_systems_fit_their_volumes(facts: Facts) -> Verdict:
    """What the superblock states is compared with the volume.

    Why: the kernel refuses to mount a file system that was cut off with its image, or whose partition or volume was
    shrunk before it; what lay behind the end is lost.

    Fix: copy the image again, whole; or give the partition, or the logical volume, its size back.
    Reads: the superblocks, the partition table, the sizes of volumes.
    References: resize2fs(8), e2fsck(8)
    """
    opened, silent = _trees(facts)
    sized = [(volume, tree.stated_size) for volume, tree in opened if isinstance(tree, SizeStating)]
    short = [
        Evidence(_place(volume), f"a volume of {size} bytes wanted, {volume.size} found")
        for volume, size in sized
        if size > volume.size
    ]
    if short:
        return failed(f"cut off: {paths_of(short)}", *short)
    if not sized and not silent:
        raise NotApplicable("no file system says how long it is")
    whole = [(volume, tree) for volume, tree in opened if isinstance(tree, SizeStating)]
    return _good("every file system fits its volume", "it ends within the volume", whole, silent)


@rule("system-volumes-readable", "Everything on the disk that holds files could be read", os="any")
def system_volumes_readable(facts: Facts) -> Verdict:
    """Why: what is on a volume that cannot be read is not known, so that no rule can vouch for it.

    Fix: convert the volume to a file system that is supported, or check it by other means.
    Reads: the partition table, the superblocks, and what /etc/fstab mounts.
    References: docs/layouts.md of this program
    """
    volumes = facts[Storage].volumes
    unread = [Evidence(_place(volume), volume.reason) for volume in volumes if volume.reason]
    named = {volume.name for volume in volumes if volume.reason}
    unread += [
        Evidence(Place(mount.path), f"mounted from {mount.device}: {mount.reason}")
        for mount in _mounts(facts)
        if mount.reason and not mount.elsewhere and (mount.volume is None or mount.volume.name not in named)
    ]
    if unread:
        return warning(f"not readable: {paths_of(unread)}", *unread)
    read = [Evidence(_place(volume), f"{volume.type} was read") for volume in volumes if volume.tree]
    if not read:
        return unknown("no volume holds files")
    return ok("every volume that holds files could be read", *read)


def _mounts(facts: Facts) -> Iterable[Mount]:
    try:
        return facts[Guest].mounts
    except UnknownFact:  # SystemImage says so; here the volumes count
        return ()


def _trees(facts: Facts) -> tuple[list[tuple[Volume, Tree]], list[Evidence]]:
    """Return the volumes that could be opened, and evidence for those that could not but should."""
    volumes = facts[Storage].volumes
    opened = [(volume, volume.tree) for volume in volumes if volume.tree]
    silent = [Evidence(_place(volume), volume.reason) for volume in volumes if volume.reason]
    if not opened:
        raise UnknownFact("no file system could be read", *(item.place for item in silent))
    return opened, silent


def _good(message: str, seen: str, opened: Sequence[tuple[Volume, Tree]], silent: list[Evidence]) -> Verdict:
    """OK for what was opened; what could not be opened is not known."""
    if silent:
        return unknown(f"state not known: {paths_of(silent)}", *silent)
    return ok(message, *(Evidence(_place(volume), seen) for volume, _ in opened))


def _recorded(tree: Tree) -> tuple[Problem, ...]:
    return tree.recorded_errors if isinstance(tree, SelfReporting) else ()


def _flaws(tree: Tree) -> Iterator[Problem]:
    """Give what was found while reading, without what the file system says of itself."""
    said = set(_recorded(tree))
    if isinstance(tree, SelfReporting) and tree.unclean:
        said.add(tree.unclean)
    return (problem for problem in tree.problems if problem not in said)


def _place(volume: Volume) -> Place:
    return Place(volume.name, volume=volume.name)


def _evidence(problem: Problem, volume: Volume) -> Evidence:
    place = problem.place
    return Evidence(Place(place.path, place.line, place.key, place.offset, volume.name), problem.message)


RULES = (
    file_systems_without_recorded_errors,
    file_systems_cleanly_unmounted,
    file_systems_consistent,
    file_systems_fit_their_volumes,
    system_volumes_readable,
)
