"""Run one inspection in a child process with limits, so that no image can take the caller down.

`isolated(job)` forks; the child calls `job(send)` and every `send(bytes)` becomes one item of the iterator that the
parent reads. Nothing is kept in between, so the content of a file of any size can pass through. The child cannot
write files, holds no terminal, and its own standard output and error lead nowhere: all that it can say is a frame in
the pipe, and the parent bounds each frame. However it dies - an error, memory, time, a signal - the parent raises
one `InspectorError` of one line. It dies when its parent does: it holds the reading end of a pipe ("the leash") that
nobody writes to, and the kernel sends it SIGIO when the writing end is gone.

Deliberately not done: no exec (the start would cost more than the inspection), no seccomp, no name spaces.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import select
import signal
import struct
import time
from collections.abc import Callable, Generator
from pathlib import Path, PurePath
from typing import Final, NoReturn, Protocol

import msgspec

from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from parsers.place import ParseError

Send = Callable[[bytes], None]

MIB: Final = 1 << 20
MAX_FRAME: Final = MIB
MAX_MESSAGE: Final = 2000
MAX_RESULT: Final = 64 * MIB
OPEN_FILES: Final = 64

_HEADER: Final = struct.Struct("<cI")
_DATA: Final = b"D"
_HELPED: Final = b"H"
_ERROR: Final = b"E"
_END: Final = b"."
_EXIT_MEMORY: Final = 101
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_leashes: set[int] = set()


class Limits(msgspec.Struct, frozen=True):
    """What one inspection may use.

    Attributes:
        memory: bytes of address space, beside what the child inherits of its caller.
        cpu: seconds of processor time; None: as much as it likes, as long as it makes progress.
        wall: seconds that the parent waits: for the whole job, or, where `cpu` is None, for each frame.
        helped: seconds that are added where the job has woken its helper.
    """

    memory: int = 1024 * MIB
    cpu: int | None = 60
    wall: float = 120.0
    helped: float = 300.0


class Helper(Protocol):
    """What a job may ask for that its limits forbid: a process that is started before they are in force."""

    def prepare(self, woken: Callable[[], None]) -> None:
        """Start it, in the child; it calls `woken` when it is needed, since then all takes longer."""
        ...

    def finish(self) -> None:
        """End it; nothing of it may be left when the job has ended normally. When the child dies, it ends itself."""
        ...


CHECK_LIMITS: Final = Limits()
STREAM_LIMITS: Final = Limits(cpu=None, wall=60.0)


def isolated(
    job: Callable[[Send], None], limits: Limits = CHECK_LIMITS, helper: Helper | None = None
) -> Generator[bytes, None, None]:
    """Run `job` in a child and give each piece that it sends, in order; an empty piece is a sign of life, not given.

    Raises:
        InspectorError: the job raised one, or a `ParseError` or `UnknownFact`, or the child died. Pieces may have
            been given before.
    """
    reader, writer = os.pipe()
    leash_end, leash = os.pipe()
    # A Ctrl-C that arrives while Python forks would be lost: what its hooks around the fork raise is told and ignored.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        pid = os.fork()
    except OSError as error:
        for descriptor in (reader, writer, leash_end, leash):
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        raise InspectorError(f"no child process can be started: {error.strerror}") from error
    if pid == 0:
        _child(job, limits, helper, (reader, leash), (writer, leash_end))
    os.close(writer)
    os.close(leash_end)
    _leashes.add(leash)
    status: int | None = None
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        finished = yield from _frames(reader, limits)
        if not finished:
            status = os.waitpid(pid, 0)[1]
            raise InspectorError(_cause(status, limits))
    finally:
        if status is None:
            _end(pid)
        _leashes.discard(leash)
        os.close(reader)
        os.close(leash)


def isolated_result(job: Callable[[Send], None], limits: Limits = CHECK_LIMITS, helper: Helper | None = None) -> bytes:
    """Run `job` in a child and return all that it sent, at most `MAX_RESULT` bytes.

    Raises:
        InspectorError: as `isolated`, and where the result is too long.
    """
    parts, size = [], 0
    with contextlib.closing(isolated(job, limits, helper)) as pieces:
        for piece in pieces:
            size += len(piece)
            if size > MAX_RESULT:
                raise InspectorError(f"the result of the inspection is longer than {MAX_RESULT // MIB} MiB")
            parts.append(piece)
    return b"".join(parts)


def _end(pid: int) -> None:
    """Kill the child, if it is still there, with what it may have started, and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


# --- the parent's side -------------------------------------------------------------------------------------------


def _frames(reader: int, limits: Limits) -> Generator[bytes, None, bool]:
    """Give the data frames; return True after the last one, False when the pipe ended without it."""
    waiting = _Patience(reader, limits)
    while True:
        header = waiting.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return False
        kind, size = _HEADER.unpack(header)
        if size > MAX_FRAME:
            raise InspectorError("the inspection sent a frame that is too long")
        data = waiting.read(size)
        if len(data) < size:
            return False
        if kind == _END:
            return True
        if kind == _HELPED:
            waiting.extend()
            continue
        if kind == _ERROR:
            raise InspectorError(data.decode("utf-8", "backslashreplace")[:MAX_MESSAGE])
        if data:
            yield data


class _Patience:
    """Reads from the child, and counts only the time spent waiting for it, not the time its reader takes."""

    def __init__(self, reader: int, limits: Limits) -> None:
        self._reader = reader
        self._limits = limits
        self._wall = limits.wall
        self._left = limits.wall
        self._extended = False
        self._poll = select.poll()
        self._poll.register(reader, select.POLLIN)

    def extend(self) -> None:
        """Wait longer, once: the job has a helper at work."""
        if not self._extended:
            self._extended = True
            self._wall += self._limits.helped
            self._left += self._limits.helped

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only where the pipe ended."""
        parts: list[bytes] = []
        while size:
            self._wait()
            part = os.read(self._reader, size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self) -> None:
        started = time.monotonic()
        if not self._poll.poll(max(self._left, 0) * 1000):
            raise InspectorError(f"the inspection took more than {self._wall:g} s")
        if self._limits.cpu is None:
            self._left = self._wall
        else:
            self._left -= time.monotonic() - started


def _cause(status: int, limits: Limits) -> str:
    """Say in one line why the child is dead."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return f"the inspection took more than {limits.cpu} s of processor time"
        with contextlib.suppress(ValueError):
            return f"the inspection was killed by {signal.Signals(number).name}"
        return f"the inspection was killed by signal {number}"
    if os.WEXITSTATUS(status) == _EXIT_MEMORY:
        return f"the inspection needs more than {limits.memory // MIB} MiB of memory"
    return f"the inspection ended without a result (status {os.WEXITSTATUS(status)})"


# --- the child's side --------------------------------------------------------------------------------------------


def _child(
    job: Callable[[Send], None], limits: Limits, helper: Helper | None, unused: tuple[int, int], ends: tuple[int, int]
) -> NoReturn:
    """Do the job and leave, always by `os._exit`: nothing of the parent's (buffers, handlers) runs twice."""
    status = 1
    try:
        for descriptor in (*unused, *_leashes):
            os.close(descriptor)
        # Above the standard three, which a caller may have closed, so that the pipe got one of their numbers.
        writer, leash_end = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3) for end in ends)
        _detach(leash_end)
        if helper is not None:
            helper.prepare(lambda: _write_frame(writer, _HELPED, b""))
        _confine(limits)
        status = _work(job, writer, helper)
    except MemoryError:
        status = _EXIT_MEMORY
    finally:
        os._exit(status)


def _detach(leash_end: int) -> None:
    """Leave the terminal and its signals, and hang on the leash."""
    # The parent decides about Ctrl-C; here it would only make noise. A closed pipe must end the child quietly.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    os.setsid()
    fcntl.fcntl(leash_end, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(leash_end, fcntl.F_SETFL, fcntl.fcntl(leash_end, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([leash_end], [], [], 0)[0]:
        os._exit(1)  # the parent was gone before the kernel knew whom to tell
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _confine(limits: Limits) -> None:
    _lower(resource.RLIMIT_AS, _inherited() + limits.memory)
    if limits.cpu is not None:
        _lower(resource.RLIMIT_CPU, limits.cpu)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)


def _inherited() -> int:
    """Return the bytes of address space that are the caller's, which may be a program far larger than ours."""
    with contextlib.suppress(OSError):  # /proc is not mounted
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 0


def _lower(limit: int, value: int) -> None:
    """Set a limit, never above the one in force. SIGXCPU comes at the soft limit, so the hard one is above it."""
    hard = resource.getrlimit(limit)[1]
    ceiling = value + 2 if limit == resource.RLIMIT_CPU else value
    if hard != resource.RLIM_INFINITY:
        value, ceiling = min(value, hard), min(ceiling, hard)
    resource.setrlimit(limit, (value, ceiling))


def _work(job: Callable[[Send], None], writer: int, helper: Helper | None) -> int:
    def send(data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view) or 1, MAX_FRAME):
            _write_frame(writer, _DATA, view[start : start + MAX_FRAME])

    try:
        job(send)
        if helper is not None:
            helper.finish()
    except MemoryError:
        return _EXIT_MEMORY
    except (InspectorError, ParseError, UnknownFact) as error:
        _write_frame(writer, _ERROR, _one_line(str(error)))
    except Exception as error:  # the edge of the process: whatever it is, the parent gets one line
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            return _EXIT_MEMORY
        _write_frame(writer, _ERROR, _one_line(f"internal error: {type(error).__name__}: {error} ({_origin(error)})"))
    else:
        _write_frame(writer, _END, b"")
    return 0


def _write_frame(writer: int, kind: bytes, data: bytes | memoryview) -> None:
    view = memoryview(_HEADER.pack(kind, len(data)) + data)
    while view:
        view = view[os.write(writer, view) :]


def _one_line(message: str) -> bytes:
    return " ".join(message.split()).encode("utf-8", "backslashreplace")[:MAX_MESSAGE]


def _origin(error: BaseException) -> str:
    """The line of the program that raised."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "?"
    return f"{PurePath(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
