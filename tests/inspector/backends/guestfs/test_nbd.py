"""Volumes as network block devices: qemu-img reads them as they are, and no client can do more than read."""

from __future__ import annotations

import os
import random
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector.backends.guestfs.nbd import MAX_READ, Exports
from parsers.place import ParseError, Place
from parsers.source import Memory, Source
from tests.oracles import needs

DATA = random.Random(7).randbytes(3 << 20)
ODD = b"odd" * 111


class Torn:
    name = "torn"
    size = 4096

    def read_at(self, offset: int, size: int) -> bytes:
        raise ParseError(Place(self.name, offset=offset), f"{size} bytes wanted, none found")


@contextmanager
def served(path: Path, *sources: Source) -> Iterator[None]:
    """Serve in a thread until the block is left."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    end, stop = os.pipe()
    exports = Exports(sources, listener)
    thread = threading.Thread(target=lambda: exports.wait(end, time.monotonic() + 3600))
    thread.start()
    try:
        yield
    finally:
        os.close(stop)
        thread.join()
        os.close(end)
        exports.close()


@needs("qemu-img")
@pytest.mark.parametrize("number", [0, 1])
def test_qemu_img_reads_what_is_served(number: int, tmp_path: Path) -> None:
    with served(tmp_path / "s", Memory(DATA), Memory(ODD)):
        address = f"nbd:unix:{tmp_path}/s:exportname={number}"
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "raw", address, str(tmp_path / "out")], check=True)
    found = (tmp_path / "out").read_bytes()
    assert found == (DATA if number == 0 else ODD.ljust(512, b"\0"))


@needs("qemu-img")
def test_an_export_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with served(tmp_path / "s", Memory(DATA)):
        address = f"nbd:unix:{tmp_path}/s:exportname=7"
        done = subprocess.run(["qemu-img", "info", address], check=False, capture_output=True)
    assert done.returncode != 0


class Client:
    """Says what it wants to say, right or wrong."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        assert self.receive(18)[:16] == b"NBDMAGICIHAVEOPT"

    def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (part := self.socket.recv(size - len(data))):
            data += part
        return data

    def option(self, number: int, data: bytes = b"", size: int | None = None) -> None:
        self.socket.sendall(b"IHAVEOPT" + struct.pack(">II", number, len(data) if size is None else size) + data)

    def reply(self) -> tuple[int, bytes]:
        _, _, kind, size = struct.unpack(">QIII", self.receive(20))
        return kind, self.receive(size)

    def go(self, name: bytes = b"0") -> None:
        self.socket.sendall(struct.pack(">I", 3))
        self.option(7, struct.pack(">I", len(name)) + name + b"\0\0")
        assert [self.reply()[0], self.reply()[0]] == [3, 1]

    def command(self, number: int, offset: int, size: int, magic: int = 0x25609513) -> None:
        self.socket.sendall(struct.pack(">IHHQQI", magic, 0, number, 99, offset, size))

    def answer(self) -> int:
        magic, error, handle = struct.unpack(">IIQ", self.receive(16))
        assert (magic, handle) == (0x67446698, 99)
        return int(error)

    @property
    def ended(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


@contextmanager
def client(tmp_path: Path, *sources: Source) -> Iterator[Client]:
    with served(tmp_path / "s", *sources):
        connected = Client(tmp_path / "s")
        try:
            yield connected
        finally:
            connected.socket.close()


def test_reading_stays_inside(tmp_path: Path) -> None:
    with client(tmp_path, Memory(DATA), Torn()) as one:
        one.go()
        for offset, size in ((len(DATA), 1), (len(DATA) - 1, 2), (1 << 63, 1), (0, MAX_READ + 1), (0, (1 << 32) - 1)):
            one.command(0, offset, size)
            assert one.answer() == 22
        one.command(0, 512, 3)
        assert one.answer() == 0
        assert one.receive(3) == DATA[512:515]


def test_what_cannot_be_read_is_an_error_of_the_drive(tmp_path: Path) -> None:
    with client(tmp_path, Torn()) as one:
        one.go()
        one.command(0, 0, 512)
        assert one.answer() == 5


def test_nothing_can_be_written(tmp_path: Path) -> None:
    with client(tmp_path, Memory(DATA)) as one:
        one.go()
        for command in (3, 4, 6):  # flush, trim, zeros
            one.command(command, 0, 512)
            assert one.answer() == 1
        one.command(1, 0, 512)
        assert one.ended


def test_other_options_are_refused_in_words_of_the_protocol(tmp_path: Path) -> None:
    with client(tmp_path, Memory(DATA)) as one:
        one.socket.sendall(struct.pack(">I", 1))
        for number in (3, 5, 8, 10):  # list, TLS, structured replies, contexts
            one.option(number, b"x")
            assert one.reply()[0] == 0x80000001
        one.option(7, b"\0\0\0\x09" + b"0")
        assert one.reply()[0] == 0x80000003
        one.option(6, struct.pack(">I", 3) + b"x/y" + b"\0\0")
        assert one.reply()[0] == 0x80000006
        one.option(1, b"0")
        assert struct.unpack(">QH", one.receive(10)) == (len(DATA), 3)
        assert one.receive(124) == bytes(124)  # asked for by not saying NO_ZEROES


@pytest.mark.parametrize(
    "say",
    [
        lambda c: c.socket.sendall(b"\0\0\0\3" + b"X" * 16),
        lambda c: (c.socket.sendall(b"\0\0\0\3"), c.option(7, b"", size=1 << 31)),
        lambda c: (c.socket.sendall(b"\0\0\0\3"), c.option(1, b"9")),
        lambda c: (c.socket.sendall(b"\0\0\0\3"), c.option(2), c.reply()),
        lambda c: (c.go(), c.command(0, 0, 512, magic=1)),
        lambda c: (c.go(), c.command(2, 0, 0)),
    ],
    ids=["no-option", "long-option", "unknown-name", "abort", "no-request", "disconnect"],
)
def test_who_breaks_the_protocol_is_left(say: object, tmp_path: Path) -> None:
    with client(tmp_path, Memory(DATA)) as one:
        say(one)  # type: ignore[operator]
        assert one.ended


def test_the_wait_ends_in_time(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    exports = Exports([], listener)
    end, stop = os.pipe()
    assert not exports.wait(end, time.monotonic() + 0.1)
    for descriptor in (end, stop):
        os.close(descriptor)
    exports.close()
