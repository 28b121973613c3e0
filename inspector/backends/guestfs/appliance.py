"""The worker's side: libguestfs' virtual machine, and what it is asked.

Read-only and on its own: drives are served by the inspection (see `nbd`), libguestfs lays a scratch file over each, so
that nothing can be written back, and the block devices are set read-only inside, so that no driver replays a journal
even there. No network, nothing of the guest runs, libguestfs does not inspect it, and nothing is probed: the format of
a drive is raw, and the type of a file system is the one that our own detection found.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol

import msgspec

from inspector.backends.guestfs.calls import CallError, Calls
from inspector.backends.guestfs.file_systems import FILE_SYSTEMS
from inspector.backends.guestfs.messages import (
    MAX_REASON,
    MAX_REQUEST,
    REFUSAL,
    REQUEST,
    RESULT,
    Channel,
    DeviceSize,
    FileRequest,
    Launch,
    ListNames,
    Mount,
    ProtocolError,
    Read,
    ReadDevice,
    ReadFlags,
    ReadLink,
    ReadUsage,
    ReadXattrs,
    Request,
    Space,
    StatNames,
    StatPath,
    Status,
    receive_frame,
    send_frame,
)

_VOLUME: Final = re.compile(r"(?!\.\.?/)[A-Za-z0-9+_.][A-Za-z0-9+_.-]*/(?!\.\.?\Z)[A-Za-z0-9+_.][A-Za-z0-9+_.-]*")
_BACKEND_VARIABLES: Final = ("LIBGUESTFS_BACKEND", "LIBGUESTFS_BACKEND_SETTINGS")
"""Who sets one of them has chosen how the virtual machine runs."""


class RefusedError(Exception):
    """A request that is not answered, and why."""


class FileCalls(Protocol):
    """What `Calls` does: the calls that take bytes."""

    def names(self, path: bytes) -> list[bytes]: ...  # noqa: D102 - as in Calls
    def stat(self, path: bytes) -> Status: ...  # noqa: D102
    def stats(self, path: bytes, names: list[bytes]) -> list[Status | None]: ...  # noqa: D102
    def readlink(self, path: bytes) -> bytes: ...  # noqa: D102
    def flags(self, path: bytes) -> bytes: ...  # noqa: D102
    def read(self, path: bytes, offset: int, size: int) -> bytes: ...  # noqa: D102
    def xattrs(self, path: bytes) -> dict[bytes, bytes]: ...  # noqa: D102


class Appliance:
    """One virtual machine.

    `load` gives the module of the bindings, `folder` is where its scratch files go, `socket` where drives are served.
    """

    def __init__(
        self, load: Callable[[], ModuleType], folder: str, socket: str, calls: Callable[[int], FileCalls] = Calls
    ) -> None:
        self._load = load
        self._folder = folder
        self._socket = socket
        self._new_calls = calls
        self._handle: Any = None
        self._calls: FileCalls | None = None
        self._mounts = 0

    def answer(self, request: Request) -> Any:
        """Return what is asked for; raise `RefusedError`, `CallError` or the `RuntimeError` of the bindings."""
        match request:
            case Launch(drives):
                return self._launch(drives)
            case Mount(source, kind):
                return self._mount(source, kind)
            case DeviceSize(volume):
                return self._handle.blockdev_getsize64(self._device(volume))
            case ReadDevice(volume, offset, size):
                return self._handle.pread_device(self._device(volume), size, offset)
            case ReadUsage(mount):
                return self._usage(self._path(mount, b""))
        return self._file(request, self._path(request.mount, request.path))

    def _file(self, request: FileRequest, path: bytes) -> Any:
        calls = self._calls
        if calls is None:
            raise RefusedError("the appliance is not there")
        match request:
            case ListNames():
                return calls.names(path)
            case StatNames(names=names):
                return calls.stats(path, [_plain(name) for name in names])
            case StatPath():
                return _stat(calls, path)
            case ReadLink():
                return calls.readlink(path)
            case Read(offset=offset, size=size):
                return calls.read(path, offset, size)
            case ReadFlags():
                return calls.flags(path).decode("ascii", "replace")
            case ReadXattrs():
                return calls.xattrs(path)
        raise RefusedError("a request that is known wanted")

    def _launch(self, drives: int) -> None:
        if self._handle is not None:
            raise RefusedError("the appliance is there already")
        chosen = any(os.environ.get(name) for name in _BACKEND_VARIABLES)
        reason = ""
        for settings in ([],) if chosen else ([], ["force_tcg"]):  # a KVM that is there may not work all the same
            self._handle = self._prepared(drives, settings)
            try:
                self._handle.launch()
            except RuntimeError as error:  # libguestfs adds how to have it say more, which nobody here could read
                reason = str(error).partition("Do:")[0].partition("See http")[0]
            else:
                self._calls = self._new_calls(self._handle.c_pointer())
                _remove_socket()
                return
        raise RefusedError(f"{reason} (libguestfs-test-tool shows more)")

    def _prepared(self, drives: int, settings: list[str]) -> Any:
        """Return a handle that is ready to be launched; `settings` are libguestfs' own of its backend."""
        handle = self._load().GuestFS(python_return_dict=True)
        if not os.environ.get("LIBGUESTFS_BACKEND"):
            handle.set_backend("direct")
        if settings:
            handle.set_backend_settings(settings)
        handle.set_tmpdir(self._folder)
        handle.set_autosync(False)
        handle.set_network(False)
        for number in range(drives):
            handle.add_drive(
                str(number),
                readonly=True,
                format="raw",
                protocol="nbd",
                server=[f"unix:{self._socket}"],
                label=_label(number),
            )
        return handle

    def _mount(self, source: int | str, kind: str) -> int:
        wanted = FILE_SYSTEMS.get(kind)
        if wanted is None:
            raise RefusedError(f"{kind} is not known here")
        device = self._device(source)
        point = f"/v{self._mounts}"
        self._handle.blockdev_setro(device)
        self._handle.mkmountpoint(point)
        self._mounts += 1
        self._handle.mount_vfs(wanted.options, wanted.driver, device, point)
        return self._mounts - 1

    def _device(self, source: int | str) -> str:
        if self._handle is None:
            raise RefusedError("the appliance is not there")
        if isinstance(source, int):
            return f"/dev/disk/guestfs/{_label(source)}"
        if not _VOLUME.fullmatch(source):
            raise RefusedError("the name of a logical volume wanted")
        return f"/dev/{source}"

    def _usage(self, path: bytes) -> Space:
        found = self._handle.statvfs(path.decode("ascii"))
        return Space(*(max(int(found[key]), 0) for key in ("frsize", "blocks", "bfree", "bavail", "files", "ffree")))

    def _path(self, mount: int, path: bytes) -> bytes:
        if mount >= self._mounts:
            raise RefusedError(f"there is no mount {mount}")
        names = [_plain(name) for name in path.split(b"/")] if path else []
        return b"/".join((f"/v{mount}".encode(), *names))


def _remove_socket() -> None:
    """Remove the folder with the socket that the machine has connected to, which needs no name any more.

    For root libguestfs makes it in /tmp whatever it is told, and this process ends by being killed.
    """
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            connection = socket.socket(fileno=int(descriptor.name))
        except OSError:  # it is no socket
            continue
        path = connection.getsockname() if connection.family is socket.AF_UNIX else ""
        connection.detach()
        if isinstance(path, str) and path.endswith("/guestfsd.sock"):
            with contextlib.suppress(OSError):
                Path(path).unlink()
                Path(path).parent.rmdir()


def _label(drive: int) -> str:
    """The name of a drive inside, where the kernel numbers drives in the order in which it happens to find them."""
    return f"drive{chr(ord('a') + drive)}"


def _plain(name: bytes) -> bytes:
    if not name or name in {b".", b".."} or b"/" in name or b"\0" in name:
        raise RefusedError("the name of a file wanted")
    return name


def _stat(calls: FileCalls, path: bytes) -> Status | None:
    try:
        return calls.stat(path)
    except CallError as error:
        if error.absent:
            return None
        raise


def work(channel: Channel, appliance: Appliance) -> None:
    """Answer requests until there are no more.

    Raises:
        ProtocolError: what came is no request; nothing after it can be trusted.
    """
    while (frame := receive_frame(channel, MAX_REQUEST)) is not None:
        kind, payload = frame
        if kind != REQUEST:
            raise ProtocolError("a request wanted")
        try:
            request: Request = msgspec.msgpack.decode(payload, type=Request)
        except msgspec.DecodeError as error:
            raise ProtocolError(f"a request wanted: {error}") from error
        try:
            answer = msgspec.msgpack.encode(appliance.answer(request))
        except (RefusedError, CallError, RuntimeError, OSError, ImportError) as error:
            send_frame(channel, REFUSAL, _one_line(error))
        else:
            send_frame(channel, RESULT, answer)


def _one_line(error: Exception) -> bytes:
    return " ".join(str(error).split()).encode("utf-8", "backslashreplace")[:MAX_REASON]
