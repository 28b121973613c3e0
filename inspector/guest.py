"""The guest's files as the guest sees them: its root volume with the mounts of its fstab joined into one tree.

Symbolic links resolve inside the guest only, at most 40 of them, as in the kernel. A path below a mount that cannot
be read is unknown, not absent: what the volume beneath the mount point happens to hold there is not what the guest
would see.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from inspector.facts import UnknownFact
from parsers.filesystem.tree import DirEntry, FileType, FlagReading, Stat, Tree
from parsers.place import ParseError, Place
from parsers.source import Source

if TYPE_CHECKING:
    from inspector.disks.disk import Volume

MAX_LINKS: Final = 40
MAX_PATH: Final = 4096
READ_LIMIT: Final = 16 << 20
_GLOB: Final = re.compile(r"[*?\[]")
_KEPT_SPOTS: Final = 4096


class NotFound(UnknownFact):
    """A path that the guest certainly does not have."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} does not exist", Place(path))
        self.path = path


class Mount(msgspec.Struct, frozen=True):
    """A volume at a mount point; `tree` is None where its files cannot be read, and `reason` says why.

    `elsewhere`: what is mounted is certainly not in the image, so that nothing about it can be asked for.
    `subvolume`: path of the subvolume from the top level of its file system; None where there is none, or none known.
    `directory`: path of the directory of `tree` that is mounted, where it is known and not the top: with OSTree alone.
    """

    path: str
    volume: Volume | None
    tree: Tree | None
    root: int = 0
    reason: str | None = None
    elsewhere: bool = False
    subvolume: str | None = None
    directory: str | None = None

    @property
    def device(self) -> str:
        """Name of the volume, for a person; with what of it is mounted as findmnt(8) shows it ("sda2[/@home]")."""
        if self.volume is None:
            return "a device that is not in the image"
        inside = (f"/{self.subvolume}" if self.subvolume else "") + (self.directory or "")
        return f"{self.volume.name}[{inside}]" if inside else self.volume.name


class _Spot(msgspec.Struct, frozen=True):
    """An inode that a path leads to, and its type. `path` is canonical: no symbolic link in it."""

    path: str
    mount: Mount
    tree: Tree
    inode: int
    kind: FileType


class Path(NamedTuple):
    """A path taken apart; `absolute` where it begins at the root, not where it stands."""

    absolute: bool
    parts: list[str]


class Syntax(NamedTuple):
    """How a family writes paths: `split` takes one apart, `join` writes the names below the root as one."""

    split: Callable[[str], Path]
    join: Callable[[list[str]], str]


def _split_posix(path: str) -> Path:
    return Path(path.startswith("/"), [part for part in path.split("/") if part not in {"", "."}])


POSIX: Final = Syntax(_split_posix, lambda parts: "/" + "/".join(parts))


class Guest:
    """One tree of files. Paths are absolute guest paths; names that are no UTF-8 carry surrogate escapes.

    `syntax` is that of its paths and of the targets of its links; `unlisted` are mounts that links alone lead to.
    """

    def __init__(
        self,
        mounts: Iterable[Mount],
        family: Literal["linux", "windows"] = "linux",
        syntax: Syntax = POSIX,
        unlisted: Iterable[Mount] = (),
    ) -> None:
        self.mounts = tuple(mounts)
        self.family = family
        self._syntax = syntax
        self._mounts = {mount.path: mount for mount in (*self.mounts, *unlisted)}
        self._spots: dict[str, _Spot] = {}
        self._asked: dict[str, _Spot] = {}
        if "/" not in self._mounts or self._mounts["/"].tree is None:
            raise UnknownFact("no root file system")

    def normal(self, path: str) -> str:
        """Return `path` from the root, as POSIX writes it; `..` stays, since only the files themselves can tell."""
        return POSIX.join(self._syntax.split(path).parts)

    def written(self, path: str) -> str:
        """Return `path` from the root, as the guest's family writes it; as it stands where it is none of a file."""
        try:
            return self._syntax.join(self._syntax.split(path).parts)
        except UnknownFact:
            return path

    # -- looking at one path ---------------------------------------------------------------------------------------

    def lstat(self, path: str) -> Stat:
        """Return the metadata of `path` itself, be it a symbolic link."""
        spot = self._find(path, follow=False)
        return spot.tree.stat(spot.inode)

    def stat(self, path: str) -> Stat:
        """Return the metadata of what `path` leads to."""
        spot = self._find(path)
        return spot.tree.stat(spot.inode)

    def exists(self, path: str) -> bool:
        """Tell whether `path` leads to something. A dangling link does not."""
        return self._kind(path) is not None

    def is_file(self, path: str) -> bool:
        """Tell whether `path` leads to a regular file."""
        return self._kind(path) is FileType.FILE

    def is_dir(self, path: str) -> bool:
        """Tell whether `path` leads to a directory."""
        return self._kind(path) is FileType.DIRECTORY

    def _kind(self, path: str, *, follow: bool = True) -> FileType | None:
        try:
            return self._find(path, follow=follow).kind
        except NotFound:
            return None

    def readlink(self, path: str) -> str:
        """Return the target of the symbolic link `path`, unresolved."""
        spot = self._find(path, follow=False)
        if spot.kind is not FileType.SYMLINK:
            raise ParseError(self.place(path), "a symbolic link wanted, something else found")
        return spot.tree.readlink(spot.inode)

    def realpath(self, path: str) -> str:
        """Return the canonical path of what `path` leads to."""
        return self._find(path).path

    def xattrs(self, path: str) -> dict[str, bytes]:
        """Return the extended attributes of what `path` leads to."""
        spot = self._find(path)
        return spot.tree.xattrs(spot.inode)

    def flags(self, path: str) -> tuple[str, ...]:
        """Return the inode flags of what `path` leads to."""
        spot = self._find(path)
        return inode_flags(spot.tree, spot.tree.stat(spot.inode))

    def mount_of(self, path: str) -> Mount:
        """Return the mount on which `path` lies, or would lie; links in it are followed as far as it exists."""
        head = self.normal(path)
        while head != "/":
            try:
                return self._find(head).mount
            except NotFound:
                head = posixpath.dirname(head)
        return self._mounts["/"]

    def volume_of(self, path: str) -> str | None:
        """Return the name of the volume on which `path` lies, or would lie; None where it cannot be told."""
        try:
            mount = self.mount_of(path)
        except (UnknownFact, ParseError):
            return None
        return mount.volume.name if mount.volume else None

    def place(self, path: str, line: int | None = None, key: str | None = None, offset: int | None = None) -> Place:
        """Return a place in a guest file, as the guest's family writes its path, with its volume."""
        return Place(self.written(path), line, key, offset, self.volume_of(path))

    # -- reading ---------------------------------------------------------------------------------------------------

    def open(self, path: str) -> Source:
        """Return the content of a regular file, read on demand."""
        spot = self._find(path)
        if spot.kind is not FileType.FILE:
            raise ParseError(self.place(path), f"a regular file wanted, {spot.kind} found")
        return spot.tree.open(spot.inode)

    def read_bytes(self, path: str, limit: int = READ_LIMIT) -> bytes:
        """Return the content of a regular file of at most `limit` bytes."""
        source = self.open(path)
        if source.size > limit:
            raise ParseError(self.place(path), f"at most {limit} bytes wanted, {source.size} found")
        return source.read_at(0, source.size)

    def read_text(self, path: str, limit: int = READ_LIMIT) -> str:
        """Return the content of a text file; bytes that are no UTF-8 become surrogate escapes."""
        return self.read_bytes(path, limit).decode("utf-8", "surrogateescape")

    # -- looking around --------------------------------------------------------------------------------------------

    def listdir(self, path: str) -> list[DirEntry]:
        """Return the entries of a directory in byte order of their names."""
        spot = self._find(path)
        if spot.kind is not FileType.DIRECTORY:
            raise NotFound(path)
        return sorted(spot.tree.entries(spot.inode), key=_name_bytes)

    def glob(self, pattern: str) -> list[str]:
        """Return the existing paths that match a shell pattern, in byte order; a leading dot matches only a dot.

        Unlike a shell, it gives nothing, not the pattern itself, where nothing matches.
        """
        paths, seen = ["/"], True
        for part in self._syntax.split(pattern).parts:
            seen = _GLOB.search(part) is not None
            paths = [found for path in paths for found in (self._match(path, part) if seen else [_below(path, part)])]
        return paths if seen else [path for path in paths if self._kind(path, follow=False)]

    def _match(self, directory: str, part: str) -> list[str]:
        if not self.is_dir(directory):
            return []
        return [
            _below(directory, entry.name)
            for entry in self.listdir(directory)
            if fnmatch.fnmatchcase(entry.name, part) and entry.name.startswith(".") <= part.startswith(".")
        ]

    def walk(
        self, top: str = "/", on_error: Callable[[ParseError], None] | None = None
    ) -> Iterator[tuple[str, Mount, Stat]]:
        """Give every path below and including `top`, with its mount and metadata; no link is followed.

        Directories are given before their content, names in byte order. Each mount point is entered. A directory
        that a damaged tree holds twice is entered once, so that a loop ends. What is broken is told to `on_error`
        and passed over; without it the walk ends there with the `ParseError`.
        """
        entered: set[tuple[str, int]] = set()
        pending = [self._find(top)]
        while pending:
            spot = pending.pop()
            directory = (spot.mount.path, spot.inode)
            try:
                stat = spot.tree.stat(spot.inode)
                yield spot.path, spot.mount, stat
                if stat.type is FileType.DIRECTORY and directory not in entered:
                    entered.add(directory)
                    entries = sorted(spot.tree.entries(spot.inode), key=_name_bytes, reverse=True)
                    pending += [self._child(spot, entry) for entry in entries]
            except ParseError as error:
                if on_error is None:
                    raise
                on_error(error)

    # -- resolving -------------------------------------------------------------------------------------------------

    def _find(self, path: str, *, follow: bool = True) -> _Spot:
        """Return what `path` leads to; as it was asked for before where it was, be it spelt in one way or another."""
        if not follow:
            return self._walked(path, follow=False)
        known = self._asked.get(path)
        if known is None:
            known = self._walked(path, follow=True)
            if len(self._asked) >= _KEPT_SPOTS:
                self._asked.clear()
            self._asked[path] = known
        return known

    def _walked(self, path: str, *, follow: bool) -> _Spot:
        if len(path) > MAX_PATH:
            raise NotFound(path)
        parts = self._syntax.split(path).parts
        known = self._spots.get(POSIX.join(parts[:-1]))
        spot, parts = (known, parts[-1:]) if known else (self._root(), parts[::-1])
        links = 0
        while parts:
            name = parts.pop()
            if name == "..":
                spot = self._directory(posixpath.dirname(spot.path))
                continue
            spot, target = self._step(spot, name, path, read_link=bool(parts) or follow)
            if target is None:
                continue
            links += 1
            if links > MAX_LINKS or len(target) + sum(map(len, parts)) > MAX_PATH:
                raise ParseError(Place(path), f"at most {MAX_LINKS} symbolic links wanted, more found")
            link = self._syntax.split(target)
            spot = self._root() if link.absolute else self._directory(posixpath.dirname(spot.path))
            parts += link.parts[::-1]
        return spot

    def _step(self, spot: _Spot, name: str, path: str, *, read_link: bool) -> tuple[_Spot, str | None]:
        """Go down one name; where that is a symbolic link to be followed, return its target too."""
        where = _below(spot.path, name)
        if known := self._spots.get(where):
            return known, None
        mount = self._mounts.get(where)
        if mount is not None:
            return self._enter(mount), None
        if spot.kind is not FileType.DIRECTORY:
            raise NotFound(path)
        inode = spot.tree.lookup(spot.inode, name)
        if inode is None:
            raise NotFound(path)
        child = _Spot(where, spot.mount, spot.tree, inode, spot.tree.stat(inode).type)
        if child.kind is not FileType.SYMLINK:
            self._remember(child)
        elif read_link:
            return child, spot.tree.readlink(inode)
        return child, None

    def _root(self) -> _Spot:
        return self._spots.get("/") or self._enter(self._mounts["/"])

    def _directory(self, path: str) -> _Spot:
        """Return a directory by its canonical path, through which the walk has come before."""
        return self._spots.get(path) or self._find(path)

    def _enter(self, mount: Mount) -> _Spot:
        if mount.tree is None:
            reason = f"{mount.path} is on {mount.device}, which cannot be read: {mount.reason}"
            raise UnknownFact(reason, Place(mount.path))
        spot = _Spot(mount.path, mount, mount.tree, mount.root, mount.tree.stat(mount.root).type)
        self._remember(spot)
        return spot

    def _child(self, spot: _Spot, entry: DirEntry) -> _Spot:
        where = _below(spot.path, entry.name)
        mount = self._mounts.get(where)
        if mount is not None and mount.tree is not None:
            return self._enter(mount)
        return _Spot(where, spot.mount, spot.tree, entry.inode, entry.type)

    def _remember(self, spot: _Spot) -> None:
        if len(self._spots) >= _KEPT_SPOTS:
            self._spots.clear()
        self._spots[spot.path] = spot


def _below(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory != "/" else f"/{name}"


def inode_flags(tree: Tree | None, stat: Stat) -> tuple[str, ...]:
    """Return the inode flags of what `stat` is about, read one by one where the tree does it so."""
    if stat.flags is not None:
        return stat.flags
    if isinstance(tree, FlagReading):
        return tree.flags(stat.inode)
    raise UnknownFact("inode flags are not known")


def _name_bytes(entry: DirEntry) -> bytes:
    return entry.name.encode("utf-8", "surrogateescape")
