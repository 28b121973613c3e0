"""What the worker makes of requests, with a libguestfs that only writes down what it is told."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from inspector.backends.guestfs.appliance import Appliance, work
from inspector.backends.guestfs.calls import CallError
from inspector.backends.guestfs.file_systems import FILE_SYSTEMS
from inspector.backends.guestfs.messages import (
    REFUSAL,
    REQUEST,
    RESULT,
    DeviceSize,
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

STATUS = Status(1, 2, 0o100644, 1, 0, 0, 0, 5, (1, 2), (3, 4), (5, 6))


class Handle:
    """Stands for guestfs.GuestFS."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*words: Any, **named: Any) -> Any:
            self.calls.append((name, *words, named) if named else (name, *words))
            if name == self.failing:
                msg = f"{name} failed.\nDo: export LIBGUESTFS_DEBUG=1"
                raise RuntimeError(msg)
            space = {"frsize": 4096, "blocks": 9, "bfree": 5, "bavail": 4, "files": 0, "ffree": -1}
            return {"c_pointer": 1, "statvfs": space}.get(name)

        return call


class Calls:
    """Stands for the calls that take bytes."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def names(self, path: bytes) -> list[bytes]:
        self.asked.append(("names", path))
        return [b"a\xff"]

    def stat(self, path: bytes) -> Status:
        self.asked.append(("stat", path))
        if path.endswith(b"absent"):
            raise CallError("gone", absent=True)
        if path.endswith(b"broken"):
            raise CallError("Structure needs cleaning")
        return STATUS

    def stats(self, path: bytes, names: list[bytes]) -> list[Status | None]:
        self.asked.append(("stats", path, names))
        return [STATUS for _ in names]

    def readlink(self, path: bytes) -> bytes:
        return b"target" + path

    def flags(self, path: bytes) -> bytes:
        self.asked.append(("flags", path))
        return b"ai"

    def read(self, path: bytes, offset: int, size: int) -> bytes:
        self.asked.append(("read", path, offset, size))
        return b"data"

    def xattrs(self, path: bytes) -> dict[bytes, bytes]:
        self.asked.append(("xattrs", path))
        return {b"user.a": b"\xff"}


class Pipe:
    """Both directions of a channel, in memory."""

    def __init__(self, *requests: bytes) -> None:
        self.incoming = b"".join(requests)
        self.outgoing = b""

    def send(self, data: bytes) -> None:
        self.outgoing += data

    def receive(self, size: int) -> bytes:
        part, self.incoming = self.incoming[:size], self.incoming[size:]
        return part


def framed(request: Request) -> bytes:
    pipe = Pipe()
    send_frame(pipe, REQUEST, msgspec.msgpack.encode(request))
    return pipe.outgoing


def appliance(handle: Handle | None = None, calls: Calls | None = None) -> Appliance:
    module: Any = SimpleNamespace(GuestFS=lambda **_: handle or Handle())
    return Appliance(lambda: module, "/scratch", "/scratch/drives", lambda _: calls or Calls())


def answers(machine: Appliance, *requests: Request) -> list[tuple[bytes, Any]]:
    pipe = Pipe(*map(framed, requests))
    work(pipe, machine)
    said = Pipe(pipe.outgoing)
    found: list[tuple[bytes, Any]] = []
    while (frame := receive_frame(said, 1 << 20)) is not None:
        found.append((frame[0], msgspec.msgpack.decode(frame[1]) if frame[0] == RESULT else frame[1].decode()))
    return found


def test_drives_are_read_only_raw_and_on_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIBGUESTFS_BACKEND", raising=False)
    handle = Handle()
    assert answers(appliance(handle), Launch(2)) == [(RESULT, None)]
    drives = [call for call in handle.calls if call[0] == "add_drive"]
    assert [(call[1], call[2]) for call in drives] == [
        (
            str(number),
            {
                "readonly": True,
                "format": "raw",
                "protocol": "nbd",
                "server": ["unix:/scratch/drives"],
                "label": f"drive{letter}",
            },
        )
        for number, letter in enumerate("ab")
    ]
    assert ("set_network", False) in handle.calls
    assert ("set_autosync", False) in handle.calls
    assert ("set_backend", "direct") in handle.calls
    assert handle.calls.index(("launch",)) > handle.calls.index(("set_network", False))


def test_the_backend_of_the_user_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBGUESTFS_BACKEND", "libvirt")
    handle = Handle()
    answers(appliance(handle), Launch(1))
    assert not [call for call in handle.calls if call[0] == "set_backend"]


@pytest.mark.parametrize("kind", FILE_SYSTEMS)
def test_a_device_is_read_only_before_it_is_mounted_so(kind: str) -> None:
    handle = Handle()
    assert answers(appliance(handle), Launch(1), Mount(0, kind))[-1] == (RESULT, 0)
    device = "/dev/disk/guestfs/drivea"
    assert handle.calls[-3:-1] == [("blockdev_setro", device), ("mkmountpoint", "/v0")]
    word, options, driver, *where = handle.calls[-1]
    assert (word, where) == ("mount_vfs", [device, "/v0"])
    assert options.split(",")[0] == "ro"
    assert driver


def test_files_are_asked_for_below_their_mount() -> None:
    calls = Calls()
    said = answers(
        appliance(None, calls),
        Launch(1),
        Mount(0, "f2fs"),
        Mount("vg/root", "jfs"),
        ListNames(1, b""),
        StatPath(0, b"etc/no\xff"),
        StatNames(0, b"etc", [b"x"]),
        ReadLink(0, b"link"),
        Read(0, b"file", 5, 7),
        ReadFlags(0, b"file"),
        ReadXattrs(0, b"file"),
        StatPath(0, b"absent"),
        ReadUsage(0),
    )[3:]
    assert calls.asked[:3] == [("names", b"/v1"), ("stat", b"/v0/etc/no\xff"), ("stats", b"/v0/etc", [b"x"])]
    assert ("read", b"/v0/file", 5, 7) in calls.asked
    assert [kind for kind, _ in said] == [RESULT] * 9
    assert said[0][1] == [b"a\xff"]
    assert said[3][1] == b"target/v0/link"
    assert said[5][1] == "ai"
    assert said[7][1] is None
    assert msgspec.convert(said[8][1], Space) == Space(4096, 9, 5, 4, 0, 0)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (StatPath(0, b"../etc/shadow"), "the name of a file wanted"),
        (StatPath(0, b"a/../../b"), "the name of a file wanted"),
        (StatPath(0, b"/etc"), "the name of a file wanted"),
        (StatPath(0, b"a\0b"), "the name of a file wanted"),
        (StatNames(0, b"", [b".."]), "the name of a file wanted"),
        (StatNames(0, b"", [b"a/b"]), "the name of a file wanted"),
        (StatPath(7, b"etc"), "there is no mount 7"),
        (Mount(0, "nfs"), "nfs is not known here"),
        (Mount("vg/../../etc", "ext4"), "the name of a logical volume wanted"),
        (Mount("vg/..", "ext4"), "the name of a logical volume wanted"),
        (Mount("../sda", "ext4"), "the name of a logical volume wanted"),
        (Mount("sda", "ext4"), "the name of a logical volume wanted"),
        (Launch(1), "the appliance is there already"),
        (StatPath(0, b"broken"), "Structure needs cleaning"),
    ],
)
def test_what_is_out_of_order_is_refused(request_: Request, reason: str) -> None:
    assert answers(appliance(), Launch(1), Mount(0, "f2fs"), request_)[-1] == (REFUSAL, reason)


def test_nothing_is_answered_before_the_launch() -> None:
    assert answers(appliance(), Mount(0, "f2fs"), StatPath(0, b"")) == [
        (REFUSAL, "the appliance is not there"), (REFUSAL, "there is no mount 0"),
    ]  # fmt: skip


def test_the_socket_of_the_machine_is_removed_once_it_is_connected(tmp_path: Path) -> None:
    folder = tmp_path / "libguestfs"
    folder.mkdir()
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX) as machine,
    ):
        listener.bind(str(folder / "guestfsd.sock"))
        listener.listen()
        machine.connect(str(folder / "guestfsd.sock"))
        with listener.accept()[0] as connection:
            listener.close()
            assert answers(appliance(Handle()), Launch(1))[0][0] == RESULT
            assert not folder.exists()
            machine.sendall(b"still there")
            assert connection.recv(20) == b"still there"


def test_a_launch_that_fails_says_so_in_a_line() -> None:
    ((kind, reason),) = answers(appliance(Handle("launch")), Launch(1))
    assert (kind, reason) == (REFUSAL, "launch failed. (libguestfs-test-tool shows more)")


@pytest.mark.parametrize("chosen", [None, "LIBGUESTFS_BACKEND", "LIBGUESTFS_BACKEND_SETTINGS"])
def test_without_a_kvm_that_works_it_is_emulated_unless_the_user_chose(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    for name in ("LIBGUESTFS_BACKEND", "LIBGUESTFS_BACKEND_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    if chosen:
        monkeypatch.setenv(chosen, "direct")
    handles = [Handle("launch"), Handle()]
    left = iter(handles)
    module: Any = SimpleNamespace(GuestFS=lambda **_: next(left))
    machine = Appliance(lambda: module, "/scratch", "/scratch/drives", lambda _: Calls())
    ((kind, _),) = answers(machine, Launch(1))
    assert kind == (REFUSAL if chosen else RESULT)
    emulated = [("set_backend_settings", ["force_tcg"]) in handle.calls for handle in handles]
    assert emulated == [False, not chosen]


def test_bindings_that_do_not_load_are_a_reason() -> None:
    def load() -> Any:
        msg = "libguestfs.so.0: cannot open shared object file"
        raise ImportError(msg)

    pipe = Pipe(framed(Launch(1)))
    work(pipe, Appliance(load, "/scratch", "/scratch/drives"))
    assert pipe.outgoing.endswith(b"libguestfs.so.0: cannot open shared object file")


@pytest.mark.parametrize(
    "said",
    [
        b"+\0\0\0\0",
        b"?\1\0\0\0\xc1",
        b"?\xff\xff\xff\xff",
        b"?\x09\0\0\0x",
        framed(Launch(1))[:-1],
        b"?" + (15).to_bytes(4, "little") + msgspec.msgpack.encode({"type": "shutdown"}),
    ],
    ids=["answer", "no-messagepack", "too-long", "cut-short", "cut-by-one", "unknown"],
)
def test_what_is_no_request_ends_the_work(said: bytes) -> None:
    with pytest.raises(ProtocolError):
        work(Pipe(said), appliance())


def test_logical_volumes_are_read_by_their_names() -> None:
    handle = Handle()
    said = answers(
        appliance(handle), Launch(1), DeviceSize("vg/snap"), ReadDevice("vg/snap", 7, 5), DeviceSize("../sda")
    )
    assert [kind for kind, _ in said] == [RESULT, RESULT, RESULT, REFUSAL]
    assert handle.calls[-2:] == [("blockdev_getsize64", "/dev/vg/snap"), ("pread_device", "/dev/vg/snap", 5, 7)]
