from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL, CURRENT, MACHINE
from fixtures.windows.hive import Data, Keys, Typed
from inspector.rules.windows.log_on import (
    windows_administrators_may_log_on_remotely,
    windows_log_on_packages_exist,
    windows_profiles_are_whole,
)
from inspector.verdict import Status
from parsers.windows.lsa_policy import ACCOUNTS
from tests.windows import Changes, golden

pytestmark = pytest.mark.corpus

LIST = rf"{CURRENT}\ProfileList"
ADMINISTRATORS = "S-1-5-32-544"
HIVE = b"regf" + bytes(4092)
LSA = rf"{CONTROL}\Lsa"
SYSTEM32 = "/Windows/System32"


def rights(sid: str, mask: int) -> Keys:
    return {rf"{ACCOUNTS}\{sid}\ActSysAc": {"": Typed(0, mask.to_bytes(4, "little"))}}


@pytest.mark.parametrize("sid", ["S-1-1-0", "S-1-5-113", "S-1-5-114", "S-1-5-32-545", ADMINISTRATORS, f"{MACHINE}-500"])
def test_a_right_that_is_denied(sid: str) -> None:
    verdict = windows_administrators_may_log_on_remotely(golden(security=rights(sid, 0xC07)))
    assert (verdict.status, verdict.known) == (Status.FAILED, True)
    assert [item.place.key for item in verdict.evidence] == [rf"{ACCOUNTS}\{sid}\ActSysAc"]
    assert verdict.evidence[0].place.path == r"C:\Windows\System32\config\SECURITY"
    mended = windows_administrators_may_log_on_remotely(golden(security=rights(ADMINISTRATORS, 0x407)))
    assert mended.status is Status.OK


@pytest.mark.parametrize("sid", ["S-1-5-32-546", "S-1-5-32-555", f"{MACHINE}-501", f"{MACHINE}-1000"])
def test_a_right_that_is_denied_to_others(sid: str) -> None:
    assert windows_administrators_may_log_on_remotely(golden(security=rights(sid, 0x800))).status is Status.OK


def test_a_right_that_nobody_has() -> None:
    without = rights(ADMINISTRATORS, 0x7)
    verdict = windows_administrators_may_log_on_remotely(golden(security=without))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.FAILED, ACCOUNTS)
    for sid in ("S-1-1-0", "S-1-5-11", f"{MACHINE}-500"):
        granted = golden(security={**without, **rights(sid, 0x400)})
        assert windows_administrators_may_log_on_remotely(granted).status is Status.OK


@pytest.mark.parametrize("sid", ["S-1-5-113", "S-1-5-114", ADMINISTRATORS])
def test_a_log_on_from_the_network_that_is_denied(sid: str) -> None:
    verdict = windows_administrators_may_log_on_remotely(golden(security=rights(sid, 0x487)))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [item.place.key for item in verdict.evidence] == [rf"{ACCOUNTS}\{sid}\ActSysAc"]
    assert windows_administrators_may_log_on_remotely(golden(security=rights("S-1-5-32-546", 0xC0))).status is Status.OK


def test_a_log_on_from_the_network_that_nobody_may_do() -> None:
    nobody = {**rights(ADMINISTRATORS, 0x405), **rights("S-1-1-0", 0), **rights("S-1-5-32-545", 1)}
    verdict = windows_administrators_may_log_on_remotely(golden(security=nobody))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, ACCOUNTS)
    mended = golden(security={**nobody, **rights("S-1-5-11", 0x2)})
    assert windows_administrators_may_log_on_remotely(mended).status is Status.OK


def test_rights_that_are_broken_or_not_told_are_not_known() -> None:
    broken: Keys = {rf"{ACCOUNTS}\{ADMINISTRATORS}\ActSysAc": {"": Typed(0, b"\7")}}
    for security in (broken, {ACCOUNTS: None}):
        verdict = windows_administrators_may_log_on_remotely(golden(security=security))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("changes", "files", "key"),
    [
        ({rf"{LIST}\{MACHINE}-1001.bak": {"ProfileImagePath": r"C:\Users\ann"}}, {}, rf"{LIST}\{MACHINE}-1001.bak"),
        ({rf"{LIST}\{MACHINE}-1001": {}}, {}, rf"{LIST}\{MACHINE}-1001"),
        (
            {rf"{LIST}\{MACHINE}-1001": {"ProfileImagePath": r"C:\Users\gone"}}, {},
            rf"{LIST}\{MACHINE}-1001\ProfileImagePath",
        ),
        (
            {rf"{LIST}\S-1-12-1-1-2-3-4": {"ProfileImagePath": r"C:\Users\gone"}}, {},
            rf"{LIST}\S-1-12-1-1-2-3-4\ProfileImagePath",
        ),
        ({}, {"/Users/Administrator/NTUSER.DAT": b""}, rf"{LIST}\{MACHINE}-500\ProfileImagePath"),
        ({}, {"/Users/Administrator/NTUSER.DAT": b"x"}, rf"{LIST}\{MACHINE}-500\ProfileImagePath"),
        ({}, {"/Users/Administrator/NTUSER.DAT": None}, rf"{LIST}\{MACHINE}-500\ProfileImagePath"),
    ],
)  # fmt: skip
def test_profiles_that_cannot_be_loaded(changes: Keys, files: Changes, key: str) -> None:
    verdict = windows_profiles_are_whole(golden(software=changes, files=files))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [item.place.key for item in verdict.evidence] == [key]


def test_the_profile_of_another_user() -> None:
    changes: Keys = {rf"{LIST}\{MACHINE}-1001": {"ProfileImagePath": r"%SystemDrive%\Users\ann"}}
    facts = golden(software=changes, files={"/Users/ann/NTUSER.DAT": HIVE})
    assert windows_profiles_are_whole(facts).status is Status.OK
    mandatory = golden(software=changes, files={"/Users/ann/NTUSER.MAN": HIVE})
    assert windows_profiles_are_whole(mandatory).status is Status.OK


def test_the_profile_of_new_users() -> None:
    hive_of_new_users = r"C:\Users\Default\NTUSER.DAT"
    for content in (None, b"", b"x" * 9000):
        verdict = windows_profiles_are_whole(golden(files={"/Users/Default/NTUSER.DAT": content}))
        assert (verdict.status, verdict.evidence[0].place.path) == (Status.WARNING, hive_of_new_users)
    other: Keys = {LIST: {"Default": r"%SystemDrive%\Users\New"}}
    assert windows_profiles_are_whole(golden(software=other)).status is Status.WARNING
    assert windows_profiles_are_whole(golden(software=other, files={"/Users/New/NTUSER.DAT": HIVE})).status is Status.OK


def test_the_folder_in_which_profiles_are_made() -> None:
    changes: Keys = {LIST: {"ProfilesDirectory": r"D:\Users", "Default": r"C:\Users\Default"}}
    verdict = windows_profiles_are_whole(golden(software=changes))
    assert [item.place.key for item in verdict.evidence] == [rf"{LIST}\ProfilesDirectory"]
    assert windows_profiles_are_whole(golden(software={LIST: {"ProfilesDirectory": None}})).status is Status.OK


def test_what_is_denied_hides_nothing_that_is_not_granted() -> None:
    accounts = r"Policy\Accounts"
    found = windows_administrators_may_log_on_remotely(
        golden(
            security={
                rf"{accounts}\S-1-5-32-544\ActSysAc": {"": Typed(0, b"\7\0\0\0")},
                rf"{accounts}\S-1-5-113\ActSysAc": {"": Typed(0, b"\x80\x08\0\0")},
            }
        )
    )
    assert found.status is Status.FAILED
    assert {item.place.key for item in found.evidence} == {rf"{accounts}\S-1-5-113\ActSysAc", accounts}


def test_without_a_list_of_profiles_nothing_is_known() -> None:
    verdict = windows_profiles_are_whole(golden(software={LIST: None}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    ("values", "status", "name"),
    [
        ({"Authentication Packages": ["other"]}, Status.WARNING, "Authentication Packages"),
        ({"Authentication Packages": None}, Status.WARNING, "Authentication Packages"),
        ({"Authentication Packages": ["msv1_0", "sshdpinauthlsa"]}, Status.WARNING, "Authentication Packages"),
        ({"Security Packages": ["kerberos"]}, Status.WARNING, "Security Packages"),
        ({"Notification Packages": [r"D:\filter\policy"]}, Status.WARNING, None),
        ({"Notification Packages": ["scecli", "passwordfilter"]}, Status.WARNING, "Notification Packages"),
        ({"Notification Packages": ["scecli.dll", ""]}, Status.OK, "Authentication Packages"),
        ({"Security Packages": None}, Status.OK, "Authentication Packages"),
    ],
)
def test_packages_of_the_log_on(values: dict[str, Data], status: Status, name: str | None) -> None:
    verdict = windows_log_on_packages_exist(golden({LSA: values}))
    assert verdict.status is status
    if name:
        assert verdict.evidence[0].place.key == rf"{LSA}\{name}"


def test_without_the_package_of_windows_nobody_logs_on() -> None:
    verdict = windows_log_on_packages_exist(golden(files={f"{SYSTEM32}/msv1_0.dll": None}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.FAILED, r"C:\Windows\System32\msv1_0.dll")
