from __future__ import annotations

import struct

import pytest

from fixtures.windows import virtio
from fixtures.windows.golden import DRIVERS, drive_c
from fixtures.windows.hive import Data, Keys
from fixtures.windows.version import versioned
from fixtures.windows.virtio import CATALOGS, DATABASE, DEVICES, IDS, INF, PACKAGES, REPOSITORY, VIOSTOR
from inspector.facts import Facts
from inspector.rules.rule import Rule
from inspector.rules.windows import driver_packages
from inspector.rules.windows.driver_packages import (
    windows_virtio_drivers_are_recent,
    windows_virtio_drivers_match_their_signatures,
    windows_virtio_packages_are_whole,
)
from inspector.verdict import NotApplicable, Status, Verdict
from tests.inspector.rules.windows.test_virtio_match import SEVEN, gone
from tests.windows import Changes, golden

pytestmark = pytest.mark.corpus

PACKAGE = rf"{PACKAGES}\{VIOSTOR.folder()}"
STORE = f"{REPOSITORY}/{VIOSTOR.folder()}"
OLDER = virtio.Package("viostor", 7, "viostor", "scsi_inst", 2, 0x1001, VIOSTOR.guid, 0, "SCSI miniport")


def judge(rule: Rule, facts: Facts) -> Verdict:
    return rule(facts, **({"minimum": 58017, "release": 85} if rule.parameters else {}))


def signed(program: bytes, digest: bytes) -> bytes:
    """Return a program with certificates at its end, which hold a digest."""
    content = bytearray(program)
    struct.pack_into("<II", content, 0x80 + 24 + 144, len(content), len(digest))
    return bytes(content) + digest


def of_version(*version: int, date: tuple[int, int, int] = virtio.DATE) -> Keys:
    first, second, third, fourth = version
    return {PACKAGE: {"Version": virtio.binary_version(VIOSTOR.guid, (first, second, third, fourth), date)}}


@pytest.mark.parametrize(
    "version",
    [
        (100, 86, 104, 58017), (61, 75, 104, 58200),  # the cloud's
        (100, 85, 104, 20700), (100, 92, 104, 22600), (100, 103, 104, 30000), (63, 90, 104, 21500),  # Red Hat's
    ],
)  # fmt: skip
def test_versions_that_are_recent(version: tuple[int, ...]) -> None:
    verdict = judge(windows_virtio_drivers_are_recent, golden(of_version(*version)))
    assert verdict.status is Status.OK
    assert ".".join(map(str, version)) in verdict.evidence[0].seen


@pytest.mark.parametrize(
    ("version", "flaw"),
    [
        ((100, 86, 104, 58016), "build 58017 wanted"),
        ((62, 61, 101, 58000), "build 58017 wanted"),  # of someone who built it and set no number
        ((100, 84, 104, 19500), "Red Hat's of release 85 wanted, 84 found"),
        ((62, 71, 104, 8600), "Red Hat's of release 85 wanted, 71 found"),
        ((10, 0, 20348, 1), "it is not numbered as virtio drivers are"),
        ((2, 1, 0, 60000), "it is not numbered as virtio drivers are"),
        ((0, 0, 0, 0), "it tells no version"),
    ],
)
def test_versions_that_are_not(version: tuple[int, ...], flaw: str) -> None:
    file = f"{STORE}/viostor.inf"
    verdict = judge(windows_virtio_drivers_are_recent, golden(of_version(*version), files={file: None}))
    evidence, *running = verdict.evidence
    assert verdict.status is Status.WARNING
    assert {item.seen for item in running} == {"file version 100.86.104.58200"}
    assert (evidence.place.key, evidence.seen.rpartition(": ")[2]) == (rf"{PACKAGE}\Version", flaw)


@pytest.mark.parametrize(
    ("date", "status"),
    [((2020, 1, 1), Status.OK), (virtio.DATE, Status.OK), ((2022, 1, 1), Status.WARNING)],
    ids=["older", "same-day", "newer"],
)
def test_the_newest_package_counts_by_its_date_then_by_its_version(date: tuple[int, int, int], status: Status) -> None:
    keys: dict[str, dict[str, Data]] = {**virtio.database(OLDER, version=(100, 80, 104, 18000), date=date)}
    for name in OLDER.ids:
        keys[rf"{IDS}\{name}"] |= {"oem1.inf": b"\1\xff\0\0"}
    verdict = judge(windows_virtio_drivers_are_recent, golden(keys))
    assert verdict.status is status
    assert ("oem7.inf" in verdict.evidence[0].seen) == (status is Status.WARNING)


def test_the_inf_file_tells_what_the_database_does_not() -> None:
    keys: Keys = {PACKAGE: {"Version": virtio.binary_version(VIOSTOR.guid)[:24] + bytes(24)}}
    verdict = judge(windows_virtio_drivers_are_recent, golden(keys))
    assert verdict.status is Status.OK
    assert (
        str(verdict.evidence[0].place)
        == rf"C:\Windows\System32\DriverStore\FileRepository\{VIOSTOR.folder()}\viostor.inf:7"
    )


def test_without_packages_the_running_file_is_told_and_nothing_is_ok() -> None:
    files = {f"{DRIVERS}/viostor.sys": versioned((100, 103, 104, 30000))}
    keys: Keys = {IDS: None, **{rf"{IDS}\{name}": None for it in virtio.ALL for name in it.ids}, DEVICES: None}
    verdict = judge(windows_virtio_drivers_are_recent, golden(keys, files=files))
    assert verdict.status is Status.WARNING
    assert [item.seen for item in verdict.evidence] == ["no package", "file version 100.103.104.30000"]


def test_a_device_that_was_installed_from_no_package_tells_no_version() -> None:
    keys = {rf"{IDS}\{name}": None for name in VIOSTOR.ids}
    verdict = judge(windows_virtio_drivers_are_recent, golden(keys))
    assert verdict.status is Status.WARNING
    assert verdict.evidence[0].seen == "no package tells the version of viostor"
    assert verdict.evidence[0].place.key == rf"{DEVICES}\{VIOSTOR.ids[0]}\3&13c0b0c5&0&18\ConfigFlags"


@pytest.mark.parametrize("data", [b"", bytes(47), "100.86.104.58200"])
def test_a_version_of_another_form_is_not_known(data: Data) -> None:
    verdict = judge(windows_virtio_drivers_are_recent, golden({PACKAGE: {"Version": data}}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def old_windows(**files: bytes | None) -> Facts:
    keys: Keys = {DATABASE: None, DEVICES: None, **virtio.critical(VIOSTOR)}
    store = virtio.files(*virtio.ALL, version=(61, 86, 104, 58200), seven=True)
    return golden(keys, SEVEN, {**store, **{f"{INF}/{name}.inf": text for name, text in files.items()}})


def test_windows_7_tells_versions_in_inf_files() -> None:
    assert judge(windows_virtio_drivers_are_recent, old_windows()).status is Status.OK
    old = virtio.inf(virtio.NETKVM, (61, 70, 104, 8000))
    verdict = judge(windows_virtio_drivers_are_recent, old_windows(oem2=old))
    assert (verdict.status, str(verdict.evidence[0].place)) == (Status.WARNING, r"C:\Windows\INF\oem2.inf:7")
    assert judge(windows_virtio_packages_are_whole, old_windows()).status is Status.OK


@pytest.mark.parametrize(
    ("path", "content", "flaw"),
    [
        (f"{CATALOGS}/oem1.cat", None, "does not exist"),
        (f"{CATALOGS}/oem1.cat", b"", "is empty"),
        (f"{CATALOGS}/oem1.cat", b"MZ", "is no catalogue: 30 wanted, 4d found"),
        (f"{STORE}/viostor.inf", None, "does not exist"),
        (f"{STORE}/viostor.inf", b"", "is empty"),
        (f"{INF}/oem1.inf", None, "does not exist"),
    ],
)
def test_a_package_that_is_not_whole(path: str, content: bytes | None, flaw: str) -> None:
    verdict = judge(windows_virtio_packages_are_whole, golden(files={path: content}))
    (evidence,) = verdict.evidence
    assert (verdict.status, evidence.seen) == (Status.WARNING, flaw)
    assert evidence.place.path == drive_c(path)


def test_without_packages_none_can_be_whole() -> None:
    keys = {rf"{IDS}\{name}": None for it in virtio.ALL for name in it.ids}
    with pytest.raises(NotApplicable):
        judge(windows_virtio_packages_are_whole, golden({**keys, DEVICES: None}))


def test_a_package_that_no_id_leads_to_does_not_count() -> None:
    facts = golden(gone(VIOSTOR), files={f"{CATALOGS}/oem1.cat": None})
    assert judge(windows_virtio_packages_are_whole, facts).status is Status.OK


def test_the_files_are_those_of_the_catalogues() -> None:
    verdict = judge(windows_virtio_drivers_match_their_signatures, golden())
    assert [(item.place.path.rpartition("\\")[2], item.seen) for item in verdict.evidence] == [
        ("balloon.sys", "its digest is in oem3.cat"),
        ("netkvm.sys", "its digest is in oem2.cat"),
        ("viostor.sys", "its digest is in oem1.cat"),
        ("vioser.sys", "its digest is in oem4.cat"),
    ]


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        (
            {f"{DRIVERS}/viostor.sys": versioned((100, 92, 104, 22600))},
            "it has no signature of its own, and none of 4 catalogues holds its digest",
        ),
        (
            {f"{CATALOGS}/oem1.cat": virtio.catalog()},
            "it has no signature of its own, and none of 4 catalogues holds its digest",
        ),
        (
            {f"{CATALOGS}/oem1.cat": None},
            "it has no signature of its own, and none of 3 catalogues holds its digest",
        ),
        ({f"{DRIVERS}/viostor.sys": b"x" * 999}, "it has no digest: MZ wanted, 78 78 found"),
        (
            {f"{DRIVERS}/viostor.sys": signed(versioned((100, 92, 104, 22600)), bytes(32))},
            "its own signature is of another file, and none of 4 catalogues holds its digest",
        ),
    ],
)
def test_a_file_that_was_not_signed(files: Changes, seen: str) -> None:
    verdict = judge(windows_virtio_drivers_match_their_signatures, golden(files=files))
    (evidence,) = verdict.evidence
    assert (verdict.status, evidence.seen) == (Status.WARNING, seen)
    assert evidence.place.path == r"C:\Windows\System32\drivers\viostor.sys"


@pytest.mark.parametrize("score", [0x80000000, 0xC0000000, 0xFF000000])
def test_a_package_that_was_staged_without_a_signature(score: int) -> None:
    facts = golden({PACKAGE: {"SignerScore": score}})
    verdict = judge(windows_virtio_drivers_match_their_signatures, facts)
    (evidence,) = verdict.evidence
    assert (verdict.status, evidence.place.key) == (Status.WARNING, rf"{PACKAGE}\SignerScore")


@pytest.mark.parametrize("score", [None, 0x0D000001, 0x0D000003, 0x0D000005, 0x0F000000])
def test_the_scores_of_signatures(score: int | None) -> None:
    facts = golden({PACKAGE: {"SignerScore": score}})
    assert judge(windows_virtio_drivers_match_their_signatures, facts).status is Status.OK


def test_windows_takes_an_unsigned_package_where_there_is_no_signed_one() -> None:
    keys: dict[str, dict[str, Data]] = {**virtio.database(OLDER, version=(100, 80, 104, 18000), date=(2026, 1, 1))}
    keys[rf"{PACKAGES}\{OLDER.folder()}"]["SignerScore"] = 0x80000000
    for name in OLDER.ids:
        keys[rf"{IDS}\{name}"] |= {"oem1.inf": b"\1\xff\0\0"}
    assert judge(windows_virtio_drivers_are_recent, golden(keys)).status is Status.OK


def test_a_file_that_bears_its_own_signature_needs_no_catalogue() -> None:
    program = versioned((100, 92, 104, 22600))
    files = {f"{DRIVERS}/viostor.sys": signed(program, virtio.digest(program)), f"{CATALOGS}/oem1.cat": None}
    verdict = judge(windows_virtio_drivers_match_their_signatures, golden(files=files))
    assert verdict.status is Status.OK
    assert verdict.evidence[2].seen == "its digest is in its own signature"


def test_the_digest_may_be_in_the_catalogue_of_another_package() -> None:
    """Windows replaces files when it starts: the one that runs may be that of an older package."""
    program = versioned((100, 77, 104, 17100))
    files = {f"{DRIVERS}/viostor.sys": program, f"{CATALOGS}/OEM61.CAT": virtio.catalog(program)}
    verdict = judge(windows_virtio_drivers_match_their_signatures, golden(files=files))
    assert (verdict.status, verdict.evidence[2].seen) == (Status.OK, "its digest is in OEM61.CAT")


def test_without_files_nothing_can_be_signed() -> None:
    files = dict.fromkeys(f"{DRIVERS}/{it.name}.sys" for it in virtio.ALL)
    with pytest.raises(NotApplicable):
        judge(windows_virtio_drivers_match_their_signatures, golden(files=files))


def test_catalogues_that_are_too_large_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_packages, "_MAX_CATALOGS", 300)
    verdict = judge(windows_virtio_drivers_match_their_signatures, golden())
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
