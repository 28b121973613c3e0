"""What every file-system reader gives: a read-only tree of inodes.

Names and link targets are `str` decoded as UTF-8 with `surrogateescape`, so that bytes which are no UTF-8
survive the way there and back. An inode number is unique within its tree; readers whose format has none make
one up. Nothing here follows a symbolic link: that is the guest's affair.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

import msgspec

from parsers.place import Problem
from parsers.source import Source


class FileType(StrEnum):
    """Type of an inode, in the words of stat(1)."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    CHAR = "char"
    BLOCK = "block"
    FIFO = "fifo"
    SOCKET = "socket"
    UNKNOWN = "unknown"


TYPES_BY_MODE: Final = {
    0x1000: FileType.FIFO,
    0x2000: FileType.CHAR,
    0x4000: FileType.DIRECTORY,
    0x6000: FileType.BLOCK,
    0x8000: FileType.FILE,
    0xA000: FileType.SYMLINK,
    0xC000: FileType.SOCKET,
}
"""The type that the upper four bits of st_mode say (inode(7)); file systems of Unix keep it so on the disk."""

TYPES_BY_ENTRY: Final = (
    FileType.UNKNOWN,
    FileType.FILE,
    FileType.DIRECTORY,
    FileType.CHAR,
    FileType.BLOCK,
    FileType.FIFO,
    FileType.SOCKET,
    FileType.SYMLINK,
)
"""The type that a directory entry says; ext4, XFS and btrfs number them alike."""


def encode_name(name: str) -> bytes | None:
    """Return the bytes of a name; None for one that no file can have."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return None


class Stat(msgspec.Struct, frozen=True):
    """Metadata of one inode.

    Attributes:
        inode: number of the inode in its tree.
        mode: the twelve permission bits (0o7777).
        size: bytes of content; of a symbolic link, the length of its target.
        atime, mtime, ctime, btime: nanoseconds since 1970-01-01 UTC; None where the format has no such time.
        rdev: major and minor number of a device.
        flags: sorted names of inode flags ("append", "compressed", "encrypted", "immutable", "verity", ...); None where
            they have to be asked for (`FlagReading`).
    """

    inode: int
    type: FileType
    mode: int
    uid: int
    gid: int
    size: int
    links: int
    mtime: int
    atime: int | None = None
    ctime: int | None = None
    btime: int | None = None
    rdev: tuple[int, int] | None = None
    flags: tuple[str, ...] | None = ()


class DirEntry(msgspec.Struct, frozen=True):
    """A name in a directory. `type` is UNKNOWN where the directory does not say."""

    name: str
    inode: int
    type: FileType = FileType.UNKNOWN


class Usage(msgspec.Struct, frozen=True):
    """How full a file system is, from its superblock; in bytes and in inodes (None: the format has no such limit).

    Attributes:
        total: capacity as statfs(2) counts it.
        free: free bytes, those reserved for root included.
        available: free bytes for ordinary users.
    """

    total: int
    free: int
    available: int
    inodes: int | None = None
    inodes_free: int | None = None


class Tree(Protocol):
    """A file system that is open for reading. Every method raises `ParseError` on a broken structure."""

    @property
    def name(self) -> str:
        """Name of the volume ("sda1"), as used in places."""
        ...

    @property
    def root(self) -> int:
        """Inode of the root directory."""
        ...

    @property
    def usage(self) -> Usage | None:
        """How full it is; None where that was not worked out."""
        ...

    @property
    def unreplayed_journal(self) -> bool:
        """Whether a journal or log has to be replayed first, so that what is read here may be out of date."""
        ...

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong so far: recorded errors, checksum mismatches. Grows while reading; bounded."""
        ...

    def stat(self, inode: int) -> Stat:
        """Return the metadata of an inode."""
        ...

    def lookup(self, directory: int, name: str) -> int | None:
        """Return the inode of `name` in a directory, or None. Names with special meaning (".", "..") are not asked."""
        ...

    def entries(self, directory: int) -> Iterator[DirEntry]:
        """Give the entries of a directory in its own order, without "." and ".."."""
        ...

    def readlink(self, inode: int) -> str:
        """Return the target of a symbolic link."""
        ...

    def open(self, inode: int) -> Source:
        """Return the content of a regular file; it is read on demand, holes as zeros."""
        ...

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return the extended attributes under their full names ("security.selinux")."""
        ...


@runtime_checkable
class SelfReporting(Protocol):
    """What a tree can say besides, where its format records how the file system fared."""

    @property
    def recorded_errors(self) -> tuple[Problem, ...]:
        """The errors that its driver met and wrote down; they are among `problems` too."""
        ...

    @property
    def unclean(self) -> Problem | None:
        """How it was not unmounted cleanly: the journal needs recovery (replayed in memory or not), or is missing."""
        ...


@runtime_checkable
class FlagReading(Protocol):
    """A tree whose `stat` does not know the inode flags, since each inode's would cost a question of its own."""

    def flags(self, inode: int) -> tuple[str, ...]:
        """Return the inode flags, sorted, under the names of `Stat.flags`."""
        ...


@runtime_checkable
class SizeStating(Protocol):
    """A tree whose format says how long the file system is, so that one that was cut off is told from a whole one."""

    @property
    def stated_size(self) -> int:
        """Bytes that the volume has to have; of several devices, the one that the tree was opened on."""
        ...


@runtime_checkable
class FeatureNaming(Protocol):
    """A tree whose format names its features."""

    @property
    def features(self) -> frozenset[str]:
        """The names that the format's own tools print."""
        ...


class Stream(msgspec.Struct, frozen=True):
    """A stream of a file besides its content: what stands behind the colon of `file:stream`, and the bytes it holds."""

    name: str
    size: int


@runtime_checkable
class StreamKeeping(Protocol):
    """A tree whose files may have several streams of data."""

    def streams(self, inode: int) -> tuple[Stream, ...]:
        """Return the streams of an inode besides its content; a stream has none."""
        ...


@runtime_checkable
class SecurityDescribing(Protocol):
    """A tree whose files have security descriptors of Windows."""

    def security_descriptor(self, inode: int) -> bytes:
        """Return the descriptor of an inode, self-relative ([MS-DTYP] 2.4.6)."""
        ...
