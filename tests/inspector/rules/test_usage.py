from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, Mount
from inspector.rules.rule import Rule
from inspector.rules.usage import disk_usage_below_limit, inode_usage_below_limit
from inspector.verdict import NotApplicable, Status
from parsers.filesystem.tree import Usage
from parsers.place import Place
from tests.memory_tree import MemoryTree
from tests.volumes import volume_of

GIB = 1 << 30
DISK = {"warning_percent": 80, "failed_percent": 95, "minimum_free_mib": 200}
INODES = {"warning_percent": 80, "failed_percent": 95}
BOTH = pytest.mark.parametrize(
    ("rule", "parameters"), [(disk_usage_below_limit, DISK), (inode_usage_below_limit, INODES)], ids=["disk", "inodes"]
)


def usage(percent: float, size: int = 10 * GIB) -> Usage:
    """Equally full of bytes and inodes."""
    free = round(size * (100 - percent) / 100)
    return Usage(size, free, free, 10_000, round(10_000 * (100 - percent) / 100))


def mount(path: str, of: Usage | None, number: int = 1) -> Mount:
    tree = MemoryTree({"/var/lib/x": "", "/home/me": ""}, f"sda{number}", of)
    return Mount(path, volume_of(tree, number), tree, tree.root)


def facts(*mounts: Mount) -> Facts:
    return Facts({Guest: Guest(mounts)})


@BOTH
def test_ok(rule: Rule, parameters: dict[str, Any]) -> None:
    verdict = rule(facts(mount("/", usage(79))), **parameters)
    assert verdict.status is Status.OK
    assert verdict.evidence[0].place == Place("/", volume="sda1")
    assert "79 % used" in verdict.evidence[0].seen


@BOTH
def test_failed_names_the_mount_point(rule: Rule, parameters: dict[str, Any]) -> None:
    verdict = rule(facts(mount("/", usage(10)), mount("/home", usage(96), 2)), **parameters)
    assert verdict.status is Status.FAILED
    assert [item.place for item in verdict.evidence] == [Place("/home", volume="sda2")]


@BOTH
def test_the_advised_fix_makes_it_ok(rule: Rule, parameters: dict[str, Any]) -> None:
    assert rule(facts(mount("/", usage(97))), **parameters).status is Status.FAILED
    assert rule(facts(mount("/", usage(60))), **parameters).status is Status.OK


@BOTH
def test_unknown_is_never_ok(rule: Rule, parameters: dict[str, Any]) -> None:
    broken = Mount(
        "/data", volume_of(None, 3, "xfs", reason="xfs is not read so far"), None, 0, "xfs is not read so far"
    )
    for given in (facts(mount("/", None)), facts(mount("/", usage(10)), broken)):
        verdict = rule(given, **parameters)
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert "xfs is not read so far" in verdict.evidence[0].seen
    assert not rule(Facts({Guest: UnknownFact("no root file system")}), **parameters).known


@BOTH
def test_a_failure_is_not_hidden_by_what_is_not_known(rule: Rule, parameters: dict[str, Any]) -> None:
    broken = Mount("/data", None, None, 0, "it is not in the image")
    assert rule(facts(mount("/", usage(99)), broken), **parameters).status is Status.FAILED


@pytest.mark.parametrize(
    ("percent", "disk", "inodes"),
    [
        (79, Status.OK, Status.OK),
        (80, Status.WARNING, Status.WARNING),
        (94.9, Status.WARNING, Status.WARNING),
        (95, Status.WARNING, Status.FAILED),
        (95.1, Status.FAILED, Status.FAILED),
        (100, Status.FAILED, Status.FAILED),
    ],
)
def test_the_limits(percent: float, disk: Status, inodes: Status) -> None:
    given = facts(mount("/", usage(10)), mount("/home", usage(percent), 2))
    assert disk_usage_below_limit(given, **DISK).status is disk
    assert inode_usage_below_limit(given, **INODES).status is inodes


def test_reserved_blocks_count_as_df_counts_them() -> None:
    full = Usage(10 * GIB, GIB, GIB // 2, 100, 90)  # 9 used of 9.5 within reach: 95 %, not 90
    verdict = disk_usage_below_limit(facts(mount("/", full)), **DISK)
    assert verdict.status is Status.WARNING
    assert "95 % used" in verdict.evidence[0].seen


@pytest.mark.parametrize(
    ("path", "status"), [("/", Status.FAILED), ("/boot", Status.FAILED), ("/var", Status.FAILED), ("/home", Status.OK)]
)
def test_what_always_needs_space(path: str, status: Status) -> None:
    small = Usage(300 << 20, 199 << 20, 199 << 20, 100, 90)
    mounts = [mount(path, small, 2)] if path == "/" else [mount("/", usage(10)), mount(path, small, 2)]
    assert disk_usage_below_limit(facts(*mounts), **DISK).status is status


def test_a_file_system_is_judged_once() -> None:
    root = mount("/", usage(85))
    bind = Mount("/srv", root.volume, root.tree, 2)
    assert len(disk_usage_below_limit(facts(root, bind), **DISK).evidence) == 1


def test_a_format_without_inodes_is_ok() -> None:
    root, esp = mount("/", usage(10)), mount("/boot/efi", Usage(GIB, GIB, GIB), 2)
    assert inode_usage_below_limit(facts(root, esp), **INODES).status is Status.OK


def test_no_space_at_all() -> None:
    empty = Usage(1 << 20, 0, 0, 0, 0)
    assert disk_usage_below_limit(facts(mount("/", usage(1)), mount("/home", empty, 2)), **DISK).status is Status.FAILED


def test_nothing_mounted_is_not_ok() -> None:
    class Nothing(Guest):
        def __init__(self) -> None:
            self.mounts = ()

        def mount_of(self, path: str) -> Mount:
            return mount(path, None)

    with pytest.raises(NotApplicable):
        inode_usage_below_limit(Facts({Guest: Nothing()}), **INODES)
