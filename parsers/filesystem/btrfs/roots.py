"""The tree of roots: the other trees, subvolumes and snapshots among them, and which one is mounted by default.

Specification: btrfs on-disk format, "ROOT_ITEM", "ROOT_REF", "DIR_ITEM"; btrfs-subvolume(8).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from struct import Struct
from typing import Final
from uuid import UUID

import msgspec

from parsers.filesystem.btrfs.btree import BTree, Key, Nodes, Position
from parsers.filesystem.btrfs.checksum import name_hash
from parsers.filesystem.btrfs.directory import DIR_ITEM, ROOT_ITEM, EntryError, parse_entries
from parsers.filesystem.subvolume import Subvolume
from parsers.place import ParseError

EXTENT_TREE: Final = 2
DEVICE_TREE: Final = 4
TOP_LEVEL: Final = 5
CHECKSUM_TREE: Final = 7
FREE_SPACE_TREE: Final = 10
BLOCK_GROUP_TREE: Final = 11
FIRST_FREE: Final = 256
_LAST_FREE: Final = (1 << 64) - 256
_ROOT_BACKREF: Final = 144
_ROOT_REF: Final = 156
_INODE_REF: Final = 12
_READ_ONLY: Final = 1
_ITEM = Struct("<160xQQQQQQQI17xBB")
_SECOND_VERSION = Struct("<Q16s16s16sQQQQ12xqI")
_REFERENCE = Struct("<QQH")
_MAX_TREES: Final = 64
_MAX_DEPTH: Final = 2048  # names in a path
_MAX_NAMES: Final = 1 << 19  # in all paths of a list
_MAX_SUBVOLUMES: Final = 1 << 16
_LAST: Final = (1 << 64) - 1
_NOBODY: Final = UUID(int=0)


class Root(msgspec.Struct, frozen=True):
    """What the tree of roots says about a tree; `used` in bytes, `otime` in nanoseconds since 1970."""

    id: int
    position: Position
    used: int
    references: int
    read_only: bool
    generation: int
    uuid: UUID | None = None
    parent_uuid: UUID | None = None
    received_uuid: UUID | None = None
    otime: int | None = None


class Reference(msgspec.Struct, frozen=True):
    """Where a subvolume lies: the subvolume around it, the directory there, and its name."""

    parent: int
    directory: int
    name: bytes


class Roots:
    """The trees of a file system by their numbers."""

    def __init__(self, nodes: Nodes) -> None:
        superblock = nodes.volume.superblock
        self._nodes = nodes
        self._volume = nodes.volume
        self._tree = BTree(nodes, Position(superblock.root, superblock.root_level, superblock.generation))
        self._directory = superblock.root_directory
        self._trees: dict[int, BTree] = {}
        self._names_left = 0

    def tree(self, number: int) -> BTree:
        """Return a tree; raise `ParseError` where there is none, or one that was deleted."""
        tree = self._trees.pop(number, None)
        if tree is None:
            root = self.root(number)
            if root is None or not root.references:
                raise self._error(f"tree {number} wanted, {'a deleted one' if root else 'none'} found")
            tree = BTree(self._nodes, root.position)
            if len(self._trees) >= _MAX_TREES:
                del self._trees[next(iter(self._trees))]
        self._trees[number] = tree
        return tree

    def root(self, number: int) -> Root | None:
        """Return what is said about a tree, or None where there is none."""
        found = self._tree.floor((number, ROOT_ITEM, _LAST))
        if found is None or found[0][:2] != (number, ROOT_ITEM):
            return None
        return self._parse(number, found[1])

    def default(self) -> int:
        """Return the number of the subvolume that is mounted when none is named."""
        item = self._tree.get((self._directory, DIR_ITEM, name_hash(b"default")))
        if item is None:
            return TOP_LEVEL
        try:
            entries = parse_entries(item)
        except EntryError as error:
            raise self._error(f"default subvolume: {error}") from None
        for entry in entries:
            if entry.name == b"default" and entry.key[1] == ROOT_ITEM:
                return entry.key[0]
        raise self._error("a default subvolume wanted, something else found")

    def contains(self, parent: int, child: int, directory: int, name: bytes) -> bool:
        """Tell whether a subvolume lies there: a snapshot of `parent` has the name, but not what it stands for."""
        item = self._tree.get((parent, _ROOT_REF, child))
        return item is not None and self._reference(parent, item) == Reference(parent, directory, name)

    @cached_property
    def subvolumes(self) -> tuple[Subvolume, ...]:
        """All subvolumes that were not deleted, the top level first, and then by their numbers."""
        return tuple(self._list())

    def _list(self) -> Iterator[Subvolume]:
        self._names_left = _MAX_NAMES
        for count, number in enumerate(self._numbers()):
            if count > _MAX_SUBVOLUMES:
                raise self._error(f"at most {_MAX_SUBVOLUMES} subvolumes wanted, more found")
            root = self.root(number)
            if root is None or not root.references:
                continue
            reference = self._whereabouts(number)
            yield Subvolume(
                id=number,
                parent=reference.parent if reference else None,
                path=self._path(number),
                generation=root.generation,
                read_only=root.read_only,
                uuid=root.uuid,
                parent_uuid=root.parent_uuid,
                received_uuid=root.received_uuid,
                otime=root.otime,
            )

    def _numbers(self) -> Iterator[int]:
        yield TOP_LEVEL
        number: int | None = FIRST_FREE
        while number is not None and number <= _LAST_FREE:
            key = self._tree.next_key((number, 0, 0), (_LAST_FREE + 1, 0, 0))
            if key is None:
                return
            if self._tree.next_key((key[0], ROOT_ITEM, 0), (key[0], ROOT_ITEM + 1, 0)):
                yield key[0]
            number = key[0] + 1

    def _path(self, number: int) -> str | None:
        """Return the path of a subvolume from the top level."""
        names: list[bytes] = []
        try:
            while len(names) <= _MAX_DEPTH:
                if number == TOP_LEVEL:
                    return b"/".join(reversed(names)).decode("utf-8", "surrogateescape")
                reference = self._whereabouts(number)
                if reference is None:
                    return None
                names.append(reference.name)
                self._climb(reference, names)
                number = reference.parent
        except ParseError as error:
            self._volume.report(error.place, f"subvolume {number}: path unknown: {error.message}")
        return None

    def _climb(self, reference: Reference, names: list[bytes]) -> None:
        """Add the names of the directories between a subvolume and the one around it, the inmost first."""
        tree = self.tree(reference.parent)
        self._names_left -= 1
        inode = reference.directory
        while inode != FIRST_FREE:
            found = next(tree.items((inode, _INODE_REF, 0), (inode, _INODE_REF + 1, 0)), None)
            self._names_left -= 1
            if found is None or len(found[1]) < 10 or len(names) > _MAX_DEPTH or self._names_left < 0:
                raise self._error(f"a path to inode {reference.directory} of tree {reference.parent} wanted")
            entry, item = found
            names.append(item[10 : 10 + int.from_bytes(item[8:10], "little")])
            inode = entry[2]

    def _whereabouts(self, number: int) -> Reference | None:
        key: Key = (number, _ROOT_BACKREF, 0)
        for entry, item in self._tree.items(key, (number, _ROOT_BACKREF + 1, 0)):
            return self._reference(entry[2], item)
        return None

    def _reference(self, parent: int, item: bytes) -> Reference:
        if len(item) < _REFERENCE.size:
            raise self._error(f"a reference of {_REFERENCE.size} bytes wanted, {len(item)} found")
        directory, _, length = _REFERENCE.unpack_from(item)
        return Reference(parent, directory, item[_REFERENCE.size : _REFERENCE.size + length])

    def _parse(self, number: int, item: bytes) -> Root:
        if len(item) < _ITEM.size:
            raise self._error(f"tree {number}: a root of {_ITEM.size} bytes wanted, {len(item)} found")
        generation, _, address, _, used, _, flags, references, _, level = _ITEM.unpack_from(item)
        root = Root(
            id=number,
            position=Position(address, level, generation),
            used=used,
            references=references,
            read_only=bool(flags & _READ_ONLY),
            generation=generation,
        )
        if len(item) < _ITEM.size + _SECOND_VERSION.size:
            return root
        second = _SECOND_VERSION.unpack_from(item, _ITEM.size)
        if second[0] != generation:  # written by a kernel that knows the first version alone
            return root
        uuids = (UUID(bytes=raw) for raw in second[1:4])
        own, parent, received = (None if uuid == _NOBODY else uuid for uuid in uuids)
        otime = second[8] * 10**9 + second[9]
        return msgspec.structs.replace(root, uuid=own, parent_uuid=parent, received_uuid=received, otime=otime)

    def _error(self, message: str) -> ParseError:
        return self._volume.error(self._volume.superblock.root, message)
