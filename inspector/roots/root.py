"""Which trees of a volume hold the root of a system, of Linux or of Windows; of several subvolumes, the one that boots.

A subvolume is the root where the boot entry in its own /boot mounts it, or else where the line for / in its own fstab
names it. Snapshots carry the texts of what they were taken of, which name that one, and so are no second system; nor
are the roots of containers, which boot nothing. Of deployments of OSTree the root is the one that the boot entry names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from inspector.boot.root_arguments import boot_texts, root_arguments
from inspector.disks.device import resolve
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import UnknownFact
from inspector.guest import Guest, Mount
from inspector.roots.ostree import booting, deployments
from inspector.roots.subvolumes import Selection, select, selection, subvolume_path
from parsers.filesystem.subvolume import Subvolume, Subvolumed, has_subvolumes
from parsers.filesystem.tree import SecurityDescribing, Tree
from parsers.linux.fstab import parse_fstab
from parsers.place import ParseError

_RELEASES: Final = (
    "os-release",
    "debian_version",
    "redhat-release",
    "centos-release",
    "SuSE-release",
    "alpine-release",
    "arch-release",
)
_HIVES: Final = ("Windows", "System32", "config")
_MODULES: Final = ("/usr/lib/modules", "/lib/modules")
_MAX_LOOKED_AT: Final = 4096  # subvolumes; they come in the order in which they were made
_MAX_EVALUATED: Final = 16  # boot configurations

GuestAt = Callable[[Mount], Guest]


class _Candidate(msgspec.Struct, frozen=True):
    """A subvolume that holds a root."""

    mount: Mount
    tree: Subvolumed
    subvolume: Subvolume

    @property
    def is_default(self) -> bool:
        """Whether it is mounted where no option names one."""
        return self.subvolume.id == self.tree.default_subvolume

    def is_meant_by(self, wanted: Selection) -> bool:
        """Tell whether mounting with these options gives it."""
        try:
            return select(self.tree, wanted).subvolume == self.subvolume.id
        except ParseError:
            return False


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


def holds_windows(tree: Tree) -> bool:
    """Tell whether a tree is the system drive of Windows, with the folder of its hives, and no root of Linux.

    No Linux starts from NTFS: what looks like its root there is of Cygwin, or a copy.
    """
    if not isinstance(tree, SecurityDescribing) and holds_root(tree):
        return False
    try:
        inode: int | None = tree.root
        for name in _HIVES:
            inode = None if inode is None else tree.lookup(inode, name)
    except ParseError:
        return False
    return inode is not None


def roots_on(volume: Volume, storage: Storage, guest_at: GuestAt) -> list[Mount]:
    """Return the roots of systems on a volume; several only where nothing tells which of its subvolumes boots.

    `guest_at` gives the guest with a root, its fstab's mounts joined.
    """
    tree = volume.tree
    if tree is None:
        return []
    if booted := booting(deployments(volume, tree), storage, guest_at):
        return booted
    if plain := _plain_roots(volume, tree, storage, guest_at):
        return plain
    images = deployed(volume)
    return booting(images, storage, guest_at) or images


def deployed(volume: Volume) -> list[Mount]:
    """Return the deployments of OSTree on a volume, in whichever of its subvolumes they lie."""
    tree = volume.tree
    if tree is None:
        return []
    if found := deployments(volume, tree):
        return found
    try:
        others = tree.subvolumes[:_MAX_LOOKED_AT] if has_subvolumes(tree) else ()
        trees = [tree.at(one.id) for one in others if has_subvolumes(tree) and _has_ostree(tree, one)]
    except ParseError:
        return []
    return [root for one in trees for root in deployments(volume, one)]


def _has_ostree(tree: Subvolumed, subvolume: Subvolume) -> bool:
    try:
        opened = tree.at(subvolume.id)
        return opened.lookup(opened.root, "ostree") is not None
    except ParseError:
        return False


def _plain_roots(volume: Volume, tree: Tree, storage: Storage, guest_at: GuestAt) -> list[Mount]:
    try:
        if has_subvolumes(tree):
            return [one.mount for one in _settled(_candidates(volume, tree), storage, guest_at)]
    except ParseError:  # no list of subvolumes: there is the default one alone
        pass
    return [root_mount(volume, tree)] if holds_root(tree) or holds_windows(tree) else []


def root_mount(volume: Volume, tree: Tree) -> Mount:
    """Return the mount of a tree as the root."""
    return Mount("/", volume, tree, tree.root, subvolume=subvolume_path(tree))


def _candidates(volume: Volume, tree: Subvolumed) -> list[_Candidate]:
    found = []
    for subvolume in tree.subvolumes[:_MAX_LOOKED_AT]:
        try:
            opened = tree if subvolume.id == tree.subvolume else tree.at(subvolume.id)
        except ParseError:
            continue
        if holds_root(opened):
            mount = Mount("/", volume, opened, opened.root, subvolume=subvolume.path)
            found.append(_Candidate(mount, opened, subvolume))
    return found


def _settled(candidates: list[_Candidate], storage: Storage, guest_at: GuestAt) -> list[_Candidate]:
    if len(candidates) == 1 and candidates[0].is_default:
        return candidates
    if booting := _that_boot(candidates, storage, guest_at):
        return booting
    if named := [one for one in candidates if _names_itself(one)]:
        return named
    systems = [one for one in candidates if one.is_default or _is_system(one)]
    return [one for one in systems if not _is_copy(one, systems)] or systems


def _that_boot(candidates: list[_Candidate], storage: Storage, guest_at: GuestAt) -> list[_Candidate]:
    """The candidates whose own boot entry mounts them. Most of many name another, which a glance at the text tells."""
    hopeful = [one for one in candidates if one.is_default or _may_name(_boot_texts(one, guest_at), one.subvolume)]
    return [one for one in hopeful[:_MAX_EVALUATED] if _boots(one, guest_at(one.mount), storage)]


def _boot_texts(candidate: _Candidate, guest_at: GuestAt) -> list[str]:
    """What stands in its own /boot; where that is another volume, what its fstab mounts there has to be looked for."""
    return list(boot_texts(Guest([candidate.mount]))) or list(boot_texts(guest_at(candidate.mount)))


def _may_name(texts: list[str], subvolume: Subvolume) -> bool:
    names = (f"subvolid={subvolume.id}", subvolume.path or "subvol=/")
    return not texts or any(name in text for text in texts for name in names)


def _boots(candidate: _Candidate, guest: Guest, storage: Storage) -> bool:
    found = root_arguments(guest, storage)
    if found is None:
        return False
    root, flags = found
    return _is_on(candidate.mount.volume, root, storage) and candidate.is_meant_by(selection(flags.split(",")))


def _is_on(volume: Volume | None, root: str | None, storage: Storage) -> bool:
    try:
        return root is None or resolve(root, storage.volumes) is volume
    except UnknownFact:
        return False


def _names_itself(candidate: _Candidate) -> bool:
    try:
        entry = parse_fstab(Guest([candidate.mount]).read_text("/etc/fstab")).at("/")
    except (UnknownFact, ParseError):
        return False
    return entry is not None and candidate.is_meant_by(selection(entry.options))


def _is_system(candidate: _Candidate) -> bool:
    """Tell a system from the root of a container, which has no kernel of its own."""
    guest = Guest([candidate.mount])
    try:
        return any(guest.is_dir(path) and guest.listdir(path) for path in _MODULES)
    except (UnknownFact, ParseError):
        return True


def _is_copy(candidate: _Candidate, others: list[_Candidate]) -> bool:
    """Tell whether it was taken of another of them."""
    parent = candidate.subvolume.parent_uuid
    return parent is not None and any(other.subvolume.uuid == parent for other in others)
