"""The hives SYSTEM of two real machines in the golden guest: a Windows 10 for 64 bits, and a Windows 7 for 32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.windows.golden import FILES
from fixtures.windows.hives import software
from fixtures.windows.pe import program
from fixtures.windows.release import RELEASES
from inspector.guest import Guest
from inspector.verdict import Status
from inspector.windows.driver_store import DATABASES, DriverStore
from inspector.windows.registry import Registry
from inspector.windows.services import services
from tests.corpus import corpus
from tests.inspector.test_windows_faults import judged
from tests.samples import SYSTEM_HIVE, sample
from tests.windows import CONFIG, Changes, golden, golden_storage, hive

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

NOT_PREPARED = {
    "windows-virtio-disk-driver-boots": Status.FAILED,
    "windows-virtio-disk-is-matched": Status.FAILED,
    "windows-virtio-net-driver-present": Status.FAILED,
    "windows-virtio-net-is-matched": Status.FAILED,
    "windows-virtio-drivers-are-recent": Status.WARNING,
    "windows-other-virtio-drivers-present": Status.WARNING,
    "windows-cloud-assistant-runs": Status.WARNING,
    "windows-vminit-works": Status.WARNING,
    "windows-foreign-tools-are-not-started": Status.WARNING,
    "windows-firewall-lets-rdp-in": Status.WARNING,
}
"""What both lack or keep: they are machines of VMware's, with its tools, that nobody made ready for another cloud."""
WINDOWS_10 = {**NOT_PREPARED, "windows-rdp-is-enabled": Status.FAILED}
WINDOWS_7 = {
    **NOT_PREPARED,
    "windows-release-is-supported": Status.FAILED,  # 32 bits
    "windows-release-is-maintained": Status.WARNING,
    "windows-has-no-other-antivirus": Status.WARNING,  # and the filter of its firewall
    "windows-network-filters-lead-to-drivers": Status.WARNING,
    "windows-network-cards-use-dhcp": Status.WARNING,
    "windows-name-servers-come-from-dhcp": Status.WARNING,
    "windows-routes-are-not-persistent": Status.WARNING,
    "windows-belongs-to-no-domain": Status.WARNING,
    "windows-takes-the-time-from-a-server": Status.WARNING,  # from its domain, which the other hives do not know
}


def told(files: Changes, machine: str) -> dict[str, Status]:
    """Return which rules of Windows are not OK, where every service has its file."""
    guest = golden(files=files)[Guest]
    loaded = {guest.normal(service.file) for service in services(Registry(guest)).items}
    assert len(loaded) > 300
    files = {**files, **{path: program(machine) for path in loaded if not guest.exists(path)}}
    rules = [rule for check in judged(golden_storage(files=files)).values() for rule in check.rules]
    found = {rule.rule: rule.status for rule in rules if rule.rule.startswith("windows-")}
    return {name: status for name, status in found.items() if status is not Status.OK}


def test_what_is_told_of_a_windows_10(tmp_path: Path) -> None:
    content = sample(SYSTEM_HIVE, tmp_path / "SYSTEM").read_bytes()
    assert told({f"{CONFIG}/SYSTEM": content}, "x86_64") == WINDOWS_10


def test_what_is_told_of_a_windows_7() -> None:
    seven = replace(RELEASES["server-2008-r2"], product="Windows 7 Professional", edition="Professional")
    lsa = ("kerberos", "schannel", "wdigest", "tspkg", "pku2u")
    programs = [path for path in FILES if path.endswith((".sys", ".dll", ".exe", ".efi"))]
    files: Changes = {
        f"{CONFIG}/SYSTEM": corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes(),
        f"{CONFIG}/SOFTWARE": hive(software(seven)),
        **dict.fromkeys([*programs, *(f"/Windows/System32/{name}.dll" for name in lsa)], program("i386")),
    }
    assert told(files, "i386") == WINDOWS_7


def test_every_id_of_a_driver_database_leads_to_a_package(tmp_path: Path) -> None:
    content = sample(SYSTEM_HIVE, tmp_path / "SYSTEM").read_bytes()
    guest = golden(files={f"{CONFIG}/SYSTEM": content, f"{CONFIG}/DRIVERS": None})[Guest]
    store = DriverStore(guest, Registry(guest))
    driven: dict[str, set[str]] = {}
    count = 0
    for key in store.subkeys(rf"{DATABASES[0]}\DeviceIds\PCI"):
        for value in (item for item in key.all_values() if item.name):
            package, service, flaw = store.driver(value.name, key.name)
            assert (package is None, flaw) == (False, None)
            assert package
            assert package.version
            driven.setdefault(service, set()).add(key.name)
            count += 1
    assert count == 3258
    assert driven["stornvme"] == {"CC_010802"}
    assert "CC_010601" in driven["storahci"]
