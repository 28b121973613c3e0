r"""The hive SYSTEM of a real Windows 10, made ready for the cloud with hivex, on a disk as Setup lays it out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from fixtures.files import Files
from fixtures.windows.disk import can_build
from fixtures.windows.golden import SERVICES
from fixtures.windows.guest import build_guest
from fixtures.windows.hive import Keys, merged
from fixtures.windows.hives import system
from fixtures.windows.pe import program
from fixtures.windows.release import RELEASES, Release
from fixtures.windows.system_drive import system_drive
from fixtures.windows.virtio import DATABASE
from inspector import inspect_image
from inspector.guest import Guest
from inspector.verdict import Status
from inspector.windows.registry import Registry
from inspector.windows.services import services
from tests.samples import SYSTEM_HIVE, sample
from tests.windows import CONFIG, golden, hive
from tests.windows_disk import hives

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

RELEASE: Final = replace(RELEASES["windows-10"], uefi=True)
TOOLS: Final = ("VMTools", "VGAuthService", "vm3dservice", "vmvss", "vmhgfs", "VMMemCtl", "vmrawdsk")
"""What the tools of the hypervisor that the machine ran on start, which their own uninstaller takes away."""
SOCKETS: Final = "vmci.inf_amd64_5e38a278d114b813"
LEFT: Final = {"windows-release-is-maintained", "windows-system-drive-can-grow"}


def prepared(path: Path, release: Release) -> bytes:
    """Return the real hive with what the golden Windows has, and without the tools of the hypervisor."""
    gone: Keys = {
        **{rf"{SERVICES}\{name}": None for name in TOOLS},
        rf"{DATABASE}\DriverInfFiles\oem2.inf": None,  # whose number a driver of virtio has
        rf"{DATABASE}\DriverPackages\{SOCKETS}": None,
    }
    return merged(merged(sample(SYSTEM_HIVE, path).read_bytes(), system(release)), gone)


def programs(content: bytes, there: Iterable[str]) -> Files:
    """Return a program for each service of a hive, at its path as NTFS has it, unless it is `there`."""
    guest = golden(files={f"{CONFIG}/SYSTEM": content})[Guest]
    spelled = {"": ""}
    known = {spell(path, spelled).lower() for path in there}
    paths = [spell(guest.normal(service.file), spelled) for service in services(Registry(guest)).items]
    return {path: program() for path in paths if path.lower() not in known}


def spell(path: str, spelled: dict[str, str]) -> str:
    """Return a path with each folder as it was spelled first."""
    whole = ""
    for name in path.strip("/").split("/"):
        whole = spelled.setdefault(f"{whole}/{name}".lower(), f"{whole}/{name}")
    return whole


def test_a_real_hive_that_was_made_ready_is_as_good_as_the_golden_one(tmp_path: Path) -> None:
    if reason := can_build():
        pytest.skip(reason)
    content = prepared(tmp_path / "SYSTEM", RELEASE)
    others = programs(content, system_drive(RELEASE))
    assert len(others) > 400
    image = build_guest(RELEASE, tmp_path / "disk.raw", hive, {**hives(), f"{CONFIG}/SYSTEM": content}, others)
    report = inspect_image(str(image))
    image.unlink()
    assert report.problems == []
    rules = [rule for check in report.checks for rule in check.rules]
    assert {rule.rule: rule.message for rule in rules if rule.status is not Status.OK}.keys() == LEFT
