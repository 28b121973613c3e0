"""The child process: what it gives back, and that every way to die becomes one line."""

from __future__ import annotations

import contextlib
import faulthandler
import itertools
import mmap
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from inspector import isolate
from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.isolate import MAX_FRAME, MIB, Limits, Send, isolated, isolated_result
from parsers.place import ParseError, Place
from tests.processes import children, wait_until_gone


def failure(job: Callable[[Send], None], limits: Limits | None = None) -> str:
    with pytest.raises(InspectorError) as caught:
        isolated_result(job, limits or Limits())
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


def test_what_is_sent_arrives_in_order() -> None:
    def job(send: Send) -> None:
        for number in range(1000):
            send(b"%d " % number)

    assert isolated_result(job).split() == [b"%d" % number for number in range(1000)]


def test_a_piece_longer_than_a_frame_is_split() -> None:
    data = os.urandom(2 * MAX_FRAME + 17)
    pieces = list(isolated(lambda send: send(data)))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) == MAX_FRAME


def test_an_empty_result_is_a_result() -> None:
    assert isolated_result(lambda _: None) == b""
    assert isolated_result(lambda send: send(b"")) == b""


def test_a_result_without_end_is_cut() -> None:
    def job(send: Send) -> None:
        while True:
            send(bytes(MAX_FRAME))

    assert failure(job) == "the result of the inspection is longer than 64 MiB"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InspectorError("no such profile"), "no such profile"),
        (ParseError(Place("sda1", offset=1080), "magic 53 ef wanted"), "sda1 at byte 1080: magic 53 ef wanted"),
        (UnknownFact("volume sda2 cannot be read"), "volume sda2 cannot be read"),
        (InspectorError("two\nlines\x1b[31m"), "two lines\x1b[31m"),
        (InspectorError("caf\udce9"), "caf\\udce9"),
    ],
)
def test_an_error_of_ours_keeps_its_message(error: Exception, message: str) -> None:
    def job(_: Send) -> None:
        raise error

    assert failure(job) == message


def test_an_unexpected_error_is_one_line_with_its_origin() -> None:
    def job(_: Send) -> None:
        raise KeyError("a\nb")

    message = failure(job)
    assert message.startswith("internal error: KeyError: ")
    assert "test_isolate.py:" in message


def test_memory_is_limited() -> None:
    def job(send: Send) -> None:
        hoard = []
        while True:
            hoard.append(bytearray(16 * MIB))
            send(b"")

    assert failure(job, Limits(memory=64 * MIB)) == "the inspection needs more than 64 MiB of memory"


def test_what_the_caller_holds_is_no_part_of_the_memory_of_an_inspection() -> None:
    with mmap.mmap(-1, 2048 * MIB, mmap.MAP_PRIVATE, mmap.PROT_READ):
        assert isolated_result(lambda send: send(bytes(MIB)), Limits(memory=64 * MIB)) == bytes(MIB)


def test_processor_time_is_limited() -> None:
    def job(_: Send) -> None:
        while True:
            pass

    assert failure(job, Limits(cpu=1)) == "the inspection took more than 1 s of processor time"


def test_time_on_the_clock_is_limited() -> None:
    assert failure(lambda _: time.sleep(600), Limits(wall=0.2)) == "the inspection took more than 0.2 s"


def test_signs_of_life_keep_a_stream_alive_but_not_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six pieces, for each of which a clock of our own says that it took twenty seconds."""
    clock = itertools.count(0, 20)
    monkeypatch.setattr(isolate, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    def job(send: Send) -> None:
        for _ in range(6):
            send(b"")
        time.sleep(0 if done else 600)

    done = True
    assert isolated_result(job, Limits(cpu=None, wall=60)) == b""
    done = False
    assert failure(job, Limits(cpu=60, wall=60)) == "the inspection took more than 60 s"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_is_named(number: signal.Signals) -> None:
    def job(_: Send) -> None:
        faulthandler.disable()  # pytest's own, which would print where the signal came
        os.kill(os.getpid(), number)

    assert failure(job) == f"the inspection was killed by {number.name}"


def test_leaving_without_a_result_is_noticed() -> None:
    assert failure(lambda _: os._exit(0)) == "the inspection ended without a result (status 0)"

    def leave(_: Send) -> None:
        raise SystemExit(7)

    assert failure(leave) == "the inspection ended without a result (status 1)"


def test_the_child_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    def job(_: Send) -> None:
        os.write(1, b"out")
        os.write(2, b"err")

    isolated_result(job)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_the_child_writes_no_file_and_opens_few(tmp_path: Path) -> None:
    target = tmp_path / "written"

    def write(_: Send) -> None:
        target.write_bytes(b"x")

    assert "internal error: OSError" in failure(write)
    assert not target.exists() or not target.stat().st_size

    def limits(send: Send) -> None:
        send(str([resource.getrlimit(which) for which in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)]).encode())

    assert isolated_result(limits) == b"[(0, 0), (64, 64)]"


def test_a_reader_that_stops_early_leaves_no_child() -> None:
    def job(send: Send) -> None:
        while True:
            send(b"x" * 1000)

    with contextlib.closing(isolated(job)) as pieces:
        assert next(pieces) == b"x" * 1000


def test_descriptors_are_given_back() -> None:
    before = set(Path("/proc/self/fd").iterdir())
    isolated_result(lambda send: send(b"x"))
    failure(lambda _: os._exit(1))
    assert set(Path("/proc/self/fd").iterdir()) == before


ORPHAN = """
import os, sys, time
from inspector.isolate import isolated

def job(send):
    send(str(os.getpid()).encode())
    time.sleep(600)

for piece in isolated(job):
    print(piece.decode(), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_child_dies_with_its_parent(number: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        parent.send_signal(number)
        parent.wait()
    wait_until_gone(child)


def test_it_works_where_the_standard_streams_are_closed() -> None:
    program = "from inspector.isolate import isolated_result as r; import sys; sys.exit(r(lambda s: s(b'ok')) != b'ok')"
    command = f'exec {sys.executable} -c "{program}" <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
