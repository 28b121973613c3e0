"""From volumes to the guest: which one holds the root, and what its fstab mounts where.

Not done: mounts made by systemd units other than fstab's, and the partitions that systemd-gpt-auto-generator finds.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from typing import Final

from inspector.backends import native
from inspector.device import resolve
from inspector.disk import Volume
from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.guest import Guest, Mount
from inspector.storage import Storage
from parsers.filesystem.tree import Tree
from parsers.linux.fstab import Fstab, FstabEntry, parse_fstab
from parsers.place import ParseError, Place

_VIRTUAL: Final = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "mqueue", "none", "overlay", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs",
    "selinuxfs", "swap", "sysfs", "tmpfs", "tracefs",
})  # fmt: skip
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smbfs", "smb3", "ceph", "glusterfs", "9p", "sshfs", "vboxsf"})
_MAX_NAMED: Final = 8  # every rule repeats them where the guest is not known
_OPTIONAL: Final = frozenset({"noauto", "nofail"})
_RELEASES: Final = (
    "os-release",
    "debian_version",
    "redhat-release",
    "centos-release",
    "SuSE-release",
    "alpine-release",
    "arch-release",
)


def find_guest(storage: Storage, root: str | None = None) -> Guest:
    """Return the guest whose root lies on the volume `root`, or on the only volume that holds one.

    Raise `InspectorError` where two volumes hold a root, or where `root` names none, and `UnknownFact` where no
    root was found.
    """
    volume = _named_root(storage, root) if root else _only_root(storage)
    if volume.tree is None:
        raise UnknownFact(f"{volume.name} cannot be read: {volume.reason}", Place(volume.name))
    mount = Mount("/", volume, volume.tree, volume.tree.root)
    return Guest([mount, *_fstab_mounts(mount, storage.volumes)])


def _named_root(storage: Storage, name: str) -> Volume:
    volume = storage.volume(name.removeprefix("/dev/"))
    if volume is None:
        raise InspectorError(f"no volume is called {name}; there are {_names(storage.volumes)}")
    return volume


def _only_root(storage: Storage) -> Volume:
    roots = [volume for volume in storage.volumes if volume.tree and holds_root(volume.tree)]
    if len(roots) > 1:
        raise InspectorError(f"{len(roots)} volumes hold a root file system: {_names(roots)}; choose one with --root")
    if roots:
        return roots[0]
    unread = [volume for volume in storage.volumes if volume.reason]
    if unread:
        reasons = "; ".join(f"{volume.name}: {volume.reason}" for volume in unread[:_MAX_NAMED])
        more = f"; and {len(unread) - _MAX_NAMED} more" if len(unread) > _MAX_NAMED else ""
        raise UnknownFact(f"no root file system was found in what can be read ({reasons}{more})", *_places(unread))
    raise UnknownFact("no root file system was found", *_places(storage.volumes))


def holds_root(tree: Tree) -> bool:
    """Tell whether a tree is the root of a Linux system: it has a release file, or accounts and an fstab."""
    try:
        etc = tree.lookup(tree.root, "etc")
        if etc is None:
            return False
        if any(tree.lookup(etc, name) is not None for name in _RELEASES):
            return True
        return all(tree.lookup(etc, name) is not None for name in ("passwd", "fstab"))
    except ParseError:
        return False


def _names(volumes: Iterable[Volume]) -> str:
    return ", ".join(volume.name for volume in volumes)


def _places(volumes: Sequence[Volume]) -> list[Place]:
    return [Place(volume.name, offset=volume.offset, volume=volume.name) for volume in volumes[:_MAX_NAMED]]


def _fstab_mounts(root: Mount, volumes: tuple[Volume, ...]) -> list[Mount]:
    guest = Guest([root])
    try:
        fstab = parse_fstab(guest.read_text("/etc/fstab"), "/etc/fstab")
    except (UnknownFact, ParseError):
        return []
    mounts: list[Mount] = []
    for entry in _in_mount_order(fstab):
        mount = _bind(entry, [root, *mounts]) if _is_bind(entry) else _mount(entry, volumes)
        if mount is not None:
            mounts.append(mount)
    return mounts


def _in_mount_order(fstab: Fstab) -> list[FstabEntry]:
    """Mount points from the root down, binds last, since what they bind must be there."""
    entries = [entry for entry in fstab.entries if _is_mounted(entry)]
    return sorted(entries, key=lambda entry: (_is_bind(entry), posixpath.normpath(entry.mount_point).count("/")))


def _is_mounted(entry: FstabEntry) -> bool:
    point = posixpath.normpath(entry.mount_point)
    return point.startswith("/") and point != "/" and (entry.kind not in _VIRTUAL or _is_bind(entry))


def _is_bind(entry: FstabEntry) -> bool:
    return "bind" in entry.options or "rbind" in entry.options


def _mount(entry: FstabEntry, volumes: tuple[Volume, ...]) -> Mount | None:
    point = posixpath.normpath(entry.mount_point)
    if entry.kind in _NETWORK:
        return _unreadable(entry, None, f"it is mounted over the network ({entry.kind})", elsewhere=True)
    try:
        volume = resolve(entry.device, volumes)
    except UnknownFact as unknown:
        return _unreadable(entry, None, unknown.reason)
    if volume is None:
        return _unreadable(entry, None, f"{entry.device} is not in the image", elsewhere=True)
    if volume.tree is None:
        return _unreadable(entry, volume, volume.reason or f"{volume.type} holds no files")
    try:
        tree = _subvolume(entry, volume) or volume.tree
    except ParseError as error:
        return _unreadable(entry, volume, str(error))
    return Mount(point, volume, tree, tree.root)


def _subvolume(entry: FstabEntry, volume: Volume) -> Tree | None:
    """The subvolume of btrfs that the options name; None where they name none, which means the default one."""
    path, number = entry.option("subvol"), entry.option("subvolid")
    if volume.type != "btrfs" or not (path or number):
        return None
    if number is None:
        return native.open_subvolume(path or "/", volume.source, *volume.others)
    if not number.isascii() or not number.isdigit():
        raise ParseError(entry.place, f"the number of a subvolume wanted, {number} found")
    return native.open_subvolume(int(number), volume.source, *volume.others)


def _unreadable(entry: FstabEntry, volume: Volume | None, reason: str, *, elsewhere: bool = False) -> Mount | None:
    """A mount that hides what lies beneath it; none where the guest would do without the mount."""
    if volume is None and _OPTIONAL & set(entry.options):
        return None
    return Mount(posixpath.normpath(entry.mount_point), volume, None, 0, reason, elsewhere)


def _bind(entry: FstabEntry, mounts: list[Mount]) -> Mount | None:
    """A directory of the guest seen at another place."""
    point = posixpath.normpath(entry.mount_point)
    guest = Guest(mounts)
    try:
        source = guest.mount_of(entry.device)
        inode = guest.stat(entry.device).inode
    except (UnknownFact, ParseError) as error:
        return None if _OPTIONAL & set(entry.options) else Mount(point, None, None, 0, str(error))
    return Mount(point, source.volume, source.tree, inode)
