"""The hive SYSTEM of a real Windows 10, which ran in a virtual machine of VMware's, in the golden guest."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.windows.pe import program
from inspector.guest import Guest
from inspector.verdict import Status
from inspector.windows.registry import Registry
from inspector.windows.services import services
from tests.inspector.test_windows_faults import judged
from tests.samples import SYSTEM_HIVE, sample
from tests.windows import CONFIG, Changes, golden, golden_storage

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

WANTED = {
    "windows-virtio-disk-driver-boots": Status.FAILED,
    "windows-virtio-disk-is-matched": Status.FAILED,
    "windows-virtio-net-driver-present": Status.FAILED,
    "windows-virtio-net-is-matched": Status.FAILED,
    "windows-virtio-drivers-are-recent": Status.WARNING,
    "windows-other-virtio-drivers-present": Status.WARNING,
    "windows-cloud-assistant-runs": Status.WARNING,
    "windows-foreign-tools-are-not-started": Status.WARNING,
    "windows-vminit-works": Status.WARNING,
    "windows-rdp-is-enabled": Status.FAILED,
    "windows-firewall-lets-rdp-in": Status.WARNING,
}
"""What is not OK of it, and rightly: no virtio, VMware's tools, Remote Desktop off."""


def test_what_is_told_of_it(tmp_path: Path) -> None:
    files: Changes = {f"{CONFIG}/SYSTEM": sample(SYSTEM_HIVE, tmp_path / "SYSTEM").read_bytes()}
    guest = golden(files=files)[Guest]
    loaded = {guest.normal(service.file) for service in services(Registry(guest))}
    assert len(loaded) > 500
    files = {**files, **{path: program() for path in loaded if not guest.exists(path)}}
    rules = [rule for check in judged(golden_storage(files=files)).values() for rule in check.rules]
    found = {rule.rule: rule.status for rule in rules if rule.rule.startswith("windows-")}
    assert {name: status for name, status in found.items() if status is not Status.OK} == WANTED
