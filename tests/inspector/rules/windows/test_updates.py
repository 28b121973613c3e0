from __future__ import annotations

import pytest

from fixtures.windows.golden import CURRENT
from fixtures.windows.hive import Keys
from fixtures.windows.pe import program
from fixtures.windows.version import versioned
from inspector.facts import Facts
from inspector.profile import load_profile
from inspector.rules.windows.updates import windows_checks_sha2_signatures, windows_has_no_known_bad_update
from inspector.verdict import NotApplicable, Status
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

KERNEL = "/Windows/System32/ntoskrnl.exe"
BAD = load_profile("ecs").parameters["windows-has-no-known-bad-update"]["bad"]


def server_2008_r2(kernel: bytes | None) -> Facts:
    release: Keys = {
        CURRENT: {
            "ProductName": "Windows Server 2008 R2 Datacenter", "CurrentVersion": "6.1", "CurrentBuild": "7601",
            "CurrentMajorVersionNumber": None, "CurrentMinorVersionNumber": None, "UBR": None,
        }
    }  # fmt: skip
    return golden(software=release, files={KERNEL: kernel})


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


def test_later_releases_know_sha_2() -> None:
    with pytest.raises(NotApplicable):
        windows_checks_sha2_signatures(golden())


def test_the_golden_guest_has_a_good_update() -> None:
    assert windows_has_no_known_bad_update(golden(), bad=BAD).status is Status.OK


@pytest.mark.parametrize("number", sorted(BAD))
def test_bad_updates(number: str) -> None:
    build, _, revision = number.partition(".")
    verdict = windows_has_no_known_bad_update(update(build, int(revision)), bad=BAD)
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.FAILED, rf"{CURRENT}\UBR")
    assert verdict.evidence[0].seen == f"10.0.{number}"
    assert BAD[number] in verdict.message
    assert windows_has_no_known_bad_update(update(build, int(revision) + 1), bad=BAD).status is Status.OK


def test_updates_before_windows_10_have_no_number() -> None:
    with pytest.raises(NotApplicable):
        windows_has_no_known_bad_update(server_2008_r2(program()), bad=BAD)


def test_a_release_without_a_revision_is_not_known() -> None:
    verdict = windows_has_no_known_bad_update(update("20348", None), bad=BAD)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("content", [None, b"", b"regf"], ids=["absent", "empty", "broken"])
def test_without_the_hive_nothing_is_ok(content: bytes | None) -> None:
    facts = golden(files={f"{CONFIG}/SOFTWARE": content})
    for verdict in (windows_checks_sha2_signatures(facts), windows_has_no_known_bad_update(facts, bad=BAD)):
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
