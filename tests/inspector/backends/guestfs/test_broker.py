"""The processes around the appliance, with a worker that starts no virtual machine."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import socket
from types import SimpleNamespace
from typing import NoReturn

import msgspec
import pytest

from inspector import isolate
from inspector.backends.guestfs import broker as broker_module
from inspector.backends.guestfs import session as session_module
from inspector.backends.guestfs.broker import Broker
from inspector.backends.guestfs.messages import (
    MAX_ANSWER,
    REFUSAL,
    REQUEST,
    RESULT,
    Channel,
    Launch,
    ListNames,
    Stream,
    receive_frame,
    send_frame,
)
from inspector.backends.guestfs.session import Session
from inspector.errors import InspectorError
from inspector.isolate import Limits, Send, isolated_result
from parsers.place import ParseError
from parsers.source import Memory
from tests.processes import children, wait_until_gone

Answer = Callable[[Channel], None]


def obedient(channel: Channel, answer: Answer) -> None:
    """Answer every request to start, and to mount, and leave the others to `answer`."""
    while (frame := receive_frame(channel, 1 << 20)) is not None:
        request = msgspec.msgpack.decode(frame[1])
        if request["type"] == "launch":
            send_frame(channel, RESULT, msgspec.msgpack.encode(None))
        elif request["type"] == "mount":
            send_frame(channel, RESULT, msgspec.msgpack.encode(0))
        else:
            answer(channel)


def broker_of(answer: Answer) -> Broker:
    return Broker(lambda stream, _folder, _socket: obedient(Stream(stream), answer))


def asked(answer: Answer) -> list[bytes]:
    """What a session gets from a worker that answers so."""
    session = Session(broker_of(answer), [Memory(bytes(512))])
    try:
        mount = session.mount(0, "f2fs", "sda1")
        return session.ask(ListNames(mount, b"etc"), list[bytes], "sda1")
    finally:
        session.close()


@pytest.fixture(autouse=True)
def no_child_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody ends before the supervisor has, however long that takes; a user is not made to wait so long."""
    monkeypatch.setattr(broker_module, "_REAP", 300)
    before = children()
    yield
    assert children() <= before


def test_an_answer_comes_back() -> None:
    assert asked(lambda channel: send_frame(channel, RESULT, msgspec.msgpack.encode([b"fstab", b"\xff"]))) == [
        b"fstab", b"\xff",
    ]  # fmt: skip


def test_a_refusal_is_a_reason() -> None:
    with pytest.raises(ParseError, match="libguestfs: no such thing"):
        asked(lambda channel: send_frame(channel, REFUSAL, b"no such thing"))


HOSTILE = {
    "a frame of an unknown kind": lambda channel: send_frame(channel, b"x", b""),
    "a request": lambda channel: send_frame(channel, REQUEST, b""),
    "no MessagePack": lambda channel: send_frame(channel, RESULT, b"\xc1"),
    "another type": lambda channel: send_frame(channel, RESULT, msgspec.msgpack.encode({"a": 1})),
    "a frame too long": lambda channel: channel.send(RESULT + (MAX_ANSWER + 1).to_bytes(4, "little")),
    "an end within a frame": lambda channel: (channel.send(RESULT + b"\x09\0\0\0abc"), os._exit(0)),
    "an end within a header": lambda channel: (channel.send(RESULT), os._exit(0)),
    "an end": lambda _: os._exit(0),
    "a crash": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_worker_must_not_say_ends_the_session(what: str) -> None:
    answer: Answer = HOSTILE[what]
    session = Session(broker_of(answer), [Memory(bytes(512))])
    session.mount(0, "f2fs", "sda1")
    with pytest.raises(ParseError) as first:
        session.ask(ListNames(0, b""), list[bytes], "sda1")
    with pytest.raises(ParseError) as second:  # at once, and with the same words
        session.ask(ListNames(0, b""), list[bytes], "sda1")
    assert str(first.value) == str(second.value)
    session.close()


def test_a_worker_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "ANSWER_SECONDS", 0.3)
    with pytest.raises(ParseError, match=r"libguestfs took more than 0\.3 s"):
        asked(lambda _: time.sleep(600))


def test_more_drives_than_an_appliance_takes_are_not_tried() -> None:
    session = Session(broker_of(lambda _: None), [Memory(bytes(512))] * 25)
    with pytest.raises(ParseError, match="at most 24 volumes for libguestfs wanted, 25 found"):
        session.mount(0, "f2fs", "sda1")


# --- nothing is left ---------------------------------------------------------------------------------------------


def with_machine(stream: socket, folder: str, _: str) -> None:
    """A worker that starts what stands for the virtual machine, and says which it is when it is asked."""
    machine = subprocess.Popen(["sleep", "3600"])
    Path(folder, "scratch").write_text("x")

    def tell(channel: Channel) -> None:
        send_frame(channel, RESULT, msgspec.msgpack.encode([str(machine.pid).encode(), folder.encode()]))

    obedient(Stream(stream), tell)


def begun(helper: Broker) -> tuple[Session, int, Path]:
    """A session at work, its machine, and the folder of its scratch files."""
    session = Session(helper, [Memory(bytes(512))])
    session.mount(0, "f2fs", "sda1")
    pid, folder = session.ask(ListNames(0, b""), list[bytes], "sda1")
    return session, int(pid), Path(os.fsdecode(folder))


def test_closing_ends_the_machine_and_removes_its_files() -> None:
    session, machine, folder = begun(Broker(with_machine))
    assert (folder / "scratch").is_file()
    session.close()
    wait_until_gone(machine)
    assert not folder.exists()


def test_a_session_that_nobody_holds_ends() -> None:
    session, machine, folder = begun(Broker(with_machine))
    del session
    wait_until_gone(machine)
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGXCPU])
def test_the_machine_does_not_outlive_the_inspection(number: int, tmp_path: Path) -> None:
    note = tmp_path / "note"
    pid = os.fork()
    if pid == 0:
        _begin_and_wait(note)
    while not note.exists() or "\n" not in note.read_text():
        time.sleep(0.01)
    os.kill(pid, number)
    os.waitpid(pid, 0)
    check_note(note.read_text())


def _begin_and_wait(note: Path) -> NoReturn:
    try:
        _session, machine, folder = begun(Broker(with_machine))
        note.write_text(f"{machine} {folder}\n")
        time.sleep(600)
    finally:
        os._exit(1)


def check_note(note: str) -> None:
    machine, folder = note.split()
    wait_until_gone(int(machine))
    while Path(folder).exists():
        time.sleep(0.01)


def test_under_the_limits_of_an_inspection() -> None:
    helper = Broker(with_machine)

    def job(send: Send) -> None:
        session, machine, folder = begun(helper)
        send(f"{machine} {folder}".encode())
        assert session is not None

    machine, folder = isolated_result(job, helper=helper).decode().split()
    wait_until_gone(int(machine))
    assert not Path(folder).exists()


def test_a_helper_that_is_not_needed_leaves_nothing() -> None:
    helper = Broker(with_machine)
    assert isolated_result(lambda send: send(b"done"), helper=helper) == b"done"


def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the parent of an inspection believe that each frame took a hundred seconds."""
    clock = itertools.count(0, 100)
    monkeypatch.setattr(isolate, "time", SimpleNamespace(monotonic=lambda: next(clock)))


def test_when_the_time_of_an_inspection_is_up_the_machine_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told of through a pipe: the inspection can write no file."""
    slow_clock(monkeypatch)
    read, write = os.pipe()
    helper = Broker(with_machine)

    def job(send: Send) -> None:
        _session, machine, folder = begun(helper)
        os.write(write, f"{machine} {folder}\n".encode())
        send(b"")
        time.sleep(600)

    with pytest.raises(InspectorError, match=r"took more than 200 s"):
        isolated_result(job, Limits(wall=100, helped=100), helper)
    check_note(os.read(read, 1000).decode())
    os.close(read)
    os.close(write)


def test_when_the_caller_is_killed_the_machine_ends() -> None:
    read, write = os.pipe()
    caller = os.fork()
    if caller == 0:
        _inspect_and_wait(write)
    os.close(write)
    note = os.read(read, 1000).decode()
    os.close(read)
    os.kill(caller, signal.SIGKILL)
    os.waitpid(caller, 0)
    check_note(note)


def _inspect_and_wait(write: int) -> NoReturn:
    helper = Broker(with_machine)

    def job(_: Send) -> None:
        _session, machine, folder = begun(helper)
        os.write(write, f"{machine} {folder}\n".encode())
        time.sleep(600)

    try:
        isolated_result(job, helper=helper)
    finally:
        os._exit(1)


def test_time_is_added_only_where_the_helper_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_clock(monkeypatch)
    helper = Broker(with_machine)

    def job(send: Send) -> None:
        session, _, _ = begun(helper)
        send(b"")
        send(b"late")
        session.close()

    def without(send: Send) -> None:
        send(b"")
        time.sleep(600)

    assert isolated_result(job, Limits(wall=100, helped=1000), helper) == b"late"
    with pytest.raises(InspectorError, match="took more than 100 s"):
        isolated_result(without, Limits(wall=100, helped=1000), Broker(with_machine))


def test_the_supervisor_keeps_no_file_of_the_inspection_open() -> None:
    """Else a pipe of the caller would not end with the inspection."""
    read, write = os.pipe()
    helper = Broker(with_machine)
    helper.prepare(lambda: None)
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)
    helper.finish()


def test_a_launch_is_bounded_by_its_type() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "launch", "drives": 25}, Launch)
