"""Damage to every stack of volumes and file systems ends in a verdict, a finding or one line, in bounded time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from inspector import inspect_image
from inspector.report import Report
from inspector.verdict import Status
from tests.inspector.damage import better, survive
from tests.inspector.storage_stacks import STACKS, build_stack
from tests.oracles import missing
from tests.parsers.filesystem.btrfs.reference import needs_kernel

SEEDS: Final = 240
"""Mutations of each stack in the soak; the ordinary run takes every `STRIDE`th of them, odd and even ones alike."""
STRIDE: Final = 15
CHECKED: Final = frozenset({"btrfs", "btrfs-zstd", "btrfs-raid1"})
"""Stacks on which each byte of data and metadata has a checksum, so that damage cannot make anything look better."""

Stacks = Callable[[str], Path]


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """The disks of the stacks, each made when it is first asked for."""
    folder = tmp_path_factory.mktemp("stacks")

    def made(name: str) -> Path:
        path = folder / f"{name}.raw"
        if not path.exists():
            if absent := missing(*STACKS[name][1]):
                pytest.skip(f"not installed: {', '.join(absent)}")
            build_stack(name, path)
        return path

    return made


def each_stack() -> list[object]:
    return [pytest.param(name, marks=[needs_kernel] if "losetup" in STACKS[name][1] else []) for name in STACKS]


def survives(path: Path, name: str, seeds: range) -> None:
    clean = inspect_image(str(path))

    def look(report: Report) -> None:
        if name in CHECKED:
            assert better(clean, report) == []

    survive(path, seeds, look)


@pytest.mark.parametrize("name", each_stack())
def test_the_guest_is_found_on_each_stack_with_its_faults(stacks: Stacks, name: str) -> None:
    report = inspect_image(str(stacks(name)))
    if name.startswith("luks"):
        assert report.guest.product is None
        return
    assert report.guest.product == "Debian GNU/Linux 12 (bookworm)"
    statuses = {check.name: check.status for check in report.checks}
    assert {statuses[check] for check in ("Virtio", "Fstab", "SshConfig")} == {Status.FAILED}


@pytest.mark.slow
@pytest.mark.parametrize("name", each_stack())
def test_a_sample_of_damaged_stacks_ends_in_verdicts_or_in_one_line(stacks: Stacks, name: str) -> None:
    survives(stacks(name), name, range(0, SEEDS, STRIDE))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", each_stack())
def test_all_damaged_stacks_end_in_verdicts_or_in_one_line(stacks: Stacks, name: str) -> None:
    survives(stacks(name), name, range(SEEDS))


@pytest.mark.slow
@pytest.mark.parametrize("name", each_stack())
def test_damage_below_right_checksums_ends_so_too(stacks: Stacks, name: str) -> None:
    survive(stacks(name), range(1, SEEDS, 2 * STRIDE), sealed=True)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", each_stack())
def test_all_damage_below_right_checksums_ends_so_too(stacks: Stacks, name: str) -> None:
    survive(stacks(name), range(1, 2 * SEEDS, 2), sealed=True)
