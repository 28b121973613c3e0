"""An XFS file system as a `Tree`.

Where names are looked up without regard to case (the feature asciici), that is so for the letters A to Z and their
like in Latin-1, as in the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from parsers.filesystem.known_names import KnownNames, search
from parsers.filesystem.mapped import MappedContent
from parsers.filesystem.tree import TYPES_BY_ENTRY, DirEntry, FileType, Stat, Usage, encode_name
from parsers.filesystem.xfs.directory import Directory
from parsers.filesystem.xfs.groups import Group, read_groups
from parsers.filesystem.xfs.inodes import FLAG_REALTIME, FORMAT_LOCAL, S_IFLNK, S_IFREG, Inode, Inodes
from parsers.filesystem.xfs.log import log_trouble
from parsers.filesystem.xfs.mapping import Mapping, data_fork
from parsers.filesystem.xfs.superblock import Superblock, Version, error_problems
from parsers.filesystem.xfs.usage import measure_usage
from parsers.filesystem.xfs.volume import Layout, Volume
from parsers.filesystem.xfs.xattr import Xattrs
from parsers.place import ParseError, Problem
from parsers.source import Source

_LONGEST_NAME: Final = 255
_LONGEST_LINK: Final = 1023
_LINK_LAYOUT: Final = Layout("symbolic link", checksum=12, uuid=16, owner=32, block=40)
_LINK_HEADER: Final = 56
_UPPER: Final = bytes((*range(0x41, 0x5B), *range(0xC0, 0xD7), *range(0xD8, 0xDF)))
_LOWER_CASE: Final = bytes.maketrans(_UPPER, bytes(letter + 0x20 for letter in _UPPER))


class XfsTree:
    """A file system that is open for reading; made by `open_xfs`."""

    def __init__(self, source: Source, superblock: Superblock) -> None:
        self._volume = Volume(source, superblock)
        self._inodes = Inodes(self._volume)
        self._folds = bool(superblock.features & Version.ASCII_CI)
        self._names = KnownNames()
        self._indexed: Directory | None = None
        self.superblock = superblock
        trouble = log_trouble(self._volume)
        self._unclean = None if trouble is None else Problem(trouble.place, trouble.message)
        self._groups = self._read_groups()
        root = self._inodes.get(superblock.root)
        if not root.is_directory:
            raise self._volume.error(root.offset, f"a directory as the root wanted, a {root.type} found")

    @property
    def name(self) -> str:
        """Name of the volume."""
        return self._volume.name

    @property
    def stated_size(self) -> int:
        """Bytes that the superblock says the file system has, those of realtime devices apart."""
        return self.superblock.blocks * self.superblock.block_size

    @property
    def root(self) -> int:
        """Inode of the root directory."""
        return self.superblock.root

    @cached_property
    def usage(self) -> Usage | None:
        """How full it is, as statfs(2) would say; None where the counters cannot be read."""
        if self._groups is None:
            return None
        return measure_usage(self.superblock, self._groups, clean=self._unclean is None)

    @property
    def unreplayed_journal(self) -> bool:
        """Whether the log has to be replayed first, or nobody knows."""
        return self._unclean is not None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong so far."""
        return ((self._unclean,) if self._unclean else ()) + self.recorded_errors + self._volume.problems

    @property
    def unclean(self) -> Problem | None:
        """That the log does not end in an unmount record, or cannot be read."""
        return self._unclean

    @cached_property
    def recorded_errors(self) -> tuple[Problem, ...]:
        """That a repair was not finished; XFS writes down no other errors."""
        return error_problems(self.superblock, self.name)

    def stat(self, inode: int) -> Stat:
        """Return the metadata of an inode."""
        return self._inodes.get(inode).stat()

    def lookup(self, directory: int, name: str) -> int | None:
        """Return the inode of `name`; by the hash index where there is one."""
        raw = encode_name(name)
        if raw is None or not 0 < len(raw) <= _LONGEST_NAME:
            return None
        if self._folds:
            return self._lookup_folded(self._directory(directory), raw)
        if directory in self._names:
            return self._names.find(directory, raw)
        opened = self._opened(directory)
        if opened.indexed:
            try:
                return opened.find(raw)
            except ParseError as error:
                self._volume.report(error.place.offset or 0, f"{error.message}; the directory is read from end to end")
        return self._names.look_up(directory, lambda: self._directory(directory), raw)

    def entries(self, directory: int) -> Iterator[DirEntry]:
        """Give the entries; where some could not be read, the others are given first, then `ParseError` is raised."""
        opened = self._directory(directory)
        types = TYPES_BY_ENTRY
        for name, inode, kind in opened.entries():
            yield DirEntry(
                name.decode("utf-8", "surrogateescape"), inode, types[kind] if kind < 8 else FileType.UNKNOWN
            )
        if opened.broken:
            raise opened.broken

    def readlink(self, inode: int) -> str:
        """Return the target of a symbolic link."""
        link = self._inodes.get(inode)
        if link.mode & 0xF000 != S_IFLNK:
            raise self._error(link, f"a symbolic link wanted, a {link.type} found")
        if not 0 < link.size <= _LONGEST_LINK:
            raise self._error(link, f"a target of 1 to {_LONGEST_LINK} bytes wanted, {link.size} found")
        target = link.fork[: link.size] if link.format == FORMAT_LOCAL else self._remote_target(link)
        if len(target) != link.size:
            raise self._error(link, f"a target of {link.size} bytes wanted, {len(target)} found")
        return target.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")

    def open(self, inode: int) -> Source:
        """Return the content of a regular file."""
        file = self._inodes.get(inode)
        if file.mode & 0xF000 != S_IFREG:
            raise self._error(file, f"a regular file wanted, a {file.type} found")
        if file.flags & FLAG_REALTIME:
            raise self._error(file, "content on this device wanted, content on the realtime device found")
        volume = self._volume
        mapping = Mapping(volume, data_fork(file))
        return MappedContent(volume.source, volume.block_size, mapping, f"{self.name} inode {inode}", file.size)

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return the extended attributes under their full names."""
        return Xattrs(self._volume, self._inodes.get(inode)).all()

    def _read_groups(self) -> tuple[Group, ...] | None:
        try:
            return read_groups(self._volume)
        except ParseError as error:
            self._volume.report(error.place.offset or 0, f"usage unknown: {error.message}")
            return None

    def _remote_target(self, link: Inode) -> bytes:
        """Read a target that lies in blocks; in version 5 each run of them begins with a header."""
        volume = self._volume
        mapping = Mapping(volume, data_fork(link))
        target, logical = b"", 0
        room = -(-_LONGEST_LINK // volume.block_size) + 2
        while len(target) < link.size and logical < room:
            block, count = mapping.find(logical)
            if block is None:
                raise self._error(link, f"block {logical} of the target wanted, a hole found")
            count = min(count, room)
            data = volume.read_blocks(block, count)
            if volume.has_checksums:
                data = self._link_body(link, data, block * volume.block_size, len(target))
            target += data[: link.size - len(target)]
            logical += count
        return target

    def _link_body(self, link: Inode, data: bytes, offset: int, at: int) -> bytes:
        first, size = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
        if data[:4] != b"XSLM" or first != at or not 0 < size <= len(data) - _LINK_HEADER:
            raise self._error(link, f"byte {at} of the target wanted, {data[:12].hex()} found")
        self._volume.verify(data, offset, _LINK_LAYOUT, link.number)
        return data[_LINK_HEADER : _LINK_HEADER + size]

    def _directory(self, number: int) -> Directory:
        return Directory(self._volume, self._inodes.get(number))

    def _opened(self, number: int) -> Directory:
        """Return a directory whose index is asked again and again."""
        if self._indexed is None or self._indexed.inode.number != number:
            self._indexed = self._directory(number)
        return self._indexed

    def _lookup_folded(self, directory: Directory, name: bytes) -> int | None:
        wanted = name.translate(_LOWER_CASE)
        return search(directory, lambda found: found.translate(_LOWER_CASE) == wanted)

    def _error(self, inode: Inode, message: str) -> ParseError:
        return self._volume.error(inode.offset, f"inode {inode.number}: {message}")
