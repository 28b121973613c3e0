from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL, CURRENT, SERVICES
from fixtures.windows.hive import Data, Keys, merged
from inspector.rules.rule import Rule
from inspector.rules.windows.accounts import (
    RULES,
    windows_administrator_can_log_on,
    windows_belongs_to_no_domain,
    windows_does_not_log_on_by_itself,
    windows_no_account_lacks_a_password,
)
from inspector.verdict import Status
from parsers.windows.sam import ADMINISTRATOR, USERS
from tests.windows import CONFIG, ENABLED, golden, sam

pytestmark = pytest.mark.corpus

GUEST = 501
DISABLED = 0x211
WINLOGON = rf"{CURRENT}\Winlogon"
SECRET = "correct horse"  # noqa: S105 - which nothing may show


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_golden_guest_is_ok(rule: Rule) -> None:
    assert rule(golden()).status is Status.OK


def test_an_account_without_a_password() -> None:
    verdict = windows_no_account_lacks_a_password(golden(files={f"{CONFIG}/SAM": sam({GUEST: ENABLED})}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "Guest: enabled, without a password")
    assert str(verdict.evidence[0].place) == rf"C:\Windows\System32\config\SAM {USERS}\000001F5"


def test_an_administrator_that_is_disabled_or_gone() -> None:
    verdict = windows_administrator_can_log_on(golden(files={f"{CONFIG}/SAM": sam({ADMINISTRATOR: DISABLED})}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "Administrator: disabled, with a password")
    gone = merged(sam({}), {rf"{USERS}\000001F4": None})
    assert windows_administrator_can_log_on(golden(files={f"{CONFIG}/SAM": gone})).status is Status.FAILED


@pytest.mark.parametrize(
    ("values", "status", "name"),
    [
        ({"AutoAdminLogon": "1"}, Status.WARNING, "AutoAdminLogon"),
        ({"AutoAdminLogon": 1}, Status.WARNING, "AutoAdminLogon"),
        ({"AutoAdminLogon": b"1\0"}, Status.WARNING, "AutoAdminLogon"),
        ({"AutoAdminLogon": None}, Status.OK, "AutoAdminLogon"),
        ({"DefaultPassword": SECRET}, Status.WARNING, "DefaultPassword"),
        ({"DefaultPassword": ""}, Status.OK, "AutoAdminLogon"),
    ],
)
def test_logging_on_without_being_asked(values: dict[str, Data], status: Status, name: str) -> None:
    verdict = windows_does_not_log_on_by_itself(golden(software={WINLOGON: values}))
    assert (verdict.status, verdict.evidence[0].place.key) == (status, rf"{WINLOGON}\{name}")
    assert SECRET not in repr(verdict)


@pytest.mark.parametrize(
    ("system", "status", "seen"),
    [
        ({rf"{CONTROL}\ProductOptions": {"ProductType": "LanmanNT"}}, Status.FAILED, "LanmanNT"),
        ({rf"{SERVICES}\Tcpip\Parameters": {"Domain": "corp.example"}}, Status.WARNING, "corp.example"),
    ],
)
def test_domains(system: Keys, status: Status, seen: str) -> None:
    verdict = windows_belongs_to_no_domain(golden(system))
    assert (verdict.status, verdict.evidence[0].seen) == (status, seen)


def test_what_is_not_told_is_not_known() -> None:
    kind = golden({rf"{CONTROL}\ProductOptions": None})
    for verdict in (
        windows_belongs_to_no_domain(kind),
        windows_does_not_log_on_by_itself(golden(software={WINLOGON: None})),
    ):
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("content", [None, b"", b"regf"], ids=["absent", "empty", "broken"])
def test_without_the_hive_nothing_is_ok(rule: Rule, content: bytes | None) -> None:
    others = {windows_does_not_log_on_by_itself.name: "SOFTWARE", windows_belongs_to_no_domain.name: "SYSTEM"}
    name = others.get(rule.name, "SAM")
    verdict = rule(golden(files={f"{CONFIG}/{name}": content}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
