"""The matrix of layouts: of each the right stack in `show`, and the verdicts of the plain guest in `check`.

What is on a device is told by blkid, what it is made of by the recipe.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from fixtures.golden import GOLDEN, KERNEL
from fixtures.layouts.build import Layout, built
from fixtures.layouts.differences import DIFFERENCES, NOT_APPLICABLE, UNKNOWN, differences
from fixtures.layouts.document import PAGE, page
from fixtures.layouts.grub import boot_device, boot_path, mapper_path
from fixtures.layouts.recipe import Device, Member, Recipe, devices, identifier, mount_points, subvolumes
from fixtures.layouts.recipes import BASE, RECIPES, recipe
from inspector.backing import AllowedFiles
from inspector.engine import inspect_machine
from inspector.report import Report
from inspector.target import Target
from inspector.view.overview import overview
from tests.oracles import missing, needs

TOOLS: Final = (
    "blkid", "debugfs", "dumpe2fs", "fdisk", "grub-mkimage", "mcopy", "mke2fs", "mkfs.btrfs", "mkfs.fat", "mkfs.xfs",
    "mkswap", "qemu-img", "sfdisk", "sgdisk",
)  # fmt: skip
APPLIANCE: Final = ("guestfish",)
NAMES: Final = [item.name for item in RECIPES]
STACKED: Final = [item.name for item in RECIPES if item.needs_appliance]
MARKED: Final = [
    pytest.param(item.name, marks=[pytest.mark.slow, pytest.mark.timeout(1800)] if item.needs_appliance else [])
    for item in RECIPES
]


def layout(name: str) -> Layout:
    """Return a layout, built; skip the test where what builds it is not installed."""
    wanted = recipe(name)
    if absent := missing(*TOOLS, *(APPLIANCE if wanted.needs_appliance else ())):
        pytest.skip(f"not installed: {', '.join(absent)}")
    if wanted.needs_appliance and not any(Path("/boot").glob("vmlinu*")):
        pytest.skip("no kernel in /boot: the appliance of libguestfs cannot start")
    return built(wanted, RECIPES)


def target(made: Layout) -> Target:
    folder = made.images[0].parent
    extents = frozenset(path.name for path in folder.glob("*-flat.vmdk"))
    return Target(tuple(map(str, made.images)), allowed=AllowedFiles(folder, extents) if extents else None)


def statuses(report: Report) -> dict[str, str]:
    """Return what each rule came to: OK, WARNING or FAILED, "unknown" for a warning that nothing is known."""
    return {rule.rule: str(rule.status) if rule.known else UNKNOWN for check in report.checks for rule in check.rules}


def test_the_page_is_that_of_the_recipes() -> None:
    assert PAGE.read_text() == page(), "run make docs"


def test_there_are_more_than_forty_layouts_each_with_its_own_name_and_difference() -> None:
    assert len(set(NAMES)) == len(NAMES) > 40
    assert [row.reason for row in DIFFERENCES if not any(row.of(item) for item in RECIPES)] == []


@functools.cache
def plain() -> dict[str, str]:
    return statuses(inspect_machine(target(layout(BASE))))


def test_the_plain_guest_is_good() -> None:
    assert set(plain().values()) == {"OK"}


@pytest.mark.parametrize("name", MARKED)
def test_show_tells_the_stack(name: str) -> None:
    made = layout(name)
    view = overview(target(made))
    found = {volume["device"]: volume for volume in view["volumes"]}
    wanted = devices(made.recipe)
    assert sorted(found) == sorted([item.name for item in wanted] + _others(made.recipe))
    for item in wanted:
        seen, said = found[item.name], made.blkid[item.name]
        told = (said.get("TYPE"), said.get("UUID"), said.get("LABEL"))
        assert (item.name, seen["type"], seen["uuid"], seen["label"]) == (item.name, *told)
        assert (item.name, sorted(seen["members"])) == (item.name, sorted(item.members))
        assert (item.name, seen["holder"]) == (item.name, item.holds.of if isinstance(item.holds, Member) else None)
    for disk, told in zip(made.recipe.disks, view["disks"], strict=True):
        table, hybrid = told["partition_table"], disk.table == "hybrid"
        assert (table["scheme"], table["hybrid"]) == ("gpt" if hybrid else disk.table, hybrid)
        assert table["sector_size"] == disk.sector
    mounts = {point: item.name for item in wanted for point in mount_points(item)}
    mounts |= {point: f"{item.name}[/{name}]" for item in wanted for name, point in subvolumes(item)}
    assert {mount["path"]: mount["device"] for mount in view["mounts"]} == mounts
    assert [mount["reason"] for mount in view["mounts"] if mount["reason"]] == []
    assert view["reason"] is None
    assert [problem["message"] for problem in view["problems"]] == _problems(made.recipe)


def _others(wanted: Recipe) -> list[str]:
    """What lvm makes besides: snapshots go by the name of their volume."""
    return [
        f"{group.name}/{command.split(' -n ')[1].split()[0]}" for group in wanted.groups for command in group.finish
    ]


def _problems(wanted: Recipe) -> list[str]:
    return [
        f"{1 + array.missing} members of {array.name} wanted, {array.missing} missing"
        for array in wanted.arrays
        if array.missing
    ]


@pytest.mark.parametrize("name", MARKED)
def test_the_verdicts_are_those_of_the_plain_guest(name: str) -> None:
    made = layout(name)
    report = inspect_machine(target(made))
    found = statuses(report)
    wanted = plain() | {rule: row.status for row in differences(made.recipe) for rule in row.rules}
    found |= dict.fromkeys((item.name for item in report.not_applicable if item.name in wanted), NOT_APPLICABLE)
    other = {
        rule.rule: (rule.status, rule.message, [item.seen for item in rule.evidence])
        for check in report.checks
        for rule in check.rules
        if found[rule.rule] != wanted.get(rule.rule, "OK")
    }
    assert other == {}
    assert {name: found.get(name) for name in wanted} == wanted  # a rule that no longer applies vouches for nothing


UNPRIVILEGED: Final = ("no-table", "gpt-4k", "xfs-v4", "btrfs", "vhdx", "ova", "lvm", "lvm-thin", "md-boot-10-lvm")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@needs("setpriv")
@pytest.mark.skipif(os.geteuid() != 0, reason="not root: everything runs without it anyway")
@pytest.mark.parametrize("name", UNPRIVILEGED)
def test_no_layout_needs_root(name: str) -> None:
    made = layout(name)
    command = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        sys.executable,
        "-m",
        "inspector",
        "check",
    ]
    words = ["--format", "json", "--fail-on", "never", "--guest", *map(str, made.images)]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")
    told = {rule["rule"]: rule["status"] for check in json.loads(done.stdout)["checks"] for rule in check["rules"]}
    report = inspect_machine(target(made))
    assert told == {rule.rule: str(rule.status) for check in report.checks for rule in check.rules}


def grub_name(made: Recipe, device: Device) -> str:
    """Return what GRUB calls a device when it is given the disks as files."""
    if "/" in device.name:
        return f"lvm/{mapper_path(device).removeprefix('/dev/mapper/')}"
    if device.disk is None:
        return f"mduuid/{identifier(made, f'array {device.name}').replace('-', '')}"
    table = "msdos" if made.disks[device.disk].table == "mbr" else "gpt"
    return f"loop{device.disk}" + (f",{table}{device.partition}" if device.partition else "")


@needs("grub-fstest")
@pytest.mark.parametrize("name", [item for item in MARKED if recipe(str(item.values[0])).container == "raw"])
def test_grub_reads_the_kernel_and_its_configuration(name: str) -> None:
    made = layout(name)
    boot = boot_device(made.recipe)
    cat = ["grub-fstest", "-c", str(len(made.images)), *map(str, made.images), "cat"]

    def read(path: str) -> bytes:
        where = f"({grub_name(made.recipe, boot)}){boot_path(made.recipe)}/{path}"
        return subprocess.run([*cat, where], check=True, capture_output=True).stdout

    config = read("grub/grub.cfg").decode()
    assert read(f"vmlinuz-{KERNEL}") == GOLDEN[f"/boot/vmlinuz-{KERNEL}"]
    assert f"linux\t{boot_path(made.recipe)}/vmlinuz-{KERNEL} root=" in config
    assert "@" not in config.replace("@rootfs", "").replace("/@/", "/").replace("subvol=@ ", "")  # every UUID is there
