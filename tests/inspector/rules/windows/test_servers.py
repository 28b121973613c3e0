from __future__ import annotations

import pytest

from fixtures.windows.golden import CURRENT, SERVICES
from fixtures.windows.hive import Data, Keys, Typed
from inspector.rules.rule import Rule
from inspector.rules.windows.servers import (
    windows_licence_server_is_reachable,
    windows_takes_the_time_from_a_server,
    windows_update_server_is_reachable,
)
from inspector.verdict import Status, Verdict
from tests.windows import CONFIG, Changes, golden

pytestmark = pytest.mark.corpus

DOMAINS = ["cloud.aliyuncs.com"]
UPDATE = r"Policies\Microsoft\Windows\WindowsUpdate"
LICENCE = rf"{CURRENT}\SoftwareProtectionPlatform"
TIME = rf"{SERVICES}\W32Time\Parameters"
TIME_POLICY = r"Policies\Microsoft\W32Time\Parameters"
CLOUD = "http://update.cloud.aliyuncs.com"


def found(
    rule: Rule, system: Keys | None = None, software: Keys | None = None, files: Changes | None = None
) -> Verdict:
    return rule(golden(system, software, files), domains=DOMAINS)


def wsus(server: str | None, status: str | None, used: int | None) -> Keys:
    values: dict[str, Data] = {"WUServer": server, "WUStatusServer": status}
    keys: Keys = {UPDATE: values, rf"{UPDATE}\AU": {"UseWUServer": used}}
    return keys


@pytest.mark.parametrize(
    ("server", "status", "used", "key"),
    [
        ("http://wsus.corp.example:8530", "http://wsus.corp.example:8530", 1, rf"{UPDATE}\WUServer"),
        ("http://evilcloud.aliyuncs.com.example", "http://evilcloud.aliyuncs.com.example", 1, rf"{UPDATE}\WUServer"),
        ("http://[", "http://[", 1, rf"{UPDATE}\WUServer"),
        (CLOUD, "http://wsus.corp.example", 1, rf"{UPDATE}\WUServer"),
        (CLOUD, None, 1, rf"{UPDATE}\WUServer"),
        (None, None, 1, rf"{UPDATE}\WUServer"),
        (CLOUD, CLOUD, 0, rf"{UPDATE}\WUServer"),
        (CLOUD, CLOUD, None, rf"{UPDATE}\WUServer"),
    ],
)
def test_update_servers(server: str | None, status: str | None, used: int | None, key: str) -> None:
    verdict = found(windows_update_server_is_reachable, software=wsus(server, status, used))
    assert (verdict.status, verdict.known, verdict.evidence[0].place.key) == (Status.WARNING, True, key)
    for mended in (wsus(None, None, None), wsus(CLOUD, CLOUD + "/", 1), wsus(None, None, 0)):
        assert found(windows_update_server_is_reachable, software=mended).status is Status.OK


@pytest.mark.parametrize("below", ["", r"\55c92734-d682-4d71-983e-d6ec3f16059f", r"\55c92734\0ab82d54"])
def test_licence_servers(below: str) -> None:
    key = LICENCE + below
    changes: Keys = {key: {"KeyManagementServiceName": "kms.corp.example"}}
    verdict = found(windows_licence_server_is_reachable, software=changes)
    assert (verdict.status, verdict.evidence[0].place.key, verdict.evidence[0].seen) == (
        Status.WARNING, rf"{key}\KeyManagementServiceName", "kms.corp.example",
    )  # fmt: skip
    for host in ("kms.cloud.aliyuncs.com", "", None):
        mended: Keys = {key: {"KeyManagementServiceName": host}}
        assert found(windows_licence_server_is_reachable, software=mended).status is Status.OK


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"Type": "NoSync"}, "Type"),
        ({"Type": None}, "Type"),
        ({"Type": "NT5DS"}, "Type"),
        ({"NtpServer": None}, "Type"),
        ({"NtpServer": "ntp.corp.example,0x9 time.windows.com,0x8"}, "NtpServer"),
        ({"Type": "AllSync", "NtpServer": "10.0.0.1"}, "NtpServer"),
    ],
)
def test_a_clock_that_nobody_sets(values: dict[str, Data], name: str) -> None:
    verdict = found(windows_takes_the_time_from_a_server, {TIME: values})
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert verdict.evidence[0].place.key == rf"{TIME}\{name}"
    mended: Keys = {TIME: {"Type": "NTP", "NtpServer": "ntp.cloud.aliyuncs.com,0x9"}}
    assert found(windows_takes_the_time_from_a_server, mended).status is Status.OK


def test_a_policy_comes_before_the_setting() -> None:
    policy: Keys = {TIME_POLICY: {"Type": "NoSync"}}
    verdict = found(windows_takes_the_time_from_a_server, software=policy)
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, rf"{TIME_POLICY}\Type")
    policy = {TIME_POLICY: {"Type": "NTP", "NtpServer": "time.windows.com,0x9"}}
    assert found(windows_takes_the_time_from_a_server, {TIME: {"Type": "NoSync"}}, policy).status is Status.OK


def test_a_client_of_time_servers_that_is_switched_off() -> None:
    client = r"W32Time\TimeProviders\NtpClient"
    own: Keys = {rf"{SERVICES}\{client}": {"Enabled": 0}}
    verdict = found(windows_takes_the_time_from_a_server, own)
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, rf"{SERVICES}\{client}\Enabled")
    assert (
        found(windows_takes_the_time_from_a_server, {rf"{SERVICES}\{client}": {"Enabled": 2}}).status is Status.WARNING
    )
    on: Keys = {rf"Policies\Microsoft\{client}": {"Enabled": 1}}
    assert found(windows_takes_the_time_from_a_server, own, on).status is Status.OK
    off: Keys = {rf"Policies\Microsoft\{client}": {"Enabled": 0}}
    assert found(windows_takes_the_time_from_a_server, software=off).status is Status.WARNING


def test_a_domain_sets_the_clock_of_its_members() -> None:
    kind: Keys = {TIME: {"Type": "NT5DS"}, rf"{SERVICES}\Tcpip\Parameters": {"Domain": "corp.example"}}
    sid = bytes.fromhex("010400000000000515000000010000000200000003000000")
    facts = golden(kind, security={r"Policy\PolPrDmS": {"": Typed(0, sid)}})
    assert windows_takes_the_time_from_a_server(facts, domains=DOMAINS).status is Status.OK
    verdict = found(windows_takes_the_time_from_a_server, kind)  # the name alone makes no member
    assert (verdict.status, verdict.evidence[1].place.key) == (Status.WARNING, r"Policy\PolPrDmS")
    verdict = found(windows_takes_the_time_from_a_server, kind, files={f"{CONFIG}/SECURITY": None})
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
