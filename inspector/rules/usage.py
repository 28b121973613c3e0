"""Rules on free space and free inodes of the file systems that the guest mounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, Mount
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Status, Verdict, failed, ok, paths_of, unknown, warning
from parsers.filesystem.tree import Usage
from parsers.place import ParseError, Place

_MIB = 1 << 20
_NEEDS_SPACE = ("/", "/boot", "/etc", "/var", "/tmp")  # noqa: S108 - a path of the guest
Finding = tuple[Status | None, Evidence]
"""How full one file system is; no status where that is not known."""


@rule("disk-usage-below-limit", "Every file system of the guest has space left", os="any")
def disk_usage_below_limit(
    facts: Facts, *, warning_percent: int, failed_percent: int, minimum_free_mib: int
) -> Verdict:
    """Why: a guest without space boots badly, if at all: no logs, no leases, no files that cloud-init has to write.

    Fix: remove files, or enlarge the volume and the file system on it.
    Reads: the superblocks and group descriptors of what /etc/fstab mounts; used space is counted as df(1) counts it.
    References: df(1)
    """
    guest = facts[Guest]
    essential, missed = _essential(guest)

    def judge(mount: Mount, usage: Usage) -> Finding:
        used, reachable = usage.total - usage.free, usage.total - usage.free + usage.available
        percent = 100 * used / reachable if reachable else 100.0
        seen = f"{percent:.0f} % used, {usage.available // _MIB} MiB of {usage.total // _MIB} MiB available"
        status = _level(percent, warning_percent, failed_percent, inclusive=False)
        if mount.path in essential and usage.available < minimum_free_mib * _MIB:
            return Status.FAILED, _evidence(guest, mount, f"{seen}; at least {minimum_free_mib} MiB are needed here")
        return status, _evidence(guest, mount, seen)

    return _verdict("space", [*missed, *_judged(guest, judge)])


@rule("inode-usage-below-limit", "Every file system of the guest has inodes left")
def inode_usage_below_limit(facts: Facts, *, warning_percent: int, failed_percent: int) -> Verdict:
    """Why: without a free inode no file can be made, however much space is left, and the guest cannot boot.

    Fix: remove small files that are no longer needed (caches, sessions, mail queues).
    Reads: the superblocks and group descriptors of what /etc/fstab mounts.
    References: df(1)
    """
    guest = facts[Guest]

    def judge(mount: Mount, usage: Usage) -> Finding:
        if not usage.inodes or usage.inodes_free is None:
            return Status.OK, _evidence(guest, mount, "the format has no limit on the number of files")
        used = usage.inodes - usage.inodes_free
        percent = 100 * used / usage.inodes
        seen = f"{percent:.0f} % used, {usage.inodes_free} of {usage.inodes} inodes free"
        return _level(percent, warning_percent, failed_percent, inclusive=True), _evidence(guest, mount, seen)

    return _verdict("room for files", _judged(guest, judge))


def _level(percent: float, warn: int, fail: int, *, inclusive: bool) -> Status:
    if percent > fail or (inclusive and percent == fail):
        return Status.FAILED
    return Status.WARNING if percent >= warn else Status.OK


def _essential(guest: Guest) -> tuple[set[str], list[Finding]]:
    """Return the mount points that hold what always needs space, and the paths of which that is not known."""
    points: set[str] = set()
    missed: list[Finding] = []
    for path in _NEEDS_SPACE:
        try:
            points.add(guest.mount_of(path).path)
        except (UnknownFact, ParseError) as error:
            missed.append((None, Evidence(Place(path), f"where it lies is not known: {error}")))
    return points, missed


def _judged(guest: Guest, judge: Callable[[Mount, Usage], Finding]) -> Iterator[Finding]:
    """Judge each file system of the image once, at its first mount point."""
    seen: set[object] = set()
    for mount in guest.mounts:
        if mount.elsewhere:
            continue
        if mount.tree is None:
            yield None, _evidence(guest, mount, f"{mount.device}: {mount.reason}")
            continue
        key = mount.volume.name if mount.volume else id(mount.tree)  # subvolumes share their space
        if key in seen:
            continue
        seen.add(key)
        usage = mount.tree.usage
        if usage is None or usage.total <= 0:
            yield None, _evidence(guest, mount, "how full it is could not be read")
        else:
            yield judge(mount, usage)


def _evidence(guest: Guest, mount: Mount, seen: str) -> Evidence:
    return Evidence(Place(guest.written(mount.path), volume=mount.volume.name if mount.volume else None), seen)


def _verdict(what: str, findings: Iterable[Finding]) -> Verdict:
    found = list(findings)
    by_status = {status: [item for seen, item in found if seen is status] for status in (*Status, None)}
    if broken := by_status[Status.FAILED]:
        return failed(f"too little {what}: {paths_of(broken)}", *broken, *by_status[None])
    if missing := by_status[None]:
        return unknown(f"free {what} not known: {paths_of(missing)}", *missing, *by_status[Status.WARNING])
    if scarce := by_status[Status.WARNING]:
        return warning(f"little {what} left: {paths_of(scarce)}", *scarce)
    if not found:
        raise NotApplicable("nothing is mounted")
    return ok(f"every file system has {what} left", *by_status[Status.OK])


RULES = (disk_usage_below_limit, inode_usage_below_limit)
