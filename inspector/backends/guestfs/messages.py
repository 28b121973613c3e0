"""What the inspection and the worker say to each other: frames of a kind, a length, and MessagePack.

The inspection asks, the worker answers with a result or with a refusal, which is a sentence. Neither trusts the other:
every frame is bounded, and decoded to a type that is checked. Paths are bytes, relative to the root of a mount.
"""

from __future__ import annotations

import socket
import struct
from typing import Annotated, Final, Protocol

import msgspec

MAX_REQUEST: Final = 4 << 20
MAX_ANSWER: Final = 64 << 20
MAX_DRIVES: Final = 24
"""Drives of one appliance: each holds a connection open, and an inspection may have 64 files."""
MAX_NAMES: Final = 512
MAX_READ: Final = 1 << 20
MAX_ENTRIES: Final = 1 << 20
MAX_REASON: Final = 500

REQUEST: Final = b"?"
RESULT: Final = b"+"
REFUSAL: Final = b"-"

Path = Annotated[bytes, msgspec.Meta(max_length=8192)]
Name = Annotated[bytes, msgspec.Meta(min_length=1, max_length=1024)]
Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Seconds = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
VolumeName = Annotated[str, msgspec.Meta(max_length=300)]
MountNumber = Annotated[int, msgspec.Meta(ge=0, lt=1000)]

_HEADER: Final = struct.Struct("<cI")


class ProtocolError(Exception):
    """The other side broke the rules, or is gone."""


class Launch(msgspec.Struct, tag="launch", frozen=True, forbid_unknown_fields=True):
    """Start the appliance with so many drives, the exports "0", "1", ... of the inspection; answered by None."""

    drives: Annotated[int, msgspec.Meta(ge=1, le=MAX_DRIVES)]


class Mount(msgspec.Struct, tag="mount", frozen=True, forbid_unknown_fields=True):
    """Mount a file system read-only; answered by the number of the mount.

    Attributes:
        source: the number of a drive, or a logical volume as "group/volume".
        kind: the type of what is mounted, as blkid names it.
    """

    source: Annotated[int, msgspec.Meta(ge=0, lt=MAX_DRIVES)] | VolumeName
    kind: Annotated[str, msgspec.Meta(max_length=30)]


class DeviceSize(msgspec.Struct, tag="device-size", frozen=True, forbid_unknown_fields=True):
    """Length in bytes of the logical volume "group/volume", as the appliance puts it together; answered by `Number`."""

    volume: VolumeName


class ReadDevice(msgspec.Struct, tag="read-device", frozen=True, forbid_unknown_fields=True):
    """Bytes of the logical volume "group/volume"; answered by `bytes`, fewer than asked at its end."""

    volume: VolumeName
    offset: Number
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_READ)]


class _AtPath(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mount: MountNumber
    path: Path


class ListNames(_AtPath, tag="names", frozen=True):
    """The names in a directory; answered by `list[Name]`."""


class StatNames(_AtPath, tag="stats", frozen=True):
    """Metadata of names in a directory; answered by `list[Status | None]` in the order of the names."""

    names: Annotated[list[Name], msgspec.Meta(max_length=MAX_NAMES)]


class StatPath(_AtPath, tag="stat", frozen=True):
    """Metadata of a path, no link followed; answered by `Status`, or None where there is no such path."""


class ReadLink(_AtPath, tag="readlink", frozen=True):
    """The target of a symbolic link; answered by `bytes`."""


class Read(_AtPath, tag="read", frozen=True):
    """Bytes of a regular file; answered by `bytes`, fewer than asked at its end."""

    offset: Number
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_READ)]


class ReadFlags(_AtPath, tag="flags", frozen=True):
    """The inode flags of a path in the letters of lsattr(1); answered by `str`."""


class ReadXattrs(_AtPath, tag="xattrs", frozen=True):
    """The extended attributes of a path; answered by `dict[bytes, bytes]`."""


class ReadUsage(msgspec.Struct, tag="usage", frozen=True, forbid_unknown_fields=True):
    """How full a file system is; answered by `Space`."""

    mount: MountNumber


FileRequest = ListNames | StatNames | StatPath | ReadLink | Read | ReadFlags | ReadXattrs
Request = Launch | Mount | DeviceSize | ReadDevice | ReadUsage | FileRequest


class Status(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What stat(2) says."""

    device: Number
    inode: Number
    mode: Number
    links: Number
    uid: Number
    gid: Number
    rdev: Number
    size: Number
    atime: tuple[Seconds, Seconds]
    mtime: tuple[Seconds, Seconds]
    ctime: tuple[Seconds, Seconds]


class Space(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What statvfs(3) says; blocks are of `block` bytes."""

    block: Number
    blocks: Number
    free: Number
    available: Number
    inodes: Number
    inodes_free: Number


class Channel(Protocol):
    """One end of a stream: `receive` gives at least one byte, or none at its end."""

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        ...

    def receive(self, size: int) -> bytes:
        """Return at most `size` bytes."""
        ...


class Stream:
    """A connected socket as a `Channel`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, data: bytes) -> None:
        """Send all of `data`; raise `ProtocolError` where the other side is gone."""
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise ProtocolError(f"the other side is gone: {error.strerror}") from error

    def receive(self, size: int) -> bytes:
        """Return at most `size` bytes, none where the other side is gone."""
        try:
            return self._connection.recv(size)
        except ConnectionError:
            return b""


def send_frame(channel: Channel, kind: bytes, payload: bytes) -> None:
    """Send one frame."""
    channel.send(_HEADER.pack(kind, len(payload)) + payload)


def receive_frame(channel: Channel, limit: int) -> tuple[bytes, bytes] | None:
    """Return the kind and the payload of the next frame, or None where the stream ends before it.

    Raises:
        ProtocolError: the frame is longer than `limit`, or the stream ends within it.
    """
    head = _exactly(channel, _HEADER.size)
    if not head:
        return None
    if len(head) < _HEADER.size:
        raise ProtocolError("the stream ends within a frame")
    kind, size = _HEADER.unpack(head)
    if size > limit:
        raise ProtocolError(f"a frame of at most {limit} bytes wanted, {size} found")
    payload = _exactly(channel, size)
    if len(payload) < size:
        raise ProtocolError("the stream ends within a frame")
    return kind, payload


def _exactly(channel: Channel, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = channel.receive(min(size, 1 << 20))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
