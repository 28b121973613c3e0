"""A btrfs file system as a `Tree`: one subvolume, and those that lie in it.

Inodes of the subvolume that is opened have the numbers that the kernel gives them; to those of other ones the
number of their subvolume is added, times 2**64, for every subvolume counts from 256 on. Where a snapshot has the name
of a subvolume that lies in what it was taken of, the kernel shows an empty directory, and so does this; those in one
directory share a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from struct import Struct
from typing import Final

from parsers.filesystem.btrfs.btree import BTree
from parsers.filesystem.btrfs.checksum import name_hash
from parsers.filesystem.btrfs.data import Data
from parsers.filesystem.btrfs.directory import (
    DIR_INDEX,
    DIR_ITEM,
    INODE_ITEM,
    MAX_NAME,
    ROOT_ITEM,
    XATTR_ITEM,
    Entry,
    EntryError,
    check_name,
    parse_entries,
)
from parsers.filesystem.btrfs.extents import ExtentContent
from parsers.filesystem.btrfs.inodes import SIZE as INODE_SIZE
from parsers.filesystem.btrfs.inodes import STUB, Inode, make_stub
from parsers.filesystem.btrfs.roots import DEVICE_TREE, FIRST_FREE, TOP_LEVEL, Roots
from parsers.filesystem.btrfs.superblock import DeviceItem, Flag, Superblock
from parsers.filesystem.btrfs.usage import ProfileUsage, measure_profiles, measure_usage
from parsers.filesystem.btrfs.volume import Volume
from parsers.filesystem.subvolume import Subvolume
from parsers.filesystem.tree import TYPES_BY_ENTRY, DirEntry, FileType, Stat, Usage, encode_name
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

_SHIFT: Final = 64
_MASK: Final = (1 << _SHIFT) - 1
_LONGEST_LINK: Final = 65536
_LARGEST_FILE: Final = (1 << 63) - 1
_MAX_ATTRIBUTES: Final = 4 << 20
_DEVICE_STATISTICS: Final = 249
_STATISTICS = Struct("<5Q")
_MAX_RECORDED: Final = 64  # devices
_COUNTERS: Final = ("write", "read", "flush", "corruption", "generation")


class BtrfsTree:
    """A file system that is open for reading; made by `open_btrfs`."""

    def __init__(
        self,
        volume: Volume,
        roots: Roots,
        devices: list[DeviceItem],
        subvolume: int | str | None,
        data: Data,
    ) -> None:
        self._volume = volume
        self._roots = roots
        self._devices = devices
        self._usage: Usage | None = None
        self._data = data
        self._top = TOP_LEVEL
        self._top = self._choose(subvolume)
        root = self._inode(FIRST_FREE)
        if root.type is not FileType.DIRECTORY:
            raise self._error(root, f"a directory as the root wanted, a {root.type} found")

    @property
    def name(self) -> str:
        """Name of the volume."""
        return self._volume.name

    @property
    def superblock(self) -> Superblock:
        """The superblock that was taken."""
        return self._volume.superblock

    @property
    def stated_size(self) -> int:
        """Bytes that the superblock says its device has."""
        return self.superblock.device.total_bytes

    @property
    def root(self) -> int:
        """Inode of the root directory of the subvolume."""
        return FIRST_FREE

    @property
    def subvolume(self) -> int:
        """Number of the subvolume that is open."""
        return self._top

    @property
    def default_subvolume(self) -> int:
        """Number of the subvolume that is mounted where none is named. Raises `ParseError`."""
        return self._roots.default()

    @property
    def subvolumes(self) -> tuple[Subvolume, ...]:
        """All subvolumes and snapshots of the file system. Raises `ParseError`."""
        return self._roots.subvolumes

    @property
    def missing_devices(self) -> tuple[str, ...]:
        """The devices that the file system has and that were not given, or are outdated."""
        there = self._volume.devices
        return tuple(f"device {item.id} ({item.uuid})" for item in self._devices if item.uuid not in there)

    def at(self, subvolume: int | str) -> BtrfsTree:
        """Return the tree of another subvolume; what was read before serves it too. Raises `ParseError`."""
        return BtrfsTree(self._volume, self._roots, self._devices, subvolume, self._data)

    @property
    def profiles(self) -> tuple[ProfileUsage, ...]:
        """Usage by kind and profile of the chunks. Raises `ParseError`."""
        return measure_profiles(self._volume, self._roots)

    @property
    def usage(self) -> Usage | None:
        """How full it is; None where the block groups cannot be read."""
        if self._usage is None:
            try:
                self._usage = measure_usage(self._volume, self._roots, self._devices)
            except ParseError as error:
                self._volume.report(error.place, f"usage unknown: {error.message}")
        return self._usage

    @property
    def unreplayed_journal(self) -> bool:
        """Whether there is a log tree, which the kernel would replay and which is not read here."""
        return bool(self.superblock.log_root)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong so far."""
        unclean = self.unclean
        recorded = self.recorded_errors  # which may find more that is wrong
        return ((unclean,) if unclean else ()) + recorded + self._volume.problems

    @property
    def unclean(self) -> Problem | None:
        """That it was not unmounted: what was last synced stands in a log tree."""
        if not self.unreplayed_journal:
            return None
        place = Place(self.name, offset=self.superblock.offset + 96)
        return Problem(place, "the log tree has to be replayed; what was written last is not read")

    @cached_property
    def recorded_errors(self) -> tuple[Problem, ...]:
        """The errors that the kernel wrote down, in the superblock and for each device."""
        found = []
        if self.superblock.flags & Flag.ERROR:
            place = Place(self.name, offset=self.superblock.offset + 56)
            found.append(Problem(place, "the superblock says that errors were found"))
        try:
            tree = self._roots.tree(DEVICE_TREE)
            for device in self._devices[:_MAX_RECORDED]:
                item = tree.get((0, _DEVICE_STATISTICS, device.id))
                found += self._statistics(device, item or b"")
        except ParseError as error:
            self._volume.report(error.place, f"errors of the devices unknown: {error.message}")
        return tuple(found)

    def stat(self, inode: int) -> Stat:
        """Return the metadata of an inode."""
        return self._inode(inode).stat()

    def lookup(self, directory: int, name: str) -> int | None:
        """Return the inode of `name`, by its hash."""
        raw = encode_name(name)
        if raw is None:
            return None
        opened = self._directory(directory)
        if len(raw) > MAX_NAME or opened.within == STUB:
            return None
        item = self._tree(opened.subvolume).get((opened.within, DIR_ITEM, name_hash(raw)))
        if item is None:
            return None
        for entry in self._entries(opened, item):
            if entry.name == raw:
                return self._target(opened, entry)
        return None

    def entries(self, directory: int) -> Iterator[DirEntry]:
        """Give the entries; where some could not be read, the others are given first, then `ParseError` is raised."""
        opened = self._directory(directory)
        if opened.within == STUB:
            return
        within, broken = opened.within, None
        base = 0 if opened.subvolume == self._top else opened.subvolume << _SHIFT
        types = TYPES_BY_ENTRY
        for _, item in self._tree(opened.subvolume).items((within, DIR_INDEX, 0), (within, DIR_INDEX + 1, 0)):
            try:
                for entry in self._entries(opened, item):
                    check_name(entry.name)
                    kind = types[entry.type] if entry.type < 8 else FileType.UNKNOWN
                    number, key_type, _ = entry.key
                    plain = key_type == INODE_ITEM and number >= FIRST_FREE
                    inode = base + number if plain else self._target(opened, entry)
                    yield DirEntry(entry.name.decode("utf-8", "surrogateescape"), inode, kind)
            except EntryError as error:
                broken = broken or self._error(opened, str(error))
            except ParseError as error:
                broken = broken or error
        if broken:
            raise broken

    def readlink(self, inode: int) -> str:
        """Return the target of a symbolic link."""
        link = self._inode(inode)
        if link.type is not FileType.SYMLINK:
            raise self._error(link, f"a symbolic link wanted, a {link.type} found")
        if not 0 < link.size < _LONGEST_LINK:
            raise self._error(link, f"a target of 1 to {_LONGEST_LINK - 1} bytes wanted, {link.size} found")
        target = self._content(link).read_at(0, link.size)
        return target.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")

    def open(self, inode: int) -> Source:
        """Return the content of a regular file."""
        file = self._inode(inode)
        if file.type is not FileType.FILE:
            raise self._error(file, f"a regular file wanted, a {file.type} found")
        return self._content(file)

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return the extended attributes under their full names."""
        opened = self._inode(inode)
        if opened.within == STUB:
            return {}
        found: dict[str, bytes] = {}
        total = 0
        start = (opened.within, XATTR_ITEM, 0)
        for _, item in self._tree(opened.subvolume).items(start, (opened.within, XATTR_ITEM + 1, 0)):
            total += len(item)
            if total > _MAX_ATTRIBUTES:
                raise self._error(opened, f"attributes of at most {_MAX_ATTRIBUTES} bytes wanted, more found")
            for entry in self._entries(opened, item):
                found[entry.name.decode("utf-8", "surrogateescape")] = entry.value
        return found

    def _choose(self, subvolume: int | str | None) -> int:
        """Return the number of the subvolume to open."""
        if subvolume is None:
            return self._roots.default()
        if isinstance(subvolume, int):
            return subvolume or TOP_LEVEL
        inode: int | None = FIRST_FREE
        for name in subvolume.split("/"):
            if name not in ("", ".") and inode is not None:
                inode = self.lookup(inode, name)
        if inode is None:
            raise self._missing(f"subvolume {subvolume!r} wanted, none found")
        if inode & _MASK != FIRST_FREE:
            raise self._missing(f"subvolume {subvolume!r} wanted, something else of that name found")
        return inode >> _SHIFT or TOP_LEVEL

    def _tree(self, subvolume: int) -> BTree:
        return self._roots.tree(subvolume)

    def _inode(self, number: int) -> Inode:
        within = number & _MASK
        subvolume = number >> _SHIFT or self._top
        if within == STUB and subvolume & _MASK != STUB:
            return make_stub(number, self._inode(number >> _SHIFT))
        item = self._tree(subvolume).get((within, INODE_ITEM, 0)) if within >= FIRST_FREE else None
        if item is None or len(item) < INODE_SIZE:
            found = "none" if item is None else f"one of {len(item)} bytes"
            raise self._missing(f"inode {within} of subvolume {subvolume} wanted, {found} found")
        return Inode(number, subvolume, within, item)

    def _directory(self, number: int) -> Inode:
        inode = self._inode(number)
        if inode.type is not FileType.DIRECTORY:
            raise self._error(inode, f"a directory wanted, a {inode.type} found")
        return inode

    def _entries(self, inode: Inode, item: bytes) -> list[Entry]:
        try:
            return parse_entries(item)
        except EntryError as error:
            raise self._error(inode, str(error)) from None

    def _target(self, directory: Inode, entry: Entry) -> int:
        """Return the inode that an entry stands for."""
        number, kind, _ = entry.key
        base = 0 if directory.subvolume == self._top else directory.subvolume << _SHIFT
        if kind == INODE_ITEM and number >= FIRST_FREE:
            return base + number
        if kind != ROOT_ITEM or number < FIRST_FREE:
            raise self._error(directory, f"an entry of an inode or a subvolume wanted, {entry.key} found")
        if not self._roots.contains(directory.subvolume, number, directory.within, entry.name):
            return directory.number << _SHIFT | STUB
        return FIRST_FREE if number == self._top else number << _SHIFT | FIRST_FREE

    def _content(self, inode: Inode) -> ExtentContent:
        if inode.size > _LARGEST_FILE:
            raise self._error(inode, f"a size of at most {_LARGEST_FILE} bytes wanted, {inode.size} found")
        name = f"{self.name} inode {inode.number}"
        return ExtentContent(name, inode, self._tree(inode.subvolume), self._data, self.superblock.sector_size)

    def _statistics(self, device: DeviceItem, item: bytes) -> list[Problem]:
        if len(item) < _STATISTICS.size:
            return []
        counts = zip(_COUNTERS, _STATISTICS.unpack_from(item), strict=True)
        seen = ", ".join(f"{count} {name} errors" for name, count in counts if count)
        return [Problem(Place(self.name), f"device {device.id} recorded {seen}")] if seen else []

    def _missing(self, message: str) -> ParseError:
        return ParseError(Place(self.name), message)

    def _error(self, inode: Inode, message: str) -> ParseError:
        return self._missing(f"inode {inode.within} of subvolume {inode.subvolume}: {message}")
