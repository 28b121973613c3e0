"""The volumes of an image as GRUB sees them: devices that are searched for, with files that GRUB reads by itself.

A device that is in the image goes by the name of its volume. One that may lie in something that is not read (LVM)
keeps a name of its own; asking for a file on it raises `UnknownFact`. The BIOS disks hd0, hd1, ... are the
machine's disks in their order.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final

from inspector.disks.device import resolve
from inspector.disks.disk import Volume, disk_name
from inspector.disks.storage import Storage
from inspector.facts import UnknownFact
from inspector.facts.boot import BootFile
from inspector.guest import Guest, Mount, NotFound
from inspector.roots.subvolumes import TOP_LEVEL, subvolume_path
from parsers.boot.uki import parse_uki
from parsers.filesystem.subvolume import has_subvolumes
from parsers.filesystem.tree import FileType
from parsers.place import Place
from parsers.source import Source

MAX_TEXT: Final = 4 * 1024 * 1024

_DRIVE: Final = re.compile(r"hd(\d{1,2})(?:,(?:msdos|gpt)?(\d+))?")
_TAGS: Final = {"fs-uuid": "UUID", "label": "LABEL"}


class GrubDevices:
    """Answers what a GRUB script asks of the file systems around it."""

    def __init__(self, storage: Storage, guest: Guest) -> None:
        self._storage = storage
        self._guest = guest
        self._trees: dict[str, Guest] = {}

    def search(self, kind: str, value: str) -> str | None:
        """Return the volume with this UUID, label or file; None where there is certainly none."""
        if kind == "file":
            return self._with_file(value)
        if kind not in _TAGS:
            found = self.volume(value)
            return found.name if found else None
        # GRUB takes no notice of the case of a UUID.
        spellings = dict.fromkeys((value, value.lower(), value.upper()) if kind == "fs-uuid" else (value,))
        try:
            for spelling in spellings:
                if volume := resolve(f"{_TAGS[kind]}={spelling}", self._storage.volumes):
                    return volume.name
        except UnknownFact:
            return f"{kind}/{value}"
        return None

    def _with_file(self, path: str) -> str | None:
        unread = None
        for volume in self._storage.volumes:
            if volume.tree is None:
                unread = unread or (volume.name if volume.reason else None)
            elif self.size(volume.name, path) is not None:
                return volume.name
        return unread

    def volume(self, device: str | None) -> Volume | None:
        """Return the volume of a device; None where the image certainly has none such.

        Raise `UnknownFact` where it may lie in something that is not read.
        """
        if device is None:
            return None
        name = device.strip("()")
        if match := _DRIVE.fullmatch(name):
            name = disk_name(int(match[1])) + (match[2] or "")
        found = self._storage.volume(name)
        hidden = next((volume for volume in self._storage.volumes if volume.hides), None)
        if found is None and hidden is not None:
            raise UnknownFact(f"({device}) may lie inside {hidden.name} ({hidden.type}), which is not read so far")
        return found

    def files(self, device: str | None) -> Guest | None:
        """Return the files of a device as a tree of their own; links in it end there, as GRUB follows them."""
        volume = self.volume(device)
        if volume is None:
            return None
        if volume.tree is None:
            reason = f"{volume.name} cannot be read: {volume.reason or 'it holds no files'}"
            raise UnknownFact(reason, Place(volume.name))
        if volume.name not in self._trees:
            # On btrfs GRUB begins at the top level, whatever subvolume is the default.
            tree = volume.tree.at(TOP_LEVEL) if has_subvolumes(volume.tree) else volume.tree
            self._trees[volume.name] = Guest([Mount("/", volume, tree, tree.root)])
        return self._trees[volume.name]

    def default_subvolume(self, device: str) -> str:
        """Return the path of the default subvolume of a btrfs; empty for the top level, and for what has none."""
        volume = self.volume(device)
        return (subvolume_path(volume.tree) or "") if volume and volume.tree else ""

    def size(self, device: str | None, path: str) -> int | None:
        """Return the bytes in a file, -1 for a directory, None where the path does not exist."""
        files = self.files(device)
        if files is None:
            return None
        try:
            stat = files.stat(path)
        except NotFound:
            return None
        return -1 if stat.type is FileType.DIRECTORY else stat.size

    def read(self, device: str | None, path: str) -> tuple[str, str] | None:
        """Return the text of a file and its path."""
        files = self.files(device)
        if files is None or not files.is_file(path):
            return None
        return files.read_text(path, MAX_TEXT), self.label(device, path)

    def names(self, device: str | None, path: str) -> tuple[str, ...]:
        """Return the names in a directory; none where it does not exist."""
        files = self.files(device)
        return tuple(entry.name for entry in files.listdir(path)) if files is not None and files.is_dir(path) else ()

    def open(self, device: str | None, path: str) -> Source:
        """Return the content of a file that is there."""
        files = self.files(device)
        if files is None:
            raise UnknownFact(f"({device}) is not in the image", Place(path))
        return files.open(path)

    def label(self, device: str | None, path: str) -> str:
        """Return what a place calls a file: its guest path; where it has none, its path on the volume."""
        return self.guest_path(device, path) or path

    def guest_path(self, device: str | None, path: str) -> str | None:
        """Return the guest path of a file on a device; None where the guest does not mount it there."""
        volume = self.volume(device)
        if volume is None:
            return None
        found: tuple[int, str] | None = None
        for mount in self._guest.mounts:
            top = _top(mount)
            if mount.volume is not volume or not _is_whole(mount) or not f"{path}/".startswith(f"{top}/"):
                continue
            joined = posixpath.normpath(f"{mount.path}/{path[len(top) :]}").replace("//", "/")
            if self._guest.mount_of(joined) is mount:
                found = max(found or (0, joined), (len(top), joined))  # the inmost subvolume
        return found[1] if found else None

    def of_guest(self, path: str) -> tuple[str, str] | None:
        """Return the device and the path there of a guest path; None where its volume is not known."""
        mount = self._guest.mount_of(path)
        if mount.volume is None or not _is_whole(mount):
            return None
        below = posixpath.relpath(self._guest.realpath(path), mount.path)
        return mount.volume.name, posixpath.normpath(posixpath.join(f"{_top(mount)}/", below))


def open_boot_file(devices: GrubDevices, file: BootFile) -> Source:
    """Return the content of a file that a boot entry loads; of a unified kernel image, that of the section.

    Raises:
        ParseError: the file is no such image, or has no such section.
    """
    device, _, path = file.named.removeprefix("(").partition(")")
    source = devices.open(device, path)
    return parse_uki(source, file.path or path).open(source, file.section) if file.section else source


def _is_whole(mount: Mount) -> bool:
    """Tell whether it is known where what is mounted lies in its file system."""
    tree = mount.tree
    if tree is None or (mount.subvolume is None and has_subvolumes(tree)):
        return False
    return mount.root == tree.root or mount.directory is not None


def _top(mount: Mount) -> str:
    """Where what is mounted lies in its file system: "/@/ostree/...", empty for the top."""
    return (f"/{mount.subvolume}" if mount.subvolume else "") + (mount.directory or "")
