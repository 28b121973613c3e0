"""Rules on the inode flags that chattr(1) sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, NotFound, inode_flags
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, paths_of, unknown, warning
from parsers.filesystem.tree import FileType
from parsers.place import ParseError

_LOCKS: Final = frozenset({"immutable", "append"})
_SYSTEM_FILES: Final = (
    "/etc/shadow",
    "/etc/passwd",
    "/etc/group",
    "/etc/gshadow",
    "/etc/fstab",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/machine-id",
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/50-cloud-init",
    "/etc/netplan/50-cloud-init.yaml",
    "/etc/resolv.conf",
    "/root/.ssh/authorized_keys",
    "/etc/ssh/sshd_config",
    "/etc/cloud/cloud.cfg",
    "/etc/default/grub",
    "/boot/grub/grub.cfg",
    "/boot/grub/grubenv",
    "/boot/grub2/grub.cfg",
    "/boot/grub2/grubenv",
)
_SYSTEM_DIRECTORIES: Final = ("/etc", "/etc/ssh", "/etc/cloud", "/boot", "/boot/grub", "/boot/grub2", "/root")
_WRITTEN_DIRECTORIES: Final = (
    "/etc/cloud/cloud.cfg.d",
    "/etc/netplan",
    "/etc/network",
    "/etc/network/interfaces.d",
    "/etc/ssh/sshd_config.d",
    "/etc/sudoers.d",
    "/etc/systemd/network",
    "/etc/systemd/system",
    "/etc/NetworkManager/system-connections",
    "/home",
    "/root/.ssh",
    "/tmp",  # noqa: S108 - a directory of the guest
    "/var",
    "/var/lib",
    "/var/lib/cloud",
    "/var/lib/dhcp",
    "/var/tmp",  # noqa: S108 - a directory of the guest
)
"""Where cloud-init, and what runs at boot, make new files."""
_KEYS: Final = ("/etc/ssh/ssh_host_*_key*", "/etc/cloud/cloud.cfg.d/*.cfg", "/etc/ssh/sshd_config.d/*.conf")
_LOGS: Final = "/var/log"
_MAX_LOGS: Final = 20_000


@rule("system-files-mutable", "The files that a cloud has to change at first boot can be changed")
def system_files_mutable(facts: Facts) -> Verdict:
    """Why: the flags immutable and append-only hold even for root: a new instance gets no password, name or keys.

    Fix: chattr -i -a on the files and directories named; a locked directory forbids to replace the files in it.
    Reads: the inode flags of the account files, fstab, the configuration of sshd, cloud-init and GRUB, and
    of the directories that hold them.
    References: chattr(1)
    """
    guest = facts[Guest]
    locked, unread, free = _sorted_by_flags(guest, (*_SYSTEM_FILES, *_SYSTEM_DIRECTORIES, *_WRITTEN_DIRECTORIES))
    if locked:
        return failed(f"locked by inode flags: {_paths(locked)}", *locked, *unread)
    if unread:
        return unknown(f"inode flags not known: {_paths(unread)}", *unread)
    keys = sorted({path for pattern in _KEYS for path in guest.glob(pattern)})
    locked_keys, _, _ = _sorted_by_flags(guest, keys)
    if locked_keys:
        return failed(f"locked by inode flags: {_paths(locked_keys)}", *locked_keys)
    if not free:
        raise NotApplicable("there are no system files")
    return ok("no system file is locked by inode flags", *free)


@rule("log-files-mutable", "No log file is append-only or immutable")
def log_files_mutable(facts: Facts) -> Verdict:
    """Why: such a log can be neither rotated nor emptied, and fills the disk in the end.

    Fix: chattr -a -i on the files and directories named.
    Reads: the inode flags of everything below /var/log.
    References: chattr(1), logrotate(8)
    """
    guest = facts[Guest]
    if not guest.is_dir(_LOGS):
        raise NotApplicable(f"there is no directory {_LOGS}")
    broken: list[ParseError] = []
    files, locked = 0, []
    for number, (path, mount, stat) in enumerate(guest.walk(_LOGS, broken.append)):
        if number == _MAX_LOGS:
            broken.append(ParseError(guest.place(path), f"at most {_MAX_LOGS} log files wanted, more found"))
            break
        files += stat.type is FileType.FILE
        try:
            flags = _LOCKS & set(inode_flags(mount.tree, stat))
        except ParseError as error:
            broken.append(error)
            continue
        if flags:
            locked.append(_evidence(guest, path, flags))
    if locked:
        return warning(f"logs locked by inode flags: {_paths(locked)}", *locked)
    if broken:
        return unknown("not every log file could be read", *map(Evidence.of, broken[:20]))
    return ok("no log file is locked by inode flags", Evidence(guest.place(_LOGS), f"{files} files"))


def _sorted_by_flags(guest: Guest, paths: Iterable[str]) -> tuple[list[Evidence], list[Evidence], list[Evidence]]:
    """Return those that carry a lock, those that could not be read, and the others; absent ones are left out."""
    locked, unread, free = [], [], []
    for path, flags in _flags(guest, paths):
        if isinstance(flags, str):
            unread.append(Evidence(guest.place(path), flags))
        elif flags & _LOCKS:
            locked.append(_evidence(guest, path, flags & _LOCKS))
        else:
            free.append(Evidence(guest.place(path), "neither immutable nor append-only"))
    return locked, unread, free


def _flags(guest: Guest, paths: Iterable[str]) -> Iterator[tuple[str, set[str] | str]]:
    """Give the flags of each path, or why they are not known."""
    for path in paths:
        try:
            yield path, set(guest.flags(path))
        except NotFound:
            continue
        except UnknownFact as missing:
            yield path, missing.reason
        except ParseError as error:
            yield path, str(error)


def _evidence(guest: Guest, path: str, flags: set[str] | frozenset[str]) -> Evidence:
    return Evidence(guest.place(path), f"flags: {', '.join(sorted(flags))}")


def _paths(items: list[Evidence]) -> str:
    named = paths_of(items[:3])
    return f"{named} and {len(items) - 3} more" if len(items) > 3 else named


RULES = (system_files_mutable, log_files_mutable)
