"""From volumes to the guest: which one holds the root, and what its fstab mounts where.

Not done: mounts made by systemd units other than fstab's, and the partitions that systemd-gpt-auto-generator finds.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Final

from inspector.disks.device import resolve
from inspector.disks.disk import Volume
from inspector.disks.encryption import name_by_crypttab
from inspector.disks.storage import Storage
from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.guest import Guest, Mount
from inspector.roots.ostree import deployment_mounts
from inspector.roots.root import deployed, holds_windows, root_mount, roots_on
from inspector.roots.subvolumes import at_path, is_absent, select, selection, split_name, subvolume_path
from parsers.filesystem.overlay import OverlayTree
from parsers.filesystem.subvolume import has_subvolumes
from parsers.filesystem.tree import SecurityDescribing, Tree
from parsers.linux.fstab import Fstab, FstabEntry, parse_fstab
from parsers.place import ParseError, Place

_VIRTUAL: Final = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "mqueue", "none", "overlay", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs",
    "selinuxfs", "swap", "sysfs", "tmpfs", "tracefs",
})  # fmt: skip
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smbfs", "smb3", "ceph", "glusterfs", "9p", "sshfs", "vboxsf"})
_FAT: Final = frozenset({"vfat", "exfat"})
_MAX_NAMED: Final = 8  # every rule repeats them where the guest is not known
_OPTIONAL: Final = frozenset({"noauto", "nofail"})


class Roots(tuple[Mount, ...]):
    """The roots of systems in the order of their volumes, without those that are not there at boot."""

    __slots__ = ()


def find_guest(storage: Storage, root: str | None = None, roots: Roots | None = None) -> Guest:
    """Return the guest whose root lies on the volume `root` ("sda2", "sda2[/@]"), or on the only one that holds a root.

    `roots` are those of `find_roots`, where they are known already. Raise `InspectorError` where two volumes or
    subvolumes hold a root, or where `root` names none, and `UnknownFact` where no root was found.
    """
    if root:
        return _guest(_named_root(storage, root), storage)
    return _guest(_only_root(storage, find_roots(storage) if roots is None else roots), storage)


def find_roots(storage: Storage) -> Roots:
    """Look for roots on every volume."""
    return Roots(root for volume in storage.volumes if not volume.dormant for root in _roots_on(volume, storage))


def _roots_on(volume: Volume, storage: Storage) -> list[Mount]:
    return roots_on(volume, storage, lambda root: _guest(root, storage))


def _guest(root: Mount, storage: Storage) -> Guest:
    if root.tree is not None and holds_windows(root.tree):
        from inspector.windows.drives import windows_guest  # the registry, which no other guest has

        return windows_guest(root, storage)
    name_by_crypttab(Guest([root]), storage.volumes)
    return Guest([root, *deployment_mounts(root), *_fstab_mounts(root, storage.volumes)])


def _named_root(storage: Storage, name: str) -> Mount:
    device = name.removeprefix("/dev/")
    for volume in storage.volumes:
        if device.startswith(f"{volume.name}[") and (found := [it for it in deployed(volume) if it.device == device]):
            return found[0]
    volume, tree = named_tree(storage, name)
    if tree is None:
        raise UnknownFact(f"{volume.name} cannot be read: {volume.reason}", Place(volume.name))
    roots = [] if tree is not volume.tree else _roots_on(volume, storage)
    if not roots and isinstance(tree, SecurityDescribing):
        raise InspectorError(rf"{volume.name} holds no system: \Windows\System32\config is not there")
    if not roots and volume.type in _FAT:
        raise InspectorError(f"{volume.name} holds no system: none has its root on {volume.type}")
    return _single(roots) if roots else root_mount(volume, tree)


def named_tree(storage: Storage, name: str) -> tuple[Volume, Tree | None]:
    """Return what a person calls "sda2", "/dev/sda2" or, a subvolume of it, "sda2[/@home]".

    The tree is None where the volume cannot be read. Raise `InspectorError` where there is none called so.
    """
    by_name, path = split_name(name)
    volume = storage.volume(by_name)
    if volume is None:
        raise InspectorError(f"no volume is called {name}; there {_are(storage.volumes)}")
    return volume, volume.tree and at_path(volume.tree, path, name)


def _only_root(storage: Storage, roots: Roots) -> Mount:
    if roots:
        return _single(roots)
    unread = [volume for volume in storage.volumes if volume.reason]
    if unread:
        reasons = "; ".join(f"{volume.name}: {volume.reason}" for volume in unread[:_MAX_NAMED])
        more = f"; and {len(unread) - _MAX_NAMED} more" if len(unread) > _MAX_NAMED else ""
        raise UnknownFact(f"no root file system was found in what can be read ({reasons}{more})", *_places(unread))
    raise UnknownFact("no root file system was found", *_places(storage.volumes))


def why_without_files(volume: Volume) -> str:
    """Say why a volume has no tree."""
    return volume.reason or f"{volume.type or 'it'} holds no files"


def _single(roots: Sequence[Mount]) -> Mount:
    if len(roots) > 1:
        named = ", ".join(root.device for root in roots[:_MAX_NAMED]) + (", ..." if len(roots) > _MAX_NAMED else "")
        raise InspectorError(f"{len(roots)} volumes hold a root file system: {named}; choose one with --root")
    return roots[0]


def _are(volumes: Sequence[Volume]) -> str:
    """Say which volumes there are ("are sda1, sda2")."""
    names = ", ".join(volume.name for volume in volumes)
    return f"{'is' if len(volumes) == 1 else 'are'} {names or 'none'}"


def _places(volumes: Sequence[Volume]) -> list[Place]:
    return [volume.place for volume in volumes[:_MAX_NAMED]]


def _fstab_mounts(root: Mount, volumes: tuple[Volume, ...]) -> list[Mount]:
    guest = Guest([root])
    try:
        fstab = parse_fstab(guest.read_text("/etc/fstab"), "/etc/fstab")
    except (UnknownFact, ParseError):
        return []
    mounts: list[Mount] = []
    for entry in _in_mount_order(fstab):
        if _is_overlay(entry):
            mount = _overlay(entry, [root, *mounts])
        else:
            mount = _bind(entry, [root, *mounts]) if _is_bind(entry) else _mount(entry, volumes)
        if mount is not None:
            mounts.append(mount)
    return mounts


def _in_mount_order(fstab: Fstab) -> list[FstabEntry]:
    """Mount points from the root down, binds and overlays last, since what they are made of must be there."""
    entries = [entry for entry in fstab.entries if _is_mounted(entry)]
    return sorted(
        entries,
        key=lambda entry: (_is_bind(entry) or _is_overlay(entry), posixpath.normpath(entry.mount_point).count("/")),
    )


def _is_mounted(entry: FstabEntry) -> bool:
    point = posixpath.normpath(entry.mount_point)
    return (
        point.startswith("/") and point != "/" and (entry.kind not in _VIRTUAL or _is_bind(entry) or _is_overlay(entry))
    )


def _is_overlay(entry: FstabEntry) -> bool:
    return entry.kind == "overlay" and any(option.startswith("lowerdir=") for option in entry.options)


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
        return _unreadable(entry, volume, why_without_files(volume))
    tree = volume.tree
    if not has_subvolumes(tree):
        return Mount(point, volume, tree, tree.root)
    wanted = selection(entry.options)
    try:
        chosen = select(tree, wanted)
        return Mount(point, volume, chosen, chosen.root, subvolume=subvolume_path(chosen))
    except ParseError as error:
        return _unreadable(entry, volume, str(error), elsewhere=is_absent(tree, wanted))


def _unreadable(entry: FstabEntry, volume: Volume | None, reason: str, *, elsewhere: bool = False) -> Mount | None:
    """A mount that hides what lies beneath it; none where the guest would do without the mount."""
    if (volume is None or elsewhere) and _OPTIONAL & set(entry.options):
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


def _overlay(entry: FstabEntry, mounts: list[Mount]) -> Mount | None:
    """Several directories of the guest seen as one, as openSUSE MicroOS has them for /etc."""
    given = dict(
        option.partition("=")[::2] for option in entry.options if option.startswith(("lowerdir=", "upperdir="))
    )
    paths = [path for path in (given.get("upperdir", ""), *given["lowerdir"].split(":")) if path]
    guest = Guest(mounts)
    try:
        # An initramfs that mounts it sees the root at /sysroot.
        found = [_layer(guest, path.removeprefix("/sysroot") or "/") for path in paths]
        tree = OverlayTree(found)
    except (UnknownFact, ParseError) as error:
        return None if _OPTIONAL & set(entry.options) else _unreadable(entry, None, str(error))
    volume = guest.mount_of(paths[0].removeprefix("/sysroot")).volume
    return Mount(posixpath.normpath(entry.mount_point), volume, tree, tree.root)


def _layer(guest: Guest, path: str) -> tuple[Tree, int]:
    mount, stat = guest.mount_of(path), guest.stat(path)
    if mount.tree is None:
        raise UnknownFact(f"{path} is on {mount.device}, which cannot be read: {mount.reason}", Place(path))
    return mount.tree, stat.inode
