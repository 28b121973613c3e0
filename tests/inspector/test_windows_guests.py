r"""Eight releases of Windows on real disks: their reports as they were read by eye, and their files by every path."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from fixtures.windows.disk import mounted
from fixtures.windows.release import RELEASES
from inspector import inspect_image
from inspector.report import CheckResult, Report
from inspector.verdict import Status
from tests.inspector.cli.conftest import call
from tests.inspector.family_guests import explained, statuses
from tests.oracles import needs
from tests.windows_disk import windows_disk

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(300)]

GOLDEN: Final = Path(__file__).parent / "golden" / "windows"
BIOS, UEFI = "server-2016", "windows-11"
Disk = Callable[[str], Path]


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
                yield f"{check.name} [{rule.status}]  {rule.rule}: {rule.message}\n"


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
def test_nothing_is_found_in_a_good_guest_but_its_age(name: str, disk: Disk) -> None:
    report = inspect_image(str(disk(name)))
    left = {check: status for check, status in statuses(report.checks).items() if status is not Status.OK}
    ended = name in {"server-2008-r2", "server-2012-r2", "windows-10"}
    assert left == ({"OSVersion": Status.WARNING} if ended else {})
    assert all(rule.known and rule.evidence for check in report.checks for rule in check.rules)


FORMATS: Final = {
    "qcow2": ("qcow2",),
    "vhd-dynamic": ("vpc", "-o", "subformat=dynamic,force_size=on"),
    "vhd-fixed": ("vpc", "-o", "subformat=fixed,force_size=on"),
    "vhdx": ("vhdx",),
}


@needs("qemu-img")
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", [BIOS, UEFI])
def test_the_container_of_an_image_changes_nothing_but_what_is_said_of_it(
    name: str, kind: str, disk: Disk, tmp_path: Path
) -> None:
    raw, image = disk(name), tmp_path / "disk"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", *FORMATS[kind], raw, image], check=True)
    ours, wanted = (judged(inspect_image(str(path))) for path in (image, raw))
    image.unlink()
    assert ours == wanted


def judged(report: Report) -> list[CheckResult]:
    assert report.problems == []
    return [check for check in report.checks if check.name != "ImageFormat"]


def listed(folder: Path) -> dict[str, tuple[int, str | None]]:
    """Path -> size and hash, as ntfs-3g has them; of a folder 0 and none."""
    paths: dict[str, tuple[int, str | None]] = {}
    for top, folders, files in os.walk(folder):
        at = f"/{Path(top).relative_to(folder)}".replace("/.", "")
        paths |= {f"{at}/{name}": (0, None) for name in folders}
        for name in files:
            content = Path(top, name).read_bytes()
            paths[f"{at}/{name}"] = (len(content), hashlib.sha256(content).hexdigest())
    return paths


@pytest.mark.parametrize(("name", "start"), [(BIOS, 101), (UEFI, 117)])
def test_the_whole_tree_is_what_ntfs_3g_lists(name: str, start: int, disk: Disk, tmp_path: Path) -> None:
    image, volume = disk(name), tmp_path / "volume"
    subprocess.run(
        ["dd", f"if={image}", f"of={volume}", "bs=1M", f"skip={start}", "count=1024", "conv=sparse",
         "status=none"],
        check=True,
    )  # fmt: skip
    with mounted(volume) as folder:
        wanted = listed(folder)
    volume.unlink()
    done = call("ls", "-R", "--sha256", "--format", "json", image, "/")
    assert (done.returncode, done.stderr) == (0, b"")
    entries = json.loads(done.stdout)
    assert len(wanted) > 80
    assert {it["path"]: (0 if it["type"] == "directory" else it["size"], it.get("sha256")) for it in entries} == wanted


KERNEL: Final = (
    r"C:\Windows\System32\ntoskrnl.exe",
    r"c:\WINDOWS\system32\NTOSKRNL.EXE",
    "C:/Windows/System32/ntoskrnl.exe",
    "/Windows/System32/ntoskrnl.exe",
    "/windows/system32/ntoskrnl.exe",
    r"%SystemRoot%\System32\ntoskrnl.exe",
    r"\SystemRoot\System32\ntoskrnl.exe",
    r"\??\C:\Windows\System32\ntoskrnl.exe",
)


@pytest.mark.parametrize("name", [BIOS, UEFI])
def test_paths_are_taken_as_users_of_windows_and_of_unix_write_them(name: str, disk: Disk) -> None:
    image = disk(name)
    contents, states = [], []
    for path in KERNEL:
        done, state = call("cat", image, path), call("stat", "--format", "json", image, path)
        assert (done.returncode, done.stderr, state.returncode, state.stderr) == (0, b"", 0, b"")
        contents.append(done.stdout)
        states.append({key: value for key, value in json.loads(state.stdout).items() if key != "path"})
    assert contents[0].startswith(b"MZ")
    assert len(set(contents)) == 1
    assert all(state == states[0] for state in states)
    assert states[0]["size"] == len(contents[0])


@pytest.mark.parametrize("path", ["C:\\windows\\SYSTEM32\\config", "/Windows/System32/config/"])
def test_a_folder_is_listed(path: str, disk: Disk) -> None:
    done = call("ls", disk(UEFI), path)
    separator = "\\" if "\\" in path else "/"
    names = ["DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"]
    assert done.stdout.decode().splitlines() == [path.rstrip("/") + separator + name for name in names]


@pytest.mark.parametrize("path", [r"D:\x", r"C:\nope", "/nope", r"C:\pagefile.sys\x"])
def test_a_path_that_is_not_there_is_one_line(path: str, disk: Disk) -> None:
    for command in ("cat", "stat", "ls"):
        done = call(command, disk(UEFI), path)
        assert (done.returncode, done.stdout) == (3, b""), command
        assert len(done.stderr.splitlines()) == 1


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
    assert f"boot mode: {'uefi' if release.uefi else 'bios'}\n" in shown
    assert "not read" not in shown


def test_windows_has_no_package_database(disk: Disk) -> None:
    image = disk(UEFI)
    for kind in ("text", "json", "cyclonedx"):
        done = call("packages", "--format", kind, image)
        assert (done.returncode, done.stdout) == (3, b"")
        assert done.stderr.decode() == f"inspector: {image}: a Windows guest has no package database\n"
