"""The bytes of volumes for a virtual machine: a read-only server of network block devices, on a socket of the host.

Protocol: NetworkBlockDevice/nbd, doc/proto.md: fixed newstyle negotiation, the options EXPORT_NAME, GO, INFO and ABORT,
simple replies, the command READ. Not done: everything else, which the client is told is not supported.

There is no thread: whoever waits for the virtual machine calls `serve` meanwhile. Export "0" is the first source, and
so on. A source whose size is no multiple of a sector is filled up with zeros, since drives consist of sectors.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Final

from parsers.place import ParseError
from parsers.source import Source

SECTOR: Final = 512
MAX_CONNECTIONS: Final = 40
MAX_READ: Final = 32 << 20  # what a server has to take at least, and qemu never asks for more
_MAX_OPTION: Final = 8192
_PATIENCE: Final = 30.0  # seconds for the rest of a message that has begun

_MAGIC: Final = b"NBDMAGICIHAVEOPT"
_FIXED, _NO_ZEROES = 1, 2
_EXPORT_NAME, _ABORT, _INFO, _GO = 1, 2, 6, 7
_ACK, _REPLY_INFO = 1, 3
_UNSUPPORTED, _INVALID, _UNKNOWN = 0x80000001, 0x80000003, 0x80000006
_FLAGS: Final = 1 | 2  # HAS_FLAGS, READ_ONLY
_READ, _DISCONNECT = 0, 2
_EPERM, _EIO, _EINVAL = 1, 5, 22

_OPTION: Final = struct.Struct(">8sII")
_OPTION_REPLY: Final = struct.Struct(">QIII")
_OPTION_REPLY_MAGIC: Final = 0x3E889045565A9
_EXPORT: Final = struct.Struct(">QH")
_INFO_EXPORT: Final = struct.Struct(">HQH")
_REQUEST: Final = struct.Struct(">IHHQQI")
_REQUEST_MAGIC: Final = 0x25609513
_REPLY: Final = struct.Struct(">IIQ")
_REPLY_MAGIC: Final = 0x67446698


class _GoneError(Exception):
    """The client left, or said what no client says."""


class Exports:
    """Serves `sources` to whoever connects to `listener`."""

    def __init__(self, sources: Sequence[Source], listener: socket.socket) -> None:
        self._sources = sources
        self._listener = listener
        self._clients: dict[int, _Client] = {}

    def wait(self, descriptor: int, deadline: float) -> bool:
        """Serve until something can be read from `descriptor`, or it is at its end; False where it is too late."""
        while (left := deadline - time.monotonic()) > 0:
            poll = select.poll()
            for number in (descriptor, self._listener.fileno(), *self._clients):
                poll.register(number, select.POLLIN)
            ready = [number for number, _ in poll.poll(left * 1000)]
            if descriptor in ready:
                return True
            for number in ready:
                self._serve(number)
        return False

    def close(self) -> None:
        """Leave all clients."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._listener.close()

    def _serve(self, number: int) -> None:
        client = self._clients.get(number)
        if client is None:
            self._accept()
            return
        try:
            client.step()
        except (_GoneError, OSError):
            del self._clients[number]
            client.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if len(self._clients) >= MAX_CONNECTIONS:
            connection.close()
            return
        connection.settimeout(_PATIENCE)
        try:
            connection.sendall(_MAGIC + struct.pack(">H", _FIXED | _NO_ZEROES))
        except OSError:
            connection.close()
            return
        self._clients[connection.fileno()] = _Client(connection, self._sources)


class _Client:
    """One connection; `step` takes its next message, which has begun to arrive."""

    def __init__(self, connection: socket.socket, sources: Sequence[Source]) -> None:
        self._connection = connection
        self._sources = sources
        self._source: Source | None = None
        self._greeted = False
        self._zeroes = b""

    def step(self) -> None:
        """Answer one message; raise `_GoneError` or `OSError` where the connection is over."""
        if not self._greeted:
            flags = int.from_bytes(self._receive(4), "big")
            self._zeroes = b"" if flags & _NO_ZEROES else bytes(124)
            self._greeted = True
        elif self._source is None:
            self._negotiate()
        else:
            self._transmit(self._source)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _negotiate(self) -> None:
        magic, option, size = _OPTION.unpack(self._receive(_OPTION.size))
        if magic != b"IHAVEOPT" or size > _MAX_OPTION:
            raise _GoneError
        data = self._receive(size)
        if option == _EXPORT_NAME:
            source = self._find(data)
            if source is None:
                raise _GoneError  # the protocol knows no other answer
            self._connection.sendall(_EXPORT.pack(_size(source), _FLAGS) + self._zeroes)
            self._source = source
        elif option in {_GO, _INFO}:
            self._describe(option, data)
        elif option == _ABORT:
            self._reply(option, _ACK)
            raise _GoneError
        else:
            self._reply(option, _UNSUPPORTED)

    def _describe(self, option: int, data: bytes) -> None:
        length = int.from_bytes(data[:4], "big")
        if len(data) < 6 or length > len(data) - 6:
            self._reply(option, _INVALID)
            return
        source = self._find(data[4 : 4 + length])
        if source is None:
            self._reply(option, _UNKNOWN)
            return
        self._reply(option, _REPLY_INFO, _INFO_EXPORT.pack(0, _size(source), _FLAGS))
        self._reply(option, _ACK)
        if option == _GO:
            self._source = source

    def _transmit(self, source: Source) -> None:
        magic, _flags, command, handle, offset, size = _REQUEST.unpack(self._receive(_REQUEST.size))
        if magic != _REQUEST_MAGIC or command == _DISCONNECT:
            raise _GoneError
        if command != _READ:
            if command == 1:  # a write, which carries its data: they would be taken for the next request
                raise _GoneError
            self._answer(handle, _EPERM)
        elif size > MAX_READ or offset + size > _size(source):
            self._answer(handle, _EINVAL)
        else:
            try:
                data = _read(source, offset, size)
            except ParseError:
                self._answer(handle, _EIO)
            else:
                self._answer(handle, 0, data)

    def _answer(self, handle: int, error: int, data: bytes = b"") -> None:
        self._connection.sendall(_REPLY.pack(_REPLY_MAGIC, error, handle) + data)

    def _reply(self, option: int, kind: int, data: bytes = b"") -> None:
        self._connection.sendall(_OPTION_REPLY.pack(_OPTION_REPLY_MAGIC, option, kind, len(data)) + data)

    def _find(self, name: bytes) -> Source | None:
        text = name.decode("ascii", "replace")
        if not text.isdecimal() or len(text) > 4 or int(text) >= len(self._sources):
            return None
        return self._sources[int(text)]

    def _receive(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            part = self._connection.recv(size)
            if not part:
                raise _GoneError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _size(source: Source) -> int:
    return -(-source.size // SECTOR) * SECTOR


def _read(source: Source, offset: int, size: int) -> bytes:
    inside = max(min(size, source.size - offset), 0)
    data = source.read_at(offset, inside) if inside else b""
    return data + bytes(size - inside)
