"""Read-only browsing: what `ls`, `stat` and `cat` give, from the guest's tree or from one volume of its disk."""

from __future__ import annotations

import hashlib
import posixpath
import stat as modes
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from inspector.console.json_line import json_text
from inspector.console.printable import iso_time, printable
from inspector.disks.storage import Storage, open_storage
from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.guest import POSIX, Guest, Mount, Syntax, inode_flags
from inspector.mounts import find_guest, named_tree, why_without_files
from inspector.target import Target
from inspector.view.size import size
from parsers.filesystem.tree import FileType, SecurityDescribing, Stat, StreamKeeping, Tree
from parsers.place import ParseError, Place
from parsers.source import Source

CHUNK: Final = 1 << 20

Entry = dict[str, Any]
Value = TypeVar("Value")
Life = Callable[[], None]
"""Called now and then during long work, to show that there is progress."""

_TYPE_BITS: Final = {
    FileType.FILE: modes.S_IFREG,
    FileType.DIRECTORY: modes.S_IFDIR,
    FileType.SYMLINK: modes.S_IFLNK,
    FileType.CHAR: modes.S_IFCHR,
    FileType.BLOCK: modes.S_IFBLK,
    FileType.FIFO: modes.S_IFIFO,
    FileType.SOCKET: modes.S_IFSOCK,
    FileType.UNKNOWN: 0,
}


_OF_WINDOWS: Final = frozenset({"ntfs", "vfat", "exfat"})
"""File systems whose names have no backslash."""


def open_files(target: Target, volume: str | None = None) -> Guest:
    """Return the guest's tree, or with `volume` the files of that one alone, its root as `/`.

    Raises:
        InspectorError, UnknownFact: there is no such volume, or it cannot be read, or no guest was found.
    """
    storage = open_storage(target)
    if volume:
        return volume_files(storage, volume)
    try:
        return find_guest(storage, target.root)
    except UnknownFact as error:
        readable = ", ".join(volume.name for volume in storage.volumes if volume.tree)
        hint = f"; --volume reads one by itself: {readable}" if readable else ""
        raise InspectorError(f"{error.reason}{hint}") from error


def volume_files(storage: Storage, name: str) -> Guest:
    """Return the files of one volume, or of a subvolume ("sda2[/@home]"), as a tree of their own."""
    volume, tree = named_tree(storage, name)
    if tree is None:
        raise InspectorError(f"{name} cannot be read: {why_without_files(volume)}")
    mount = Mount("/", volume, tree, tree.root)
    return Guest([mount], syntax=_either()) if volume.type in _OF_WINDOWS else Guest([mount])


def _either() -> Syntax:
    r"""Return the syntax of a volume that has no letter: as POSIX writes paths, or with backslashes (`\EFI\Boot`)."""
    from inspector.windows.paths import windows_paths  # which the volumes of Linux do without

    windows = windows_paths("")
    return Syntax(lambda path: (POSIX if path.startswith("/") else windows).split(path), windows.join)


class Listing:
    """The entries below a path; what cannot be read is noted in `errors`, and the rest is given.

    Paths are written from the root as POSIX does, or as the guest's family does where they are asked for so.
    """

    def __init__(self, guest: Guest, *, hashes: bool = False, life: Life = lambda: None) -> None:
        self._guest = guest
        self._hashes = hashes
        self._life = life
        self.errors: list[ParseError] = []

    def entries(self, path: str, *, recursive: bool = False) -> Iterator[Entry]:
        """Give what is in the directory that `path` leads to (with `recursive` all below it), or the file itself."""
        self._guest.lstat(path)  # what is not there is told in the words that it was asked for in
        for entry in self._entries(self._guest.normal(path), recursive=recursive):
            yield self._written_as(path, entry)

    def _entries(self, path: str, *, recursive: bool) -> Iterator[Entry]:
        if not self._guest.is_dir(path):
            yield self._entry(path, self._guest.mount_of(posixpath.dirname(path)), self._guest.lstat(path))
        elif recursive:
            walk = self._guest.walk(path, self.errors.append)
            top = next(walk, None)
            base = top[0] if top else path
            for below, mount, stat in walk:
                yield self._entry(posixpath.join(path, posixpath.relpath(below, base)), mount, stat)
        else:
            yield from self._children(path)

    def _children(self, path: str) -> Iterator[Entry]:
        for item in self._guest.listdir(path):
            child = posixpath.join(path, item.name)
            try:
                stat = self._guest.lstat(child)
                mount = self._guest.mount_of(child if stat.type is FileType.DIRECTORY else path)
            except ParseError as error:
                self.errors.append(error)
                continue
            yield self._entry(child, mount, stat)

    def _written_as(self, asked: str, entry: Entry) -> Entry:
        return entry if asked.startswith("/") else {**entry, "path": self._guest.written(entry["path"])}

    def _entry(self, path: str, mount: Mount, stat: Stat) -> Entry:
        return {
            "path": path,
            "type": str(stat.type),
            "mode": stat.mode,
            "uid": stat.uid,
            "gid": stat.gid,
            "size": stat.size,
            "mtime": iso_time(stat.mtime),
            "target": self._read(lambda: self._target(mount, stat)),
            "inode": stat.inode,
            "flags": None if stat.flags is None else list(stat.flags),
            "volume": mount.volume.name if mount.volume else None,
            "sha256": self._read(lambda: self._sha256(mount, stat)) if self._hashes else None,
        }

    def _read(self, read: Callable[[], Value | None]) -> Value | None:
        try:
            return read()
        except ParseError as error:
            self.errors.append(error)
            return None

    @staticmethod
    def _target(mount: Mount, stat: Stat) -> str | None:
        if stat.type is not FileType.SYMLINK or mount.tree is None:
            return None
        return mount.tree.readlink(stat.inode)

    def _sha256(self, mount: Mount, stat: Stat) -> str | None:
        if stat.type is not FileType.FILE or mount.tree is None:
            return None
        digest = hashlib.sha256()
        for chunk in chunks(mount.tree.open(stat.inode)):
            digest.update(chunk)
            self._life()
        return digest.hexdigest()

    def stat(self, path: str) -> Entry:
        """Return all that is known of `path` itself, be it a symbolic link: the fields of an entry and more."""
        asked, path = path, self._guest.normal(path)
        stat = self._guest.lstat(asked)
        mount = self._guest.mount_of(path if stat.type is FileType.DIRECTORY else posixpath.dirname(path))
        tree, inode = mount.tree, stat.inode
        xattrs = tree.xattrs(inode) if tree else {}
        return {
            **self._written_as(asked, self._entry(path, mount, stat)),
            "flags": self._read(lambda: list(inode_flags(tree, stat))),
            "links": stat.links,
            "atime": iso_time(stat.atime),
            "ctime": iso_time(stat.ctime),
            "btime": iso_time(stat.btime),
            "rdev": list(stat.rdev) if stat.rdev else None,
            "xattrs": {name: value.decode("utf-8", "surrogateescape") for name, value in sorted(xattrs.items())},
            "streams": self._read(lambda: _streams(tree, inode)),
            "security": self._read(lambda: _security(tree, inode, self._guest.place(asked))),
        }


def _streams(tree: Tree | None, inode: int) -> list[dict[str, Any]] | None:
    """The streams besides the content; None where the file system has none."""
    if not isinstance(tree, StreamKeeping):
        return None
    return [{"name": it.name, "size": it.size} for it in tree.streams(inode)]


def _security(tree: Tree | None, inode: int, place: Place) -> str | None:
    """The security descriptor of Windows in SDDL; None where the file system has none."""
    if not isinstance(tree, SecurityDescribing):
        return None
    from parsers.windows.security_descriptor import parse_security_descriptor  # which Linux does without

    return parse_security_descriptor(tree.security_descriptor(inode), place).sddl()


def chunks(source: Source) -> Iterator[bytes]:
    """Give the content of a source in pieces."""
    for offset in range(0, source.size, CHUNK):
        yield source.read_at(offset, min(CHUNK, source.size - offset))


def json_array(entries: Iterator[Entry]) -> Iterator[str]:
    """Give the text of a JSON array, one line per element, as they come."""
    opening = "["
    for entry in entries:
        yield f"{opening}\n{json_text(entry)}"
        opening = ","
    yield "[]\n" if opening == "[" else "\n]\n"


def short_line(entry: Entry) -> str:
    """The path alone, or with its hash as sha256sum(1) prints it."""
    path = printable(entry["path"])
    return f"{entry['sha256'] or '-' * 64}  {path}\n" if entry["sha256"] else f"{path}\n"


def long_line(entry: Entry) -> str:
    """One line in the manner of `ls -l`."""
    bits = _TYPE_BITS[FileType(entry["type"])] | entry["mode"]
    target = f" -> {printable(entry['target'])}" if entry["target"] is not None else ""
    digest = f" {entry['sha256']}" if entry["sha256"] else ""
    moment = str(entry["mtime"]).partition(".")[0]
    return (
        f"{modes.filemode(bits)} {entry['uid']:>5} {entry['gid']:>5} {entry['size']:>12} {moment}"
        f"{digest} {printable(entry['path'])}{target}\n"
    )


def stat_lines(entry: Entry) -> str:
    """Every field with its name, one per line."""
    shown = {**entry, "mode": f"{entry['mode']:04o}"}
    return "".join(f"{name:>8}: {_shown(value)}\n" for name, value in shown.items() if value not in (None, [], {}))


def _shown_stream(stream: Entry) -> str:
    return f"{printable(stream['name'])} ({size(stream['size'])})"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{printable(str(key))}={printable(str(item))}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_shown_stream(item) if isinstance(item, dict) else printable(str(item)) for item in value)
    return printable(str(value))
