"""Archives in the "newc" format of cpio, read as a stream.

Layout: Linux kernel, Documentation/driver-api/early-userspace/buffer-format.rst: a header of 110 bytes, a magic and
thirteen fields of eight hexadecimal digits, then the name and the content, each filled up with NULs to four bytes.
An archive ends with the member `TRAILER!!!` or with the stream. Of a file with several links, only one member (the
last one, as GNU cpio writes it) carries the content.

Deliberately not done: the checksum of magic 070702 is not verified (the kernel does not do it for files that it need
not read either), other cpio formats (the kernel reads none).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import msgspec

from parsers.place import ParseError, Place

MAGICS: Final = (b"070701", b"070702")
HEADER_SIZE: Final = 110
MAX_NAME: Final = 4096
TRAILER: Final = b"TRAILER!!!"

_DIRECTORY, _SYMLINK, _REGULAR = 0o040000, 0o120000, 0o100000


class Stream(Protocol):
    """Bytes that are read once, from front to back."""

    @property
    def position(self) -> int:
        """How many bytes are behind."""
        ...

    @property
    def place(self) -> Place:
        """Where the stream is now, for a message."""
        ...

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; raise `ParseError` where the stream ends before."""
        ...

    def skip(self, size: int) -> None:
        """Go past `size` bytes without looking at them; raise `ParseError` where the stream ends before."""
        ...

    def ended(self) -> bool:
        """Tell whether nothing is left."""
        ...


class Member(msgspec.Struct):
    """One member of an archive. Its content can be read until the next member is asked for.

    Attributes:
        name: as stored, without the closing NUL.
        mode: type and permissions, as in stat(2).
        size: bytes of content that this member carries.
        links: number of links; above 1, another member of the same `inode` may carry the content.
        inode: device numbers and inode, which the members of one file share.
    """

    name: bytes
    mode: int
    size: int
    links: int
    inode: tuple[int, int, int]
    stream: Stream
    left: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.mode & 0o170000 == _REGULAR

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.mode & 0o170000 == _DIRECTORY

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link; its content is the target."""
        return self.mode & 0o170000 == _SYMLINK

    def read(self, limit: int) -> bytes:
        """Return the content; raise `ParseError` where it is longer than `limit` bytes."""
        if self.size > limit:
            raise ParseError(self.stream.place, f"at most {limit} bytes wanted in a member, {self.size} found")
        if self.left != self.size:
            raise ValueError("the content of a member is read once")
        self.left = 0
        return self.stream.take(self.size)


def members(stream: Stream) -> Iterator[Member]:
    """Give the members of the archive that begins here; afterwards the stream is behind the archive.

    Raises:
        ParseError: a header is broken, or the stream ends within a member.
    """
    start = stream.position
    while not stream.ended():
        header = stream.take(HEADER_SIZE)
        if header[:6] not in MAGICS or not header.isalnum():
            raise ParseError(stream.place, f"a newc cpio header wanted, {header[:6]!r} found")
        try:
            size, name_size = int(header[54:62], 16), int(header[94:102], 16)
            mode, links = int(header[14:22], 16), int(header[38:46], 16)
            inode = (int(header[62:70], 16), int(header[70:78], 16), int(header[6:14], 16))
        except ValueError:
            raise ParseError(stream.place, f"hexadecimal digits wanted in a cpio header, {header!r} found") from None
        if not 0 < name_size <= MAX_NAME:
            raise ParseError(stream.place, f"a name of 1 to {MAX_NAME} bytes wanted, {name_size} found")
        name = stream.take(name_size)[:-1]
        stream.skip((start - stream.position) % 4)
        if name == TRAILER:
            return
        member = Member(name, mode, size, links, inode, stream, size)
        yield member
        stream.skip(member.left)
        if not stream.ended():
            stream.skip((start - stream.position) % 4)
