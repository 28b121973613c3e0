"""The rule that each name of a boot device means one volume."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.disk import ROOT_UUID
from fixtures.golden import GOLDEN
from inspector.collectors import COLLECTORS
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig, DefaultKernel
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.rules.boot_device import boot_devices_are_unambiguous
from inspector.verdict import NotApplicable, Status, Verdict
from tests.memory_tree import Files
from tests.volumes import storage_of, volume_of

GRUB = "/boot/grub/grub.cfg"


def judge(*others: Volume, files: Files = GOLDEN) -> Verdict:
    storage = storage_of(volume_of(dict(files), uuid=ROOT_UUID), *others)
    return boot_devices_are_unambiguous(Facts({Storage: storage, Guest: find_guest(storage, "sda1")}, COLLECTORS))


def test_one_volume_of_each_name_is_ok() -> None:
    verdict = judge(volume_of({"/x": ""}, 2, uuid="other"))
    assert verdict.status is Status.OK
    assert {item.seen for item in verdict.evidence} == {f"UUID={ROOT_UUID} is sda1"}


def test_a_copy_is_a_warning_at_the_line_and_another_uuid_mends_it() -> None:
    verdict = judge(volume_of({"/x": ""}, 2, uuid=ROOT_UUID))
    assert verdict.status is Status.WARNING
    assert (verdict.evidence[0].place.path, verdict.evidence[0].seen) == (
        GRUB,
        f"UUID={ROOT_UUID} is sda1, and sda2 too",
    )
    assert verdict.evidence[0].place.line
    assert judge(volume_of({"/x": ""}, 2, uuid="another")).status is Status.OK


def test_a_device_of_the_same_file_system_and_a_snapshot_that_sleeps_are_no_second_volume() -> None:
    device, snapshot = (volume_of({"/x": ""}, number, uuid=ROOT_UUID) for number in (2, 3))
    device.holder = "sda1"
    snapshot.dormant = True
    assert judge(device, snapshot).status is Status.OK


def test_unknown_is_never_ok() -> None:
    for noun in (Storage, DefaultKernel, BootConfig):
        given: dict[type[Any], object] = {
            Storage: storage_of(),
            DefaultKernel: UnknownFact("x"),
            BootConfig: UnknownFact("x"),
        }
        assert not boot_devices_are_unambiguous(Facts({**given, noun: UnknownFact("nothing")})).known


def test_where_the_names_mean_nothing_that_is_here_other_rules_say_so() -> None:
    grub = str(GOLDEN[GRUB]).replace(ROOT_UUID, "deadbeef-0000-4000-8000-000000000009")
    with pytest.raises(NotApplicable):
        judge(files=GOLDEN | {GRUB: grub})
