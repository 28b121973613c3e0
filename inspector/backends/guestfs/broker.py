"""The supervisor: a process outside of the limits of an inspection, which starts the appliance when it is asked to.

It is forked before the inspection is confined, holds one end of a socket, and sleeps. The first byte makes it create a
folder of its own with the socket over which drives are served, hand that to the inspection, and fork the worker, which
leads a group of processes. When the inspection closes its end (which the kernel does for it however it dies), or when
the worker is gone, the supervisor kills the group, the virtual machine included, removes the folder and leaves. It is
no member of the group or session of the inspection, so that it outlives every way to end that. It counts no time: the
inspection does, for every answer, and whoever waits for the inspection does, too.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

Work = Callable[[socket.socket, str, str], None]
"""What the worker does: it gets its stream, the folder for scratch files, and the path of the drives' socket."""

_WAKE: Final = b"!"
_SOCKET: Final = "drives"
_REAP: Final = 5.0


class BrokerError(Exception):
    """The appliance cannot be had."""


class Broker:
    """The inspection's end: a `Helper` of `inspector.isolate`. `wake` comes where the appliance is needed.

    Where `prepare` did not come before, as in a process without limits, the supervisor is forked then.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._woken: Callable[[], None] = lambda: None
        self._socket: socket.socket | None = None
        self._pid: int | None = None

    def prepare(self, woken: Callable[[], None]) -> None:
        """Start the supervisor, which sleeps; `woken` is called where it is woken, since then all takes longer."""
        self._woken = woken
        self._fork()

    def _fork(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
        except OSError as error:
            ours.close()
            theirs.close()
            raise BrokerError(f"no process can be started: {error.strerror}") from error
        if pid == 0:
            _supervise(theirs, self._work)
        theirs.close()
        self._socket, self._pid = ours, pid
        return ours

    def wake(self) -> tuple[socket.socket, socket.socket]:
        """Have the worker started; return the stream to it and the listening socket for the drives.

        Raises:
            BrokerError: the supervisor is gone, or cannot do it.
        """
        self._woken()
        connection = self._socket or self._fork()
        try:
            connection.sendall(_WAKE)
            _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
        except OSError as error:
            raise BrokerError(f"the process that starts the appliance is gone: {error.strerror}") from error
        if not descriptors:
            raise BrokerError("the process that starts the appliance is gone")
        return connection, socket.socket(fileno=descriptors[0])

    def finish(self) -> None:
        """End the appliance, if there is one, and wait until it is gone."""
        connection, self._socket = self._socket, None
        pid, self._pid = self._pid, None
        if connection is not None:
            connection.close()
        if pid is not None:
            _reap(pid)

    def __del__(self) -> None:
        self.finish()


def _reap(pid: int) -> None:
    deadline = time.monotonic() + _REAP
    pause = 0.001
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 2, 0.1)


# --- the supervisor's side ---------------------------------------------------------------------------------------


def _supervise(channel: socket.socket, work: Work) -> NoReturn:
    try:
        channel = _alone(channel)
        if channel.recv(1):
            import shutil  # only where it is woken, which few inspections do
            import tempfile

            folder = tempfile.mkdtemp(prefix="inspector-")
            try:
                _watch(channel, work, folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        os._exit(0)


def _alone(channel: socket.socket) -> socket.socket:
    """Leave the session, the signals and the open files of the inspection behind; return the channel."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP):
        # A signal meant for the inspection must not keep this process from cleaning up after it.
        signal.signal(number, signal.SIG_IGN)
    kept = os.dup(channel.detach())  # the lowest number that is free, so that it may be one of the first three
    limit = max(kept, _last_descriptor()) + 1
    moved = os.dup2(kept, limit)
    os.closerange(0, limit)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    return socket.socket(fileno=moved)


def _last_descriptor() -> int:
    return max((int(path.name) for path in Path("/proc/self/fd").iterdir()), default=1024)


def _watch(channel: socket.socket, work: Work, folder: str) -> None:
    path = f"{folder}/{_SOCKET}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        worker = os.fork()
        if worker == 0:
            listener.close()
            _run(channel, work, folder, path)
        socket.send_fds(channel, [_WAKE], [listener.fileno()])
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(worker, worker)  # here and there, so that it is done whoever comes first
    try:
        alive = os.pidfd_open(worker)
        poll = select.poll()
        poll.register(channel.fileno(), 0)  # nothing but that the inspection closed its end
        poll.register(alive, select.POLLIN)
        poll.poll()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


def _run(channel: socket.socket, work: Work, folder: str, path: str) -> NoReturn:
    status = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.environ["XDG_RUNTIME_DIR"] = folder  # where libguestfs makes its sockets
        work(channel, folder, path)
        status = 0
    finally:
        os._exit(status)
