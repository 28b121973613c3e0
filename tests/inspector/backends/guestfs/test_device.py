"""Logical volumes that only the appliance puts together, with a session that answers from memory."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from inspector.backends.choice import Backend, Choice
from inspector.backends.guestfs import drives as drives_module
from inspector.backends.guestfs.broker import Broker
from inspector.backends.guestfs.device import LogicalDevice
from inspector.backends.guestfs.messages import DeviceSize, ReadDevice, Request
from inspector.backends.guestfs.session import Session
from inspector.backends.guestfs.volumes import equip
from inspector.disks.disk import Volume
from parsers.filesystem.superblock import Superblock
from parsers.place import ParseError, Place
from parsers.source import Memory, Source
from parsers.volume.extents import Unreadable
from parsers.volume.lvm2 import LogicalVolume, VolumeGroup

DATA = random.Random(5).randbytes(700_001)


class Answers:
    """Stands for a session."""

    drives: tuple[str, ...] = ()

    def __init__(self, cut: int = 0, *, failing: bool = False) -> None:
        self.cut = cut
        self.failing = failing
        self.asked = 0

    def ask(self, request: Request, _kind: object, name: str) -> Any:
        self.asked += 1
        if self.failing:
            raise ParseError(Place(name), "libguestfs: no such device")
        if isinstance(request, DeviceSize):
            return len(DATA)
        assert isinstance(request, ReadDevice)
        return DATA[request.offset : request.offset + request.size - self.cut]


def device(answers: Answers) -> LogicalDevice:
    return LogicalDevice(cast("Session", answers), "vg/snap")


def test_any_range_is_read() -> None:
    source = device(Answers())
    for offset, size in ((0, len(DATA)), (262_143, 2), (700_000, 1), (100, 0), (5, 600_000)):
        assert source.read_at(offset, size) == DATA[offset : offset + size]
    with pytest.raises(ParseError):
        source.read_at(len(DATA), 1)


def test_blocks_are_asked_for_once() -> None:
    answers = Answers()
    source = device(answers)
    for _ in range(5):
        source.read_at(0, 1000)
    assert answers.asked == 2


def test_fewer_bytes_are_an_error() -> None:
    with pytest.raises(ParseError, match="262144 bytes wanted, 262143 found"):
        device(Answers(cut=1)).read_at(0, 1)


def group(kind: str, missing: tuple[str, ...] = ()) -> tuple[list[Volume], VolumeGroup]:
    """A group on one partition, with one volume of this type."""
    member = Volume("sda1", Memory(bytes(4096), "sda1"), 0, None, Superblock("LVM2_member", 0))
    flaw = "not read here"
    logical = LogicalVolume("vg/snap", 4096, "u", "g", kind, None, flaw)
    volume = Volume("vg/snap", Unreadable("vg/snap", 4096, flaw), None, None, None, flaw)
    return [member, volume], VolumeGroup("vg", "g", 4096, (logical,), ("sda1",), missing)


def equipped(
    monkeypatch: pytest.MonkeyPatch, kind: str, answers: Answers, missing: tuple[str, ...] = ()
) -> tuple[Volume, list[Source]]:
    drives: list[Source] = []

    def session(_: Broker, sources: list[Source]) -> Answers:
        drives.extend(sources)
        return answers

    monkeypatch.setattr(drives_module, "Session", session)
    found, made = group(kind, missing)
    equip(found, Backend(Choice.AUTO, cast("Broker", object())), [made])
    return found[1], drives


@pytest.mark.parametrize(("kind", "dormant"), [("snapshot", True), ("cache", False), ("writecache", False)])
def test_what_the_device_mapper_knows_gets_its_bytes(kind: str, dormant: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    volume, drives = equipped(monkeypatch, kind, Answers())
    assert volume.flaw is None
    assert volume.source.read_at(0, 9) == DATA[:9]
    assert volume.dormant is dormant
    assert [drive.name for drive in drives] == ["sda1"]
    assert {reader.name for reader in volume.readers} == {"guestfs"}


@pytest.mark.parametrize(("kind", "missing"), [("vdo", ()), ("snapshot", ("sdb1",))])
def test_what_it_cannot_know_is_not_tried(kind: str, missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers()
    volume, _ = equipped(monkeypatch, kind, answers, missing)
    assert (volume.flaw, answers.asked) == ("not read here", 0)


def test_why_it_failed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, _ = equipped(monkeypatch, "cache", Answers(failing=True))
    assert volume.reason == "not read here; libguestfs: no such device"


def test_without_bindings_the_package_is_named() -> None:
    found, made = group("cache")
    equip(found, Backend(Choice.AUTO), [made])
    assert found[1].reason is not None
    assert found[1].reason.endswith("install the package python3-guestfs")
