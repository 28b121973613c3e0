r"""Eight releases of Windows on real disks: their reports as they were read by eye, and their files by every path."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import pytest

from fixtures.windows.disk import can_build
from fixtures.windows.golden import MACHINE, changed
from fixtures.windows.golden import UNINSTALL as PROGRAMS
from fixtures.windows.guest import build_guest
from fixtures.windows.hives import packages, software
from fixtures.windows.programs import programs
from fixtures.windows.release import OTHERS, RELEASES
from inspector import inspect_image
from inspector.report import CheckResult, Report
from inspector.verdict import Status
from inspector.view.windows_packages import HEAD
from tests.inspector.cli.conftest import call
from tests.inspector.family_guests import explained, lines_of, statuses
from tests.oracles import needs
from tests.windows import hive
from tests.windows_disk import USER, Disk, hives, windows_disk

pytestmark = pytest.mark.corpus

GOLDEN: Final = Path(__file__).parent / "golden" / "windows"
BIOS, UEFI = "server-2016", "windows-11"
NO_HIVE: Final = b"regf".ljust(8192, b"\1")
DRIVER = r"HKLM\SYSTEM\CurrentControlSet\Services\viostor"


@pytest.fixture
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return lambda name: windows_disk(name, tmp_path_factory)


def told(report: Report) -> str:
    """Return a report with all its rules, without what a build gives by chance."""
    assert report.problems == []
    guest = report.guest
    head = f"{guest.product} {guest.kernel} {guest.architecture} {guest.boot_mode} {guest.rtc_mode}\n"
    return head + explained(report.checks, report.not_applicable, {check.name for check in report.checks})


def found(checks: list[CheckResult]) -> Iterator[str]:
    for check in checks:
        for rule in check.rules:
            if rule.status is not Status.OK:
                yield from lines_of(check, rule)


@pytest.mark.parametrize("name", RELEASES)
def test_the_report_of_a_good_guest_is_the_one_that_was_read_by_eye(name: str, disk: Disk) -> None:
    image = str(disk(name))
    text = told(inspect_image(image))
    for profile in ("clone", "nhn"):
        text += f"{profile}\n{''.join(found(inspect_image(image, profile=profile).checks))}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REWRITE_GOLDEN") == "1":
        path.write_text(text)
        pytest.skip(f"{path.name} was written anew: read it, line by line")
    assert text == path.read_text()


@pytest.mark.parametrize("name", RELEASES)
def test_nothing_is_found_in_a_good_guest_but_its_age_and_what_lies_behind_its_drive(name: str, disk: Disk) -> None:
    report = inspect_image(str(disk(name)))
    left = {check: status for check, status in statuses(report.checks).items() if status is not Status.OK}
    wanted = set()
    if name in {"server-2008-r2", "server-2012-r2", "windows-10"}:
        wanted.add("OSVersion")
    if RELEASES[name].layout.tools_last:  # Setup's own layout keeps the drive from growing
        wanted.add("Vminit")
    assert left == dict.fromkeys(wanted, Status.WARNING)
    assert all(rule.known and rule.evidence for check in report.checks for rule in check.rules)


FORMATS: Final = {
    "qcow2": ("qcow2",),
    "vhd-dynamic": ("vpc", "-o", "subformat=dynamic,force_size=on"),
    "vhd-fixed": ("vpc", "-o", "subformat=fixed,force_size=on"),
    "vhdx": ("vhdx",),
}


SPREAD: Final = [(name, kind) for name in (BIOS, UEFI) for kind in FORMATS] + list(
    zip([name for name in RELEASES if name not in (BIOS, UEFI)], itertools.cycle(FORMATS), strict=False)
)
"""One release for each firmware in all formats, every other one in one of them."""


@needs("qemu-img")
@pytest.mark.parametrize(("name", "kind"), SPREAD)
def test_the_container_of_an_image_changes_nothing_but_what_is_said_of_it(
    name: str, kind: str, disk: Disk, tmp_path: Path
) -> None:
    raw, image = disk(name), tmp_path / "disk"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", *FORMATS[kind], raw, image], check=True)
    ours, wanted = (judged(inspect_image(str(path))) for path in (image, raw))
    image.unlink()
    assert ours == wanted


def judged(report: Report, *without: str) -> list[CheckResult]:
    assert report.problems == []
    return [check for check in report.checks if check.name not in {"ImageFormat", *without}]


FIRMWARE: Final = {
    "boot-loader-installed", "boot-modes-are-whole", "uefi-fallback-loader-exists", "windows-boot-manager-exists",
    "windows-bcd-starts-windows", "system-disk-is-basic", "windows-boot-sector-starts-the-boot-manager",
    "windows-boot-sector-knows-its-place",
}  # fmt: skip
"""Rules whose message names the firmware, or what it starts from."""


def said(report: Report, *, without: Collection[str] = ()) -> dict[str, tuple[Status, str]]:
    """Rule -> what it says."""
    assert report.problems == []
    rules = [rule for check in report.checks for rule in check.rules]
    return {rule.rule: (rule.status, rule.message) for rule in rules if rule.rule not in without}


@pytest.mark.parametrize("name", [name for name in OTHERS if name.endswith(("-bios", "-uefi"))])
def test_the_other_firmware_changes_nothing_but_what_is_said_of_it(name: str, disk: Disk) -> None:
    first, _, firmware = name.rpartition("-")
    report = inspect_image(str(disk(name)))
    assert said(report, without=FIRMWARE) == said(inspect_image(str(disk(first))), without=FIRMWARE)
    assert report.guest.boot_mode == firmware
    assert {rule.status for check in report.checks for rule in check.rules if rule.rule in FIRMWARE} == {Status.OK}


def test_compression_of_the_system_changes_nothing(disk: Disk) -> None:
    ours, wanted = (inspect_image(str(disk(name))) for name in ("windows-11-compact", "windows-11"))
    assert judged(ours, "DiskUsage") == judged(wanted, "DiskUsage")


@pytest.mark.parametrize("name", ["server-2008-r2", "server-2022"])
def test_what_stands_in_the_logs_of_hives_alone_is_read_and_said(name: str, disk: Disk) -> None:
    image = disk(f"{name}-interrupted")
    report = inspect_image(str(image))
    ours, wanted = said(report), said(inspect_image(str(disk(name))))
    assert [rule for rule, what in ours.items() if what != wanted[rule]] == ["windows-hives-are-written-completely"]
    assert statuses(report.checks)["Registry"] is Status.WARNING
    done = call("reg", "--format", "json", image, DRIVER)
    assert (done.returncode, done.stderr) == (0, b"")
    (key,) = json.loads(done.stdout)
    (start,) = [value for value in key["values"] if value["name"] == "Start"]
    assert (key["state"], start["value"], start["before_the_logs"]) == ("replayed", 0, "0x00000003 (3)")


@pytest.mark.parametrize(
    ("name", "volume"),
    [("server-2016-recovers", "sda1"), ("server-2019-recovers", "sda1"), ("windows-10-recovers", "sda3")],
)
def test_recovery_is_found_where_setup_puts_it(name: str, volume: str, disk: Disk) -> None:
    report = inspect_image(str(disk(name)))
    (rule,) = [it for check in report.checks for it in check.rules if it.rule == "windows-recovery-is-there"]
    assert rule.status is Status.OK
    assert [(it.volume, it.path) for it in rule.evidence] == [(volume, r"\Recovery\WindowsRE\Winre.wim")]


def test_the_hives_of_users_are_found_by_their_ids(disk: Disk) -> None:
    for name in ("server-2022", "server-2022-interrupted"):
        for sid in (f"{MACHINE}-500", "S-1-5-18", "S-1-5-19", f"{MACHINE}-500_Classes"):
            done = call("reg", disk(name), rf"HKU\{sid}")
            assert (done.returncode, done.stderr) == (0, b""), (name, sid)
        done = call("reg", "--format", "json", disk(name), rf"HKU\{MACHINE}-500\Environment")
        (key,) = json.loads(done.stdout)
        assert key["state"] == ("clean" if name == "server-2022" else "replayed")


@pytest.mark.parametrize("name", RELEASES)
def test_the_registry_and_the_overview_tell_the_release(name: str, disk: Disk) -> None:
    image, release = disk(name), RELEASES[name]
    done = call("reg", "--format", "json", image, r"hklm\software\microsoft\WINDOWS NT\CurrentVersion")
    (key,) = json.loads(done.stdout)
    values = {value["name"]: value["value"] for value in key["values"]}
    assert (values["ProductName"], values["CurrentBuild"]) == (release.product, str(release.build))
    shown = call("show", image).stdout.decode()
    product = release.product if name != "windows-11" else "Windows 11 Pro"
    assert f"guest: {product}\n" in shown
    assert ", on C:\\, native\n" in shown
    assert f"boot mode: {'uefi' if release.uefi else 'bios'}\n" in shown
    assert "not read" not in shown


@pytest.mark.parametrize("name", [*RELEASES, "server-2022-interrupted"])
def test_the_programs_and_the_updates_are_listed(name: str, disk: Disk) -> None:
    image = disk(name)
    done = call("packages", "--format", "json", image)
    assert (done.returncode, done.stderr) == (0, b"")
    entries = json.loads(done.stdout)
    listed = {f"{PROGRAMS}\\{path.rpartition(chr(92))[2]}" for path in programs(PROGRAMS)}
    of_users = [entry for entry in entries if entry["scope"] == "user"]
    assert {entry["key"].removeprefix("WOW6432Node\\") for entry in entries if entry["manager"] != "servicing"} == {
        *listed, *(entry["key"] for entry in of_users),
    }  # fmt: skip
    assert {entry["key"].split("\\")[-2] for entry in entries if entry["manager"] == "servicing"} == {
        path.rpartition("\\")[2] for path in packages(RELEASES[name.removesuffix("-interrupted")])
        if "Package_for_" in path
    }  # fmt: skip
    # what the real hive of the user has in its logs alone
    assert [entry["name"] for entry in of_users] == (["Microsoft OneDrive"] if "interrupted" in name else [])
    text = call("packages", image).stdout.decode()
    assert text.splitlines()[0].split() == [*HEAD]
    assert text.count("\n") == len(entries) + 1
    document = json.loads(call("packages", "--format", "cyclonedx", image).stdout)
    there = [entry for entry in entries if entry["hidden"] != "no display name"]
    assert [component["purl"] for component in document["components"]] == [entry["purl"] for entry in there]


def test_what_cannot_be_read_of_the_programs_is_told_after_the_others(tmp_path: Path) -> None:
    if reason := can_build():
        pytest.skip(reason)
    release = RELEASES[BIOS]
    damaged = hive(changed(software(release), {f"{PROGRAMS}\\odd\x1b": {"DisplayName": 1, "Publisher": "\x1b[2J"}}))
    others = {**hives(), "/Windows/System32/config/SOFTWARE": damaged, f"{USER}/NTUSER.DAT": NO_HIVE}
    image = build_guest(release, tmp_path / "disk.raw", hive, others)
    for kind in ("text", "json", "cyclonedx"):
        done = call("packages", "--format", kind, image)
        assert done.returncode == 3
        assert b"Example Runtime 4.8" in done.stdout
        assert b"\x1b" not in done.stdout + done.stderr
        said = (
            f"inspector: {image}: packages that could not be read: 2; the first: C:\\Users\\Administrator\\NTUSER.DAT"
        )
        assert done.stderr.decode().startswith(said)
        if kind == "cyclonedx":
            assert json.loads(done.stdout)["compositions"] == [
                {"aggregate": "incomplete", "assemblies": ["operating-system"]}
            ]
    others["/Windows/System32/config/SOFTWARE"] = NO_HIVE
    image = build_guest(release, tmp_path / "other.raw", hive, others)
    done = call("packages", image)
    assert (done.returncode, done.stdout) == (3, b"")
    assert rb"C:\Windows\System32\config\SOFTWARE" in done.stderr
