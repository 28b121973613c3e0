"""A file system in the appliance, as the `Tree` that rules and listings read.

The appliance knows paths, a tree knows inodes: each inode that was given out is kept with its directory and its name.
Metadata come with the directory that is listed, some hundred at a time. What only the kernel that mounted a file system
knows, and does not say, is said to be unknown: inode flags are read one by one (`flags`), times of birth not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec

from inspector.backends.guestfs.messages import (
    MAX_ENTRIES,
    MAX_NAMES,
    MAX_READ,
    ListNames,
    Name,
    Path,
    Read,
    ReadFlags,
    ReadLink,
    ReadUsage,
    ReadXattrs,
    Space,
    StatNames,
    StatPath,
    Status,
)
from inspector.backends.guestfs.session import Session
from parsers.filesystem.mount_state import MountState
from parsers.filesystem.tree import TYPES_BY_MODE, DirEntry, FileType, Stat, Usage
from parsers.place import ParseError, Place, Problem
from parsers.source import Source, check_range

_MAX_INODES: Final = 2_000_000
_MAX_PATH: Final = 4000  # of the 4096 that Linux takes, some go to the mount point
_MAX_STATS: Final = 1 << 16
_MAX_LOOKUPS: Final = 1 << 16
_BLOCK: Final = 256 << 10
_MAX_BLOCKS: Final = 4
_MADE_UP: Final = 1 << 63
"""Where inode numbers begin that are ours: for inodes of a subvolume, whose own number others have as well."""

_Names = Annotated[list[Name], msgspec.Meta(max_length=MAX_ENTRIES)]
_Statuses = Annotated[list[Status | None], msgspec.Meta(max_length=MAX_NAMES)]
_Xattrs = Annotated[dict[bytes, bytes], msgspec.Meta(max_length=4096)]
_Bytes = Annotated[bytes, msgspec.Meta(max_length=MAX_READ)]
_Letters = Annotated[str, msgspec.Meta(max_length=64)]

_FLAGS: Final = {
    "a": "append", "A": "noatime", "c": "compressed", "C": "nocow", "d": "nodump", "D": "dirsync", "E": "encrypted",
    "F": "casefold", "i": "immutable", "j": "journal-data", "m": "nocompress", "P": "project-inherit",
    "s": "secure-deletion", "S": "sync", "t": "notail", "T": "topdir", "u": "undelete", "V": "verity", "x": "dax",
}  # fmt: skip
_FLAGGED: Final = frozenset({FileType.FILE, FileType.DIRECTORY})
_STORAGE: Final = frozenset("eIN")
"""The letters of lsattr(1) that say how a file is stored (extents, index, inline data), and nothing of the file."""


class GuestfsTree:
    """The `Tree` of the mount `mount` of `session`, called `name`; `state` is what its superblock says.

    `has_flags`: whether the format has inode flags, so that they have to be asked for.
    """

    def __init__(self, session: Session, mount: int, name: str, state: MountState, *, has_flags: bool = True) -> None:
        self.name = name
        self.unreplayed_journal = state.stale
        self.unclean = Problem(Place(name, volume=name), state.unclean) if state.unclean else None
        self.recorded_errors = tuple(Problem(Place(name, volume=name), error) for error in state.errors)
        self._session = session
        self._mount = mount
        self._unread_flags = None if has_flags else ()
        self._usage: Usage | None = None
        self._parents: dict[int, tuple[int, bytes]] = {}
        self._made_up: dict[tuple[int, int, bytes], int] = {}
        self._stats: dict[int, Stat] = {}
        self._lookups: dict[tuple[int, bytes], int | None] = {}
        status = self._ask_status(b"")
        if status is None:
            raise self._error(b"", "a root directory wanted, none found")
        self._device = status.device
        self.root = status.inode
        self._remember(self.root, status)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the superblock says; what the appliance's kernel meets is told where it is met."""
        return (*self.recorded_errors, *((self.unclean,) if self.unclean else ()))

    @property
    def usage(self) -> Usage:
        """How full it is, as the kernel counts it."""
        if self._usage is None:
            space = self._session.ask(ReadUsage(self._mount), Space, self.name)
            self._usage = Usage(
                space.blocks * space.block,
                space.free * space.block,
                space.available * space.block,
                space.inodes or None,
                space.inodes_free if space.inodes else None,
            )
        return self._usage

    def stat(self, inode: int) -> Stat:
        """Return the metadata of an inode; `flags` is None, see the method of that name."""
        known = self._stats.get(inode)
        if known is not None:
            return known
        path = self._path(inode)
        status = self._ask_status(path)
        if status is None:
            raise self._error(path, "it is named in its directory, but not there")
        return self._remember(inode, status)

    def lookup(self, directory: int, name: str) -> int | None:
        """Return the inode of a name."""
        raw = _bytes(name)
        key = (directory, raw)
        if key not in self._lookups:
            status = self._ask_status(_join(self._path(directory), raw))
            inode = None if status is None else self._adopt(directory, raw, status)
            self._note(key, inode)
        return self._lookups[key]

    def entries(self, directory: int) -> Iterator[DirEntry]:
        """Give the entries of a directory, with their metadata kept for `stat`."""
        path = self._path(directory)
        names = self._session.ask(ListNames(self._mount, path), _Names, self.name)
        for start in range(0, len(names), MAX_NAMES):
            page = names[start : start + MAX_NAMES]
            if any(b"/" in name or b"\0" in name or name in {b".", b".."} for name in page):
                raise self._error(path, "names of files wanted, a path found")
            statuses = self._session.ask(StatNames(self._mount, path, page), _Statuses, self.name)
            if len(statuses) != len(page):
                raise self._error(path, f"metadata of {len(page)} names wanted, of {len(statuses)} found")
            for name, status in zip(page, statuses, strict=True):
                inode = self._adopt(directory, name, status)
                self._note((directory, name), inode)
                kind = FileType.UNKNOWN if status is None else _type(status)
                yield DirEntry(name.decode("utf-8", "surrogateescape"), inode, kind)

    def readlink(self, inode: int) -> str:
        """Return the target of a symbolic link."""
        target = self._session.ask(ReadLink(self._mount, self._path(inode)), Path, self.name)
        return target.decode("utf-8", "surrogateescape")

    def open(self, inode: int) -> Source:
        """Return the content of a regular file."""
        stat = self.stat(inode)
        path = self._path(inode)
        if stat.type is not FileType.FILE:  # reading a FIFO would wait for ever
            raise self._error(path, f"a regular file wanted, {stat.type} found")
        return _Content(self._session, self._mount, path, stat.size, self.name)

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return the extended attributes."""
        found = self._session.ask(ReadXattrs(self._mount, self._path(inode)), _Xattrs, self.name)
        return {name.decode("utf-8", "surrogateescape"): value for name, value in sorted(found.items())}

    def flags(self, inode: int) -> tuple[str, ...]:
        """Return the inode flags, which `stat` does not know: each costs a call of its own."""
        known = self.stat(inode).flags
        if known is not None:
            return known
        letters = self._session.ask(ReadFlags(self._mount, self._path(inode)), _Letters, self.name)
        return tuple(sorted({_FLAGS.get(letter, letter) for letter in letters if letter not in _STORAGE}))

    # -- inodes ----------------------------------------------------------------------------------------------------

    def _path(self, inode: int) -> bytes:
        names: list[bytes] = []
        length = 0
        while inode != self.root:
            if inode not in self._parents:
                raise ParseError(Place(self.name, volume=self.name), f"no path leads to inode {inode}")
            inode, name = self._parents[inode]
            names.append(name)
            length += len(name) + 1
            if length > _MAX_PATH:
                raise ParseError(Place(self.name, volume=self.name), f"paths of at most {_MAX_PATH} bytes wanted")
        return b"/".join(reversed(names))

    def _adopt(self, directory: int, name: bytes, status: Status | None) -> int:
        """Return the inode number of a name, and keep how it is reached."""
        if status is not None and status.device == self._device and 0 < status.inode < _MADE_UP:
            inode = status.inode
        else:
            key = (directory, 0, name) if status is None else (status.device, status.inode, b"")
            inode = self._made_up.setdefault(key, _MADE_UP + len(self._made_up))
        if inode != self.root and inode not in self._parents:
            if len(self._parents) >= _MAX_INODES:
                raise self._error(name, f"at most {_MAX_INODES} files wanted, more found")
            self._parents[inode] = (directory, name)
        if status is not None:
            self._remember(inode, status)
        return inode

    def _remember(self, inode: int, status: Status) -> Stat:
        if len(self._stats) >= _MAX_STATS:
            self._stats.clear()
        stat = self._stats[inode] = _stat(inode, status, self._unread_flags)
        return stat

    def _note(self, key: tuple[int, bytes], inode: int | None) -> None:
        if len(self._lookups) >= _MAX_LOOKUPS:
            self._lookups.clear()
        self._lookups[key] = inode

    def _ask_status(self, path: bytes) -> Status | None:
        kind: type[Status | None] = Status | None  # type: ignore[assignment]  # msgspec takes unions as types
        return self._session.ask(StatPath(self._mount, path), kind, self.name)

    def _error(self, path: bytes, message: str) -> ParseError:
        return ParseError(Place("/" + path.decode("utf-8", "surrogateescape"), volume=self.name), message)


class _Content:
    """A regular file as a source; small reads come out of blocks that are kept."""

    def __init__(self, session: Session, mount: int, path: bytes, size: int, volume: str) -> None:
        self.name = "/" + path.decode("utf-8", "surrogateescape")
        self.size = size
        self._session = session
        self._mount = mount
        self._path = path
        self._volume = volume
        self._blocks: dict[int, bytes] = {}

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of the file."""
        check_range(self, offset, size)
        parts = []
        while size:
            if size >= MAX_READ:
                part = self._read(offset, MAX_READ)
            else:
                number, skip = divmod(offset, _BLOCK)
                part = self._block(number)[skip : skip + size]
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return b"".join(parts)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            while len(self._blocks) >= _MAX_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[number] = self._read(number * _BLOCK, min(_BLOCK, self.size - number * _BLOCK))
        return self._blocks[number]

    def _read(self, offset: int, size: int) -> bytes:
        data = self._session.ask(Read(self._mount, self._path, offset, size), _Bytes, self._volume)
        if len(data) != size:
            place = Place(self.name, offset=offset, volume=self._volume)
            raise ParseError(place, f"{size} bytes wanted, {len(data)} found")
        return data


def _stat(inode: int, status: Status, flags: tuple[str, ...] | None) -> Stat:
    kind = _type(status)
    device = kind in {FileType.CHAR, FileType.BLOCK}
    return Stat(
        inode,
        kind,
        status.mode & 0o7777,
        status.uid,
        status.gid,
        status.size,
        status.links,
        _nanoseconds(status.mtime),
        _nanoseconds(status.atime),
        _nanoseconds(status.ctime),
        None,
        (os.major(status.rdev), os.minor(status.rdev)) if device else None,
        flags if kind in _FLAGGED else (),
    )


def _type(status: Status) -> FileType:
    return TYPES_BY_MODE.get(status.mode & 0xF000, FileType.UNKNOWN)


def _nanoseconds(time: tuple[int, int]) -> int:
    return time[0] * 1_000_000_000 + time[1]


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _join(path: bytes, name: bytes) -> bytes:
    return b"/".join((path, name)) if path else name
