from __future__ import annotations

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootFile, DefaultKernel, InstalledKernel, Kernels
from inspector.facts.rtc import RtcMode
from inspector.rules.operating_system import (
    clock_keeps_utc,
    distribution_is_supported,
    kernel_is_supported,
    release_is_maintained,
)
from inspector.verdict import Status, Verdict
from parsers.linux.os_release import OsRelease
from parsers.place import Place
from tests.facts_of import facts_of

OLDEST = {"debian": "6", "centos": "5.11", "ubuntu": "10.04", "arch": "rolling"}
ENDS = {
    "debian": {"8": "2020-06-30", "12": "2028-06-30"},
    "sles": {"15": "2019-12-31", "15.7": "2031-07-31"},
    "arch": {},
}
GRUB = Place("/boot/grub/grub.cfg", 9)


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]


def release(text: str, path: str = "/etc/os-release") -> Verdict:
    return distribution_is_supported(facts_of({path: text}), oldest=OLDEST)


def calendar(text: str) -> Verdict:
    return release_is_maintained(facts_of({"/etc/os-release": text}), as_of="2026-11-01", ends=ENDS)


def kernel(version: str | None, *installed: str) -> Verdict:
    default: object = UnknownFact("no default entry")
    if version:
        default = DefaultKernel(version, BootFile(GRUB, "/vmlinuz", "/vmlinuz", "sda1", True, 1), (), (), GRUB)
    kernels = Kernels(tuple(InstalledKernel(v, f"/boot/vmlinuz-{v}", None, None, None) for v in installed))
    return kernel_is_supported(Facts({DefaultKernel: default, Kernels: kernels}), oldest="2.6.32")


@pytest.mark.parametrize(
    "text", ['ID=debian\nVERSION_ID="12"\n', "ID=debian\nVERSION_ID=13\n", 'ID=ubuntu\nVERSION_ID="22.04"\n']
)
def test_a_supported_release_is_ok(text: str) -> None:
    verdict = release(text)
    assert (verdict.status, places(verdict)) == (Status.OK, ["/etc/os-release:2"])


def test_a_distribution_without_releases_is_never_too_old() -> None:
    assert (release("ID=arch\nBUILD_ID=rolling\n").status, calendar("ID=arch\n").status) == (Status.OK, Status.OK)


def test_a_release_that_has_ended_is_a_warning_and_upgrading_makes_it_ok() -> None:
    verdict = calendar("NAME=x\nID=debian\nVERSION_ID=8\n")
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/os-release:3"])
    assert verdict.evidence[0].seen == "debian 8, which ended on 2020-06-30"
    mended = calendar("NAME=x\nID=debian\nVERSION_ID=12\n")
    assert (mended.status, mended.evidence[0].seen) == (Status.OK, "debian 12, until 2028-06-30")


def test_a_point_release_counts_where_the_calendar_has_it() -> None:
    assert calendar("ID=sles\nVERSION_ID=15.7\n").status is Status.OK
    assert calendar("ID=sles\nVERSION_ID=15.2\n").status is Status.WARNING


@pytest.mark.parametrize("text", ["ID=plan9\nVERSION_ID=4\n", "ID=debian\nVERSION_ID=99\n", "ID=debian\n"])
def test_a_release_without_a_date_is_a_warning(text: str) -> None:
    assert calendar(text).status is Status.WARNING


def test_without_a_release_file_the_end_is_unknown() -> None:
    verdict = release_is_maintained(facts_of({"/etc/passwd": ""}), as_of="2026-11-01", ends=ENDS)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("text", ["CentOS release 5.10 (Final)\n", "CentOS release 5.9 (Final)\n"])
def test_a_release_that_is_too_old_fails(text: str) -> None:
    verdict = release(text, "/etc/redhat-release")
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/redhat-release:1"])
    assert release("CentOS release 5.11 (Final)\n", "/etc/redhat-release").status is Status.OK


@pytest.mark.parametrize(
    "text", ["ID=plan9\nVERSION_ID=4\n", "ID=debian\nNAME=sid\n", "ID=kali\nID_LIKE=debian\nVERSION_ID=1\n"]
)
def test_an_unknown_distribution_or_version_is_a_warning(text: str) -> None:
    assert release(text).status is Status.WARNING


def test_no_release_file_is_unknown() -> None:
    verdict = distribution_is_supported(facts_of({"/etc/passwd": ""}), oldest=OLDEST)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    unread = facts_of({"/etc/passwd": ""}, given={OsRelease: UnknownFact("sda1 cannot be read")})
    assert not distribution_is_supported(unread, oldest=OLDEST).known


def test_the_default_kernel_decides() -> None:
    assert kernel("6.1.0-50-cloud-amd64", "2.6.18-398.el5").status is Status.OK
    verdict = kernel("2.6.18-398.el5", "6.1.0-50-cloud-amd64")
    assert (verdict.status, places(verdict)) == (Status.FAILED, [str(GRUB)])
    assert kernel("2.6.32-754.el6.x86_64").status is Status.OK


def test_without_a_default_every_kernel_counts() -> None:
    assert kernel(None, "6.1.0-50-cloud-amd64").status is Status.OK
    verdict = kernel(None, "2.6.18-398.el5", "6.1.0-50-cloud-amd64")
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/boot/vmlinuz-2.6.18-398.el5"])


def test_no_kernel_is_unknown() -> None:
    assert (kernel(None).status, kernel(None).known) == (Status.WARNING, False)
    nothing = Facts({DefaultKernel: UnknownFact("none"), Kernels: UnknownFact("/boot cannot be read")})
    assert not kernel_is_supported(nothing, oldest="2.6.32").known


def test_utc_is_ok() -> None:
    verdict = clock_keeps_utc(facts_of({"/etc/adjtime": "0.0 0 0.0\n0\nUTC\n"}))
    assert (verdict.status, places(verdict)) == (Status.OK, ["/etc/adjtime:3"])


def test_local_time_is_a_warning_and_utc_makes_it_ok() -> None:
    verdict = clock_keeps_utc(facts_of({"/etc/adjtime": "0.0 0 0.0\n0\nLOCAL\n"}))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/adjtime:3"])
    assert clock_keeps_utc(facts_of({"/etc/adjtime": "0.0 0 0.0\n0\nUTC\n"})).status is Status.OK


def test_an_unknown_clock_is_never_ok() -> None:
    made = facts_of({"/etc/passwd": ""}, given={RtcMode: UnknownFact("sda1 cannot be read")})
    assert (clock_keeps_utc(made).status, clock_keeps_utc(made).known) == (Status.WARNING, False)
    assert not clock_keeps_utc(facts_of({"/etc/adjtime": "0 0 0\n0\nlocal\n"})).known


def test_a_kernel_without_a_number_is_unknown() -> None:
    verdict = kernel("custom")
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert kernel(None, "custom", "2.6.18").status is Status.FAILED
