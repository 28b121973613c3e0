from __future__ import annotations

import pytest

from fixtures.windows.golden import CURRENT, PACKAGES, package
from fixtures.windows.hive import Data, Keys
from fixtures.windows.pe import program
from fixtures.windows.version import versioned
from inspector.facts import Facts
from inspector.facts.windows_packages import PackageState
from inspector.profile import load_profile
from inspector.rules.windows.updates import windows_checks_sha2_signatures, windows_has_no_known_bad_update
from inspector.verdict import NotApplicable, Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

KERNEL = "/Windows/System32/ntoskrnl.exe"
BAD = load_profile("ecs").parameters["windows-has-no-known-bad-update"]["bad"]


def server_2008_r2(kernel: bytes | None, updates: Keys | None = None) -> Facts:
    release: Keys = {
        CURRENT: {
            "ProductName": "Windows Server 2008 R2 Datacenter", "CurrentVersion": "6.1", "CurrentBuild": "7601",
            "CurrentMajorVersionNumber": None, "CurrentMinorVersionNumber": None, "UBR": None,
        }
    }  # fmt: skip
    return golden(software={**release, **(updates or {})}, files={KERNEL: kernel})


def update(build: str, revision: int | None) -> Facts:
    return golden(software={CURRENT: {"CurrentBuild": build, "UBR": revision}})


@pytest.mark.parametrize(
    ("version", "status", "known"),
    [
        ((6, 1, 7600, 16385), Status.FAILED, True),
        ((6, 1, 7601, 17514), Status.FAILED, True),
        ((6, 1, 7601, 18740), Status.FAILED, True),
        ((6, 1, 7601, 18741), Status.OK, True),
        ((6, 1, 7601, 22616), Status.WARNING, False),
        ((6, 1, 7601, 22948), Status.OK, True),
        ((6, 1, 7601, 24545), Status.OK, True),
    ],
)
def test_kernels_of_server_2008_r2(version: tuple[int, int, int, int], status: Status, known: bool) -> None:
    verdict = windows_checks_sha2_signatures(server_2008_r2(versioned(version)))
    assert (verdict.status, verdict.known) == (status, known)
    assert (verdict.evidence[0].place.path, verdict.evidence[0].seen) == (
        r"C:\Windows\System32\ntoskrnl.exe", ".".join(map(str, version)),
    )  # fmt: skip


@pytest.mark.parametrize("kernel", [None, b"", b"MZ", program()], ids=["absent", "empty", "broken", "no version"])
def test_a_kernel_that_tells_no_version_is_not_known(kernel: bytes | None) -> None:
    verdict = windows_checks_sha2_signatures(server_2008_r2(kernel))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("name", ["KB4474419", "KB3033929"])
@pytest.mark.parametrize("kernel", [versioned((6, 1, 7601, 17514)), versioned((6, 1, 7601, 22616)), program()])
def test_an_update_that_brings_sha_2(name: str, kernel: bytes) -> None:
    for state in (PackageState.INSTALLED, PackageState.SUPERSEDED):
        facts = server_2008_r2(kernel, package(f"Package_for_{name}", "6.1.3.2", state))
        verdict = windows_checks_sha2_signatures(facts)
        assert (verdict.status, verdict.evidence[0].seen) == (Status.OK, f"{name}: {state.name.lower()}")
    for state in (PackageState.STAGED, PackageState.INSTALL_PENDING, PackageState.ABSENT):
        facts = server_2008_r2(kernel, package(f"Package_for_{name}", "6.1.3.2", state))
        assert windows_checks_sha2_signatures(facts).status is not Status.OK


def test_later_releases_know_sha_2() -> None:
    with pytest.raises(NotApplicable):
        windows_checks_sha2_signatures(golden())


@pytest.mark.parametrize("name", sorted(name for name in BAD if not BAD[name].startswith("9600.")))
def test_bad_updates(name: str) -> None:
    build, _, revision = BAD[name].partition(".")
    verdict = windows_has_no_known_bad_update(update(build, int(revision)), bad=BAD)
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.FAILED, rf"{CURRENT}\UBR")
    assert verdict.evidence[0].seen == f"10.0.{BAD[name]}"
    assert verdict.message == f"{name} is the last update"
    assert windows_has_no_known_bad_update(update(build, int(revision) + 1), bad=BAD).status is Status.OK


def test_packages_that_cannot_be_read_hide_no_bad_update() -> None:
    software: Keys = {CURRENT: {"CurrentBuild": "20348", "UBR": 768}, PACKAGES: None}
    verdict = windows_has_no_known_bad_update(golden(software=software), bad=BAD)
    assert (verdict.status, verdict.message) == (Status.FAILED, "KB5014678 is the last update")


def test_a_bad_update_that_the_next_start_installs() -> None:
    pending = package("Package_for_RollupFix", "20348.768.1.10", PackageState.INSTALL_PENDING)
    verdict = windows_has_no_known_bad_update(golden(software=pending), bad=BAD)
    assert (verdict.status, verdict.message) == (Status.FAILED, "KB5014678 is the last update")
    assert verdict.evidence[0].place.key == rf"{next(iter(pending))}\CurrentState"
    assert verdict.evidence[0].seen == "Package_for_RollupFix: install pending"


def server_2012_r2(*packages: dict[str, dict[str, Data]]) -> Facts:
    release: Keys = {
        CURRENT: {
            "ProductName": "Windows Server 2012 R2 Standard", "CurrentVersion": "6.3", "CurrentBuild": "9600",
            "CurrentMajorVersionNumber": None, "CurrentMinorVersionNumber": None, "UBR": None,
        },
        PACKAGES: None,
    }  # fmt: skip
    came = package("Microsoft-Windows-Foundation-Package", "6.3.9600.16384", PackageState.PERMANENT)
    return golden(software={**release, **came, **{key: it[key] for it in packages for key in it}})


ROLLUP = "Package_for_RollupFix"
SUPERSEDED = PackageState.SUPERSEDED


@pytest.mark.parametrize(
    ("packages", "message"),
    [
        ([package(ROLLUP, "9600.20246.1.5")], "KB5009624 or KB5009595 is the last update"),
        ([package(ROLLUP, "9600.20402.1.6")], "KB5014738 is the last update"),
        ([package("Package_for_KB5009624", "6.3.1.5")], "KB5009624 is the last update"),
        ([package("Package_for_KB5009595", "6.3.1.5")], "KB5009595 is the last update"),
        ([package("Package_for_KB5009595", "6.3.1.5", PackageState.INSTALL_PENDING)], "KB5009595 is the last update"),
        (
            [package("Package_for_KB5014738", "6.3.1.5", PackageState.PERMANENT), package(ROLLUP, "9600.20000.1.6")],
            "KB5014738 is the last update",
        ),
    ],
)
def test_bad_updates_of_server_2012_r2(packages: list[dict[str, dict[str, Data]]], message: str) -> None:
    verdict = windows_has_no_known_bad_update(server_2012_r2(*packages), bad=BAD)
    assert (verdict.status, verdict.message) == (Status.FAILED, message)
    assert verdict.evidence[0].place.key == rf"{next(iter(packages[0]))}\CurrentState"


@pytest.mark.parametrize(
    "packages",
    [
        [],
        [package("Package_for_KB2919355", "6.3.1.14")],
        [package(ROLLUP, "9600.20246.1.5", SUPERSEDED), package(ROLLUP, "9600.20337.1.5")],
        [package("Package_for_KB5009624", "6.3.1.5", SUPERSEDED)],
        [package("Package_for_KB5009624", "6.3.1.5", PackageState.STAGED)],
        [package("Package_for_KB5009595", "6.3.1.5"), package(ROLLUP, "9600.21620.1.6")],
        [package("Package_123_for_KB5009624", "6.3.1.5")],
        [package(ROLLUP, "17763.2452.1.5")],
    ],
)
def test_updates_of_server_2012_r2_that_are_not_in_force(packages: list[dict[str, dict[str, Data]]]) -> None:
    verdict = windows_has_no_known_bad_update(server_2012_r2(*packages), bad=BAD)
    assert verdict.status is Status.OK
    assert verdict.evidence[0].place.key


def test_without_packages_server_2012_r2_is_not_known() -> None:
    facts = server_2012_r2()
    missing = golden(software={CURRENT: {"CurrentBuild": "9600"}, PACKAGES: None})
    assert windows_has_no_known_bad_update(facts, bad=BAD).status is Status.OK
    verdict = windows_has_no_known_bad_update(missing, bad=BAD)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_of_other_releases_no_update_is_known_to_be_bad() -> None:
    with pytest.raises(NotApplicable):
        windows_has_no_known_bad_update(server_2008_r2(program()), bad=BAD)


def test_a_release_without_a_revision_is_not_known() -> None:
    verdict = windows_has_no_known_bad_update(update("20348", None), bad=BAD)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
