"""The inspection's side of the appliance: one for an image, started when the first file system is mounted.

Drives have to be there when the appliance starts, so all that may be needed are given at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from inspector.backends.guestfs.broker import Broker, BrokerError
from inspector.backends.guestfs.messages import (
    MAX_ANSWER,
    MAX_DRIVES,
    MAX_REASON,
    REFUSAL,
    REQUEST,
    RESULT,
    Launch,
    Mount,
    MountNumber,
    ProtocolError,
    Request,
    receive_frame,
    send_frame,
)
from inspector.backends.guestfs.nbd import Exports
from parsers.place import ParseError, Place
from parsers.source import Source

Answer = TypeVar("Answer")

LAUNCH_SECONDS: Final = 240.0
"""How long the appliance may take to start: half a minute under emulation, more where it has to be built first."""
ANSWER_SECONDS: Final = 60.0
_GONE: Final = "libguestfs' appliance is gone"


class Session:
    """Asks the worker. Every method raises `ParseError`; once the appliance is gone, always with the same reason."""

    def __init__(self, broker: Broker, drives: Sequence[Source]) -> None:
        self._broker = broker
        self._drives = tuple(drives)
        self._channel: _Served | None = None
        self._lost: str | None = None

    def mount(self, source: int | str, kind: str, name: str) -> int:
        """Mount drive number `source`, or the logical volume "group/volume", and return the number of the mount.

        `name` is what places call the volume.
        """
        return self.ask(Mount(source, kind), MountNumber, name)

    def ask(self, request: Request, kind: type[Answer], name: str) -> Answer:
        """Return the answer to a request, which is of the type `kind`; the first one starts the appliance."""
        return self._ask(self._channel or self._start(name), request, kind, name)

    def _ask(self, channel: _Served, request: Request, kind: type[Answer], name: str) -> Answer:
        try:
            sort, payload = self._exchange(channel, request)
            if sort == RESULT:
                return msgspec.msgpack.decode(payload, type=kind)
        except (ProtocolError, msgspec.DecodeError, OSError) as error:
            self._lose(str(error))
            raise ParseError(Place(name, volume=name), self._lost or _GONE) from error
        reason = payload[:MAX_REASON].decode("utf-8", "replace")
        raise ParseError(Place(name, volume=name), f"libguestfs: {reason}")

    def _exchange(self, channel: _Served, request: Request) -> tuple[bytes, bytes]:
        channel.begin(LAUNCH_SECONDS if isinstance(request, Launch) else ANSWER_SECONDS)
        send_frame(channel, REQUEST, msgspec.msgpack.encode(request))
        frame = receive_frame(channel, MAX_ANSWER)
        if frame is None:
            raise ProtocolError(_GONE)
        if frame[0] not in {RESULT, REFUSAL}:
            raise ProtocolError("an answer wanted, something else found")
        return frame

    def close(self) -> None:
        """End the appliance; the broker can start no other."""
        self._lose("libguestfs' appliance was closed")

    def __del__(self) -> None:
        self.close()

    def _start(self, name: str) -> _Served:
        if self._lost is not None:
            raise ParseError(Place(name, volume=name), self._lost)
        if len(self._drives) > MAX_DRIVES:
            self._lost = f"at most {MAX_DRIVES} volumes for libguestfs wanted, {len(self._drives)} found"
            raise ParseError(Place(name, volume=name), self._lost)
        try:
            self._channel = channel = _Served(self._broker, self._drives)
        except BrokerError as error:
            self._lose(str(error))
            raise ParseError(Place(name, volume=name), self._lost or _GONE) from error
        try:
            self._ask(channel, Launch(len(self._drives)), type(None), name)
        except ParseError as error:
            self._lose(f"libguestfs' appliance does not start: {error.message.removeprefix('libguestfs: ')}")
            raise ParseError(Place(name, volume=name), self._lost or _GONE) from error
        return channel

    def _lose(self, reason: str) -> None:
        if self._lost is None or self._channel is not None:
            self._lost = reason
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self._broker.finish()


class _Served:
    """The stream to the worker, as a `Channel`; while it is waited for, the drives are served."""

    def __init__(self, broker: Broker, drives: Sequence[Source]) -> None:
        self._stream, listener = broker.wake()
        self._exports = Exports(drives, listener)
        self._seconds = 0.0
        self._deadline = 0.0

    def begin(self, seconds: float) -> None:
        """Begin a request, which has to be answered within some seconds."""
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self._stream.sendall(data)

    def receive(self, size: int) -> bytes:
        """Return at most `size` bytes."""
        if not self._exports.wait(self._stream.fileno(), self._deadline):
            raise ProtocolError(f"libguestfs took more than {self._seconds:g} s")
        try:
            return self._stream.recv(size)
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Serve no more."""
        self._exports.close()
