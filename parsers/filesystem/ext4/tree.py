"""An ext2, ext3 or ext4 file system as a `Tree`.

Names in an encrypted directory are given as `[encrypted <hex>]`: without the key nobody knows them, and to ask
such a directory for a plain name raises `ParseError`, because "not there" is not known either. The content of an
encrypted file, and its target if it is a link, raise `ParseError`.

In a casefolded directory a name is looked up without regard to case: by Python's Unicode tables (NFD, full case
folding, ignorable code points dropped), not by those of the Unicode version in the superblock; names that are
no UTF-8 are compared byte by byte, as the kernel does.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from parsers.filesystem.ext4.content import InlineContent
from parsers.filesystem.ext4.directory import Directory
from parsers.filesystem.ext4.features import feature_names
from parsers.filesystem.ext4.groups import Groups
from parsers.filesystem.ext4.htree import find_blocks
from parsers.filesystem.ext4.inodes import (
    FLAG_CASEFOLD,
    FLAG_EA_INODE,
    FLAG_ENCRYPT,
    FLAG_INDEX,
    FLAG_INLINE_DATA,
    S_IFLNK,
    S_IFREG,
    Inode,
    Inodes,
)
from parsers.filesystem.ext4.journal import parse_journal_superblock
from parsers.filesystem.ext4.mapping import open_mapping
from parsers.filesystem.ext4.superblock import SUPERBLOCK_OFFSET, Compat, Incompat, Superblock, error_problems
from parsers.filesystem.ext4.usage import measure_usage
from parsers.filesystem.ext4.volume import Volume
from parsers.filesystem.ext4.xattr import Xattrs
from parsers.filesystem.known_names import KnownNames, search
from parsers.filesystem.mapped import MappedContent
from parsers.filesystem.tree import TYPES_BY_ENTRY, DirEntry, FileType, Stat, Usage, encode_name
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

_ROOT: Final = 2
_LONGEST_NAME: Final = 255
_FAST_LINK: Final = 60
_LONGEST_LINK: Final = 65536
_FEW_BLOCKS: Final = 4  # are read sooner than the hash of a name is reckoned


class Ext4Tree:
    """A file system that is open for reading; made by `open_ext4`."""

    def __init__(
        self, source: Source, superblock: Superblock, *, unreplayed_journal: bool, recovery: Problem | None = None
    ) -> None:
        self._volume = Volume(source, superblock)
        self._groups = Groups(self._volume)
        self._inodes = Inodes(self._volume, self._groups)
        self._types = TYPES_BY_ENTRY
        self._names = KnownNames()
        self._leaves = KnownNames()
        self._usage: Usage | None = None
        self._recovery = recovery
        self.superblock = superblock
        self.unreplayed_journal = unreplayed_journal
        root = self._inodes.get(_ROOT)
        if not root.is_directory:
            raise self._volume.error(root.offset, f"a directory as the root wanted, a {root.type} found")

    @property
    def name(self) -> str:
        """Name of the volume."""
        return self._volume.name

    @property
    def stated_size(self) -> int:
        """Bytes that the superblock says the file system has."""
        return self.superblock.blocks * self.superblock.block_size

    @property
    def features(self) -> frozenset[str]:
        """The features under the names of tune2fs(8)."""
        block = self.superblock
        return feature_names(block.compat, block.incompat, block.ro_compat)

    @property
    def root(self) -> int:
        """Inode of the root directory."""
        return _ROOT

    @property
    def usage(self) -> Usage | None:
        """How full it is, as statfs(2) would say; None where the group descriptors cannot be read."""
        if self._usage is None:
            try:
                self._usage = measure_usage(self._volume, self._groups, self._journal_size())
            except ParseError as error:
                self._volume.report(error.place.offset or 0, f"usage unknown: {error.message}")
        return self._usage

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong so far."""
        unclean = self.unclean
        return ((unclean,) if unclean else ()) + self.recorded_errors + self._volume.problems

    @property
    def unclean(self) -> Problem | None:
        """That the journal needs recovery, or that without one it was not unmounted.

        With a journal the state "clean" alone says nothing: a frozen snapshot lacks it and needs no recovery.
        """
        superblock = self.superblock
        if self._recovery or superblock.clean or superblock.compat & Compat.HAS_JOURNAL:
            return self._recovery
        place = Place(self.name, offset=SUPERBLOCK_OFFSET + 0x3A)
        return Problem(place, "it has no journal and was not unmounted cleanly")

    @cached_property
    def recorded_errors(self) -> tuple[Problem, ...]:
        """The errors that the kernel wrote down, in the superblock and in that of the journal."""
        found = list(error_problems(self.superblock, self.name))
        if self.superblock.compat & Compat.HAS_JOURNAL and self.superblock.journal_inode:
            try:
                journal = open_journal(self._volume, self._inodes)
                error = parse_journal_superblock(journal).error
            except ParseError as broken:
                found.append(Problem(broken.place, f"the journal cannot be read: {broken.message}"))
            else:
                if error:
                    found.append(Problem(Place(journal.name, offset=32), f"the journal was aborted with error {error}"))
        return tuple(found)

    def stat(self, inode: int) -> Stat:
        """Return the metadata of an inode."""
        return self._inodes.get(inode).stat()

    def lookup(self, directory: int, name: str) -> int | None:
        """Return the inode of `name`; by the hash index where there is one and it saves something."""
        raw = encode_name(name)
        if raw is None or (len(raw) > _LONGEST_NAME and not name.startswith("[encrypted ")):
            return None
        if directory in self._names:
            return self._names.find(directory, raw)
        opened = self._directory(directory)
        if opened.inode.flags & FLAG_ENCRYPT:
            return self._lookup_encrypted(opened, name)
        if opened.inode.flags & FLAG_CASEFOLD and self.superblock.incompat & Incompat.CASEFOLD:
            return self._lookup_folded(opened, raw)
        indexed = opened.inode.flags & FLAG_INDEX and self.superblock.compat & Compat.DIR_INDEX
        if indexed and opened.blocks > _FEW_BLOCKS:  # none where it lies in the inode
            try:
                return self._lookup_hashed(opened, raw)
            except ParseError as error:
                self._volume.report(error.place.offset or 0, f"{error.message}; the directory is read from end to end")
        return self._names.look_up(directory, lambda: self._directory(directory), raw)

    def entries(self, directory: int) -> Iterator[DirEntry]:
        """Give the entries; where some could not be read, the others are given first, then `ParseError` is raised."""
        opened = self._directory(directory)
        types, encrypted = self._types, opened.inode.flags & FLAG_ENCRYPT
        for name, inode, kind in opened.entries():
            text = f"[encrypted {name.hex()}]" if encrypted else name.decode("utf-8", "surrogateescape")
            yield DirEntry(text, inode, types[kind] if kind < 8 else FileType.UNKNOWN)
        if opened.broken:
            raise opened.broken

    def readlink(self, inode: int) -> str:
        """Return the target of a symbolic link."""
        link = self._inodes.get(inode)
        if link.mode & 0xF000 != S_IFLNK:
            raise self._error(link, f"a symbolic link wanted, a {link.type} found")
        if link.flags & FLAG_ENCRYPT:
            raise self._error(link, "a readable target wanted, an encrypted one found")
        if not 0 < link.size < _LONGEST_LINK:
            raise self._error(link, f"a target of 1 to {_LONGEST_LINK - 1} bytes wanted, {link.size} found")
        target = link.block[: link.size] if self._is_fast(link) else self._content(link).read_at(0, link.size)
        return target.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")

    def open(self, inode: int) -> Source:
        """Return the content of a regular file."""
        file = self._inodes.get(inode)
        if file.mode & 0xF000 != S_IFREG:
            raise self._error(file, f"a regular file wanted, a {file.type} found")
        if file.flags & FLAG_ENCRYPT:
            raise self._error(file, "readable content wanted, encrypted content found")
        return self._content(file)

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return the extended attributes under their full names."""
        return self._xattrs(self._inodes.get(inode)).all()

    def _is_fast(self, link: Inode) -> bool:
        """Tell whether the target lies in the inode: all blocks that it counts are those of attributes."""
        if link.flags & FLAG_INLINE_DATA:
            return False
        attributes = self.superblock.cluster_size >> 9 if link.xattr_block else 0
        if link.sectors != attributes:
            return False
        if link.size >= _FAST_LINK:
            raise self._error(
                link, f"a target of at most {_FAST_LINK - 1} bytes in the inode wanted, {link.size} found"
            )
        return True

    def _directory(self, number: int) -> Directory:
        inode = self._inodes.get(number)
        return Directory(self._volume, inode, self._xattrs(inode))

    def _xattrs(self, inode: Inode) -> Xattrs:
        return Xattrs(self._volume, inode, self._read_value)

    def _content(self, inode: Inode) -> Source:
        name = f"{self.name} inode {inode.number}"
        if inode.flags & FLAG_INLINE_DATA:
            return InlineContent(inode.block + self._xattrs(inode).inline_data(), name, inode.size)
        mapping = open_mapping(self._volume, inode)
        return MappedContent(self._volume.source, self._volume.block_size, mapping, name, inode.size)

    def _read_value(self, number: int, size: int) -> bytes:
        """Return the value of an attribute that has an inode of its own."""
        inode = self._inodes.get(number)
        if not inode.flags & FLAG_EA_INODE or inode.mode & 0xF000 != S_IFREG or inode.size != size:
            raise self._error(inode, f"an attribute's inode of {size} bytes wanted, something else found")
        return self._content(inode).read_at(0, size)

    def _lookup_hashed(self, directory: Directory, name: bytes) -> int | None:
        seen: set[int] = set()
        for logical in find_blocks(self._volume, directory, name):
            if logical in seen:
                raise directory.error(directory.inode.offset, f"block {logical} found twice in the index")
            seen.add(logical)
            inode = self._find_in_leaf(directory, logical, name)
            if inode is not None:
                return inode
        return None

    def _find_in_leaf(self, directory: Directory, logical: int, name: bytes) -> int | None:
        """Look into one block of a hashed directory; its names are kept, for most look-ups come to few directories."""
        block = directory.inode.number << 32 | logical
        if block not in self._leaves:
            names: dict[bytes, int] = {}
            for found, inode, _ in directory.parse(*directory.block(logical)):
                names.setdefault(found, inode)
            self._leaves.keep(block, names, directory.broken)
        return self._leaves.find(block, name)

    def _lookup_folded(self, directory: Directory, name: bytes) -> int | None:
        wanted = _fold(name)
        return search(directory, lambda found: found == name or _fold(found) == wanted)

    def _lookup_encrypted(self, directory: Directory, name: str) -> int | None:
        for found, inode, _ in directory.entries():
            if name == f"[encrypted {found.hex()}]":
                return inode
        raise self._error(directory.inode, "readable names wanted, encrypted ones found")

    def _journal_size(self) -> int:
        number = self.superblock.journal_inode
        if not self.superblock.compat & Compat.HAS_JOURNAL or not number:
            return 0
        return self._inodes.get(number).size

    def _error(self, inode: Inode, message: str) -> ParseError:
        return self._volume.error(inode.offset, f"inode {inode.number}: {message}")


def open_journal(volume: Volume, inodes: Inodes) -> Source:
    """Return the content of the journal's inode; raise `ParseError` where that is no plain file."""
    inode = inodes.get(volume.superblock.journal_inode)
    if inode.mode & 0xF000 != S_IFREG or inode.flags & (FLAG_INLINE_DATA | FLAG_ENCRYPT):
        raise volume.error(inode.offset, f"inode {inode.number}: a journal wanted, a {inode.type} found")
    mapping = open_mapping(volume, inode)
    return MappedContent(volume.source, volume.block_size, mapping, f"{volume.name} journal", inode.size)


def _fold(name: bytes) -> str | bytes:
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return name
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
    return "".join(character for character in folded if unicodedata.category(character) != "Cf")
