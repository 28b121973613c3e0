"""Rules about the types and the features of the system's file systems."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from inspector.disks.disk import Volume
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, Mount
from inspector.rules.file_system_type import RULES, ext4_features_are_accepted, system_file_systems_are_accepted
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from tests.memory_tree import MemoryTree
from tests.volumes import volume_of

PARAMETERS = {
    "system-file-systems-are-accepted": {"accepted": ["ext4", "xfs"]},
    "ext4-features-are-accepted": {"refused": ["project+quota", "casefold"]},
}


class Ext(MemoryTree):
    """A tree that names its features."""

    def __init__(self, *features: str) -> None:
        super().__init__({"/etc/fstab": ""})
        self.features = frozenset(features)


def judge(rule: Rule, **volumes: Volume | None) -> Verdict:
    tree = MemoryTree({"/etc/fstab": ""})
    paths = {"/" if name == "root" else f"/{name}": volume for name, volume in volumes.items()}
    mounts = [Mount(path, volume, (volume and volume.tree) or tree, tree.root) for path, volume in paths.items()]
    return rule(Facts({Guest: Guest(mounts)}), **PARAMETERS[rule.name])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = rule(Facts({Guest: UnknownFact("no root")}), **PARAMETERS[rule.name])
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert not judge(rule, root=None).known


def test_a_root_whose_type_nobody_recognises_is_unknown() -> None:
    assert not judge(system_file_systems_are_accepted, root=volume_of(None, kind=None, reason="not recognised")).known


def test_types_that_are_named_are_ok_and_others_a_warning_until_they_are_converted() -> None:
    xfs, btrfs, ext = (volume_of({"/x": ""}, kind=kind) for kind in ("xfs", "btrfs", "ext4"))
    assert judge(system_file_systems_are_accepted, root=xfs, boot=ext).status is Status.OK
    assert judge(system_file_systems_are_accepted, root=ext, srv=btrfs, efi=btrfs).status is Status.OK
    verdict = judge(system_file_systems_are_accepted, root=btrfs, boot=ext)
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.WARNING, "/")
    assert verdict.message == "one of ext4, xfs wanted, btrfs found"
    assert judge(system_file_systems_are_accepted, root=ext, boot=btrfs).evidence[0].place.path == "/boot"


def test_the_efi_system_partition_at_boot_is_no_matter() -> None:
    ext, esp = volume_of({"/x": ""}), volume_of({"/x": ""}, 2, "vfat")
    assert judge(system_file_systems_are_accepted, root=ext, boot=esp).status is Status.WARNING
    assert esp.partition
    esp.partition = replace(esp.partition, type="c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
    assert judge(system_file_systems_are_accepted, root=ext, boot=esp).status is Status.OK


def test_features_that_are_refused_together_are_a_warning_until_one_is_taken_away() -> None:
    both = judge(ext4_features_are_accepted, root=volume_of(Ext("64bit", "project", "quota")))
    assert (both.status, both.evidence[0].seen) == (Status.WARNING, "ext4 with project and quota")
    assert both.evidence[0].place.volume == "sda1"
    assert judge(ext4_features_are_accepted, root=volume_of(Ext("64bit", "quota"))).status is Status.OK
    boot = judge(ext4_features_are_accepted, root=volume_of(Ext()), boot=volume_of(Ext("casefold"), 2))
    assert (boot.status, boot.evidence[0].place.path) == (Status.WARNING, "/boot")


def test_other_file_systems_have_no_features_to_refuse() -> None:
    with pytest.raises(NotApplicable):
        judge(ext4_features_are_accepted, root=volume_of({"/x": ""}, kind="xfs"))
