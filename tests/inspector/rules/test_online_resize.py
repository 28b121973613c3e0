from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fixtures.golden import GOLDEN
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.cloud_init import CloudInit
from inspector.guest import Guest, Mount
from inspector.rules.online_resize import RULES, root_file_system_grows, root_partition_grows, root_partition_is_last
from inspector.rules.rule import Rule
from inspector.verdict import Status, Verdict
from parsers.partition.table import Scheme
from tests.facts_of import facts_of
from tests.memory_tree import Link, MemoryTree
from tests.volumes import storage_of, volume_of

CLOUD = "/etc/cloud/cloud.cfg"
SETTINGS = "/etc/cloud/cloud.cfg.d/99.cfg"


def facts(changes: dict[str, Any] | None = None) -> Facts:
    files = {**GOLDEN, **(changes or {})}
    return facts_of({path: node for path, node in files.items() if node is not None})


def with_layout(number: int, *others: int, kind: str = "ext4", scheme: Scheme = Scheme.MBR) -> Facts:
    volumes = {n: volume_of({"/etc/passwd": ""}, n, kind) for n in (number, *others)}
    root = volumes[number]
    assert isinstance(root.tree, MemoryTree)
    guest = Guest([Mount("/", root, root.tree, root.tree.root)])
    return Facts({Storage: storage_of(*volumes.values(), scheme=scheme), Guest: guest})


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_ok(rule: Rule) -> None:
    assert rule(facts()).status is Status.OK


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = rule(Facts({Guest: UnknownFact("no root file system")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"/usr/bin/cloud-init": None}, "/usr/bin/cloud-init"),
        ({"/usr/bin/growpart": None}, "/usr/bin/growpart"),
        ({"/etc/cloud/cloud-init.disabled": ""}, "/etc/cloud/cloud-init.disabled"),
        ({"/etc/systemd/system/cloud-init.service": Link("/dev/null")}, "/etc/systemd/system/cloud-init.service"),
        ({SETTINGS: "cloud_init_modules: [ resizefs ]\n"}, f"{SETTINGS}:1"),
    ],
)
def test_what_keeps_the_partition_from_growing_fails_and_putting_it_back_is_ok(
    changes: dict[str, Any], place: str
) -> None:
    verdict = root_partition_grows(facts(changes))
    assert verdict.status is Status.FAILED
    assert place in places(verdict)
    assert root_partition_grows(facts()).status is Status.OK


@pytest.mark.parametrize("mode", ["off", "'off'", "false", "OFF"])
def test_growpart_that_is_switched_off_is_a_warning(mode: str) -> None:
    verdict = root_partition_grows(facts({SETTINGS: f"growpart:\n  mode: {mode}\n"}))
    assert (verdict.status, places(verdict)) == (Status.WARNING, [f"{SETTINGS}:2"])
    assert root_partition_grows(facts({SETTINGS: "growpart:\n  mode: auto\n"})).status is Status.OK
    assert root_partition_grows(facts({SETTINGS: "growpart:\n  mode: [ off ]\n"})).status is Status.OK


def test_a_file_that_stops_growpart_is_a_warning_unless_it_is_ignored() -> None:
    stopped = {"/etc/growroot-disabled": ""}
    assert root_partition_grows(facts(stopped)).status is Status.WARNING
    ignored = {**stopped, SETTINGS: "growpart:\n  ignore_growroot_disabled: true\n"}
    assert root_partition_grows(facts(ignored)).status is Status.OK


def test_a_configuration_that_cannot_be_read_is_unknown() -> None:
    verdict = root_partition_grows(facts({SETTINGS: "growpart: [\n"}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    unread = facts_of(GOLDEN, given={CloudInit: UnknownFact("sda1 cannot be read")})
    assert not root_partition_grows(unread).known


def test_a_missing_tool_is_a_warning_and_installing_it_is_ok() -> None:
    verdict = root_file_system_grows(facts({"/usr/sbin/resize2fs": None}))
    assert (verdict.status, places(verdict)[0]) == (Status.WARNING, "/usr/sbin/resize2fs")
    assert root_file_system_grows(facts()).status is Status.OK


def test_a_file_system_that_does_not_grow_is_a_warning() -> None:
    verdict = root_file_system_grows(with_layout(1, kind="vfat"))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)


def test_a_partition_behind_the_root_is_a_warning_and_one_in_front_is_ok() -> None:
    verdict = root_partition_is_last(with_layout(1, 2, 3))
    assert verdict.status is Status.WARNING
    assert [place.split(" ")[0] for place in places(verdict)] == ["sda1", "sda2", "sda3"]
    assert root_partition_is_last(with_layout(3, 1, 2)).status is Status.OK


def test_a_logical_partition_is_a_warning_on_mbr_only() -> None:
    assert root_partition_is_last(with_layout(5)).status is Status.WARNING
    assert root_partition_is_last(with_layout(5, scheme=Scheme.GPT)).status is Status.OK


def test_a_root_without_a_partition_table_is_ok_and_one_on_a_logical_volume_is_not() -> None:
    whole = with_layout(1, scheme=Scheme.NONE)
    whole[Storage].volumes[0].partition = None
    assert root_partition_is_last(whole).status is Status.OK
    logical = with_layout(1)
    logical[Storage].volumes[0].partition = None
    assert root_partition_is_last(logical).status is Status.WARNING
    logical[Storage].volumes[0].members = ("sda2", "sdb1")
    assert root_partition_is_last(logical).evidence[0].seen == "made of sda2, sdb1"


@pytest.mark.parametrize(
    "setting",
    ["growpart: false", "growpart: {devices: []}", "growpart: {devices: [/dev/vdb]}", "growpart: {mode: gpart}"],
)
def test_growpart_that_does_nothing_to_the_root_is_a_warning(setting: str) -> None:
    verdict = root_partition_grows(facts_of({**GOLDEN, "/etc/cloud/cloud.cfg.d/95.cfg": f"{setting}\n"}))
    assert (verdict.status, str(verdict.evidence[0].place)) == (Status.WARNING, "/etc/cloud/cloud.cfg.d/95.cfg:1")
    kept = {"/etc/cloud/cloud.cfg.d/95.cfg": "growpart: {mode: auto, devices: ['/']}\n"}
    assert root_partition_grows(facts_of({**GOLDEN, **kept})).status is Status.OK


@pytest.mark.parametrize("value", ["false", "off", "'no'", "0"])
def test_a_file_system_that_is_left_as_it_is_is_a_warning(value: str) -> None:
    path = "/etc/cloud/cloud.cfg.d/95.cfg"
    verdict = root_file_system_grows(facts_of({**GOLDEN, path: f"resize_rootfs: {value}\n"}))
    assert (verdict.status, str(verdict.evidence[0].place)) == (Status.WARNING, f"{path}:1")
    assert root_file_system_grows(facts_of({**GOLDEN, path: "resize_rootfs: noblock\n"})).status is Status.OK


class Older(Facts):
    """The facts of a guest but for the version of its kernel."""

    def __init__(self, version: str | None, changes: dict[str, Any] | None = None) -> None:
        own = facts(changes)
        kernel = msgspec.structs.replace(own[DefaultKernel], version=version)
        super().__init__({Guest: own[Guest], CloudInit: own[CloudInit], DefaultKernel: kernel})


GROWROOT = "/usr/share/dracut/modules.d/50growroot/growroot.sh"


@pytest.mark.parametrize("version", ["2.6.32-754.35.1.el6.x86_64", "3.2.0-4-amd64"])
def test_an_old_kernel_grows_the_partition_only_with_growroot(version: str) -> None:
    verdict = root_partition_grows(Older(version))
    assert verdict.status is Status.WARNING
    assert version in verdict.evidence[0].seen
    mended = root_partition_grows(Older(version, {GROWROOT: "#!/bin/sh\n"}))
    assert mended.status is Status.OK
    assert GROWROOT in places(mended)


@pytest.mark.parametrize("version", ["3.6.0", "3.10.0-1160.el7.x86_64", "6.1.0", None, "custom"])
def test_a_newer_kernel_takes_the_partition_in_at_once(version: str | None) -> None:
    assert root_partition_grows(Older(version)).status is Status.OK
