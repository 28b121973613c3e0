from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL, CURRENT, SERVICES
from fixtures.windows.hive import Data, Keys, Typed, merged
from inspector.rules.windows.accounts import (
    windows_administrator_can_log_on,
    windows_belongs_to_no_domain,
    windows_does_not_log_on_by_itself,
    windows_no_account_lacks_a_password,
)
from inspector.verdict import Status
from parsers.windows.sam import ADMINISTRATOR, USERS
from tests.corpus import corpus
from tests.windows import CONFIG, ENABLED, golden, sam

pytestmark = pytest.mark.corpus

GUEST = 501
DISABLED = 0x211
WINLOGON = rf"{CURRENT}\Winlogon"
SECRETS = r"Policy\Secrets\DefaultPassword\CurrVal"
SID = bytes.fromhex("010400000000000515000000010000000200000003000000")
SECRET = "correct horse"  # noqa: S105 - which nothing may show


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


def test_a_password_that_the_lsa_keeps() -> None:
    kept: Keys = {SECRETS: {"": Typed(0, b"\1" * 108)}}
    verdict = windows_does_not_log_on_by_itself(golden(security=kept))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [(item.place.key, item.seen) for item in verdict.evidence] == [(SECRETS, "a password, encrypted")]
    assert windows_does_not_log_on_by_itself(golden(security={SECRETS: {"": Typed(0, b"")}})).status is Status.OK


def test_the_real_machine_that_keeps_one() -> None:
    """hivex writes the real hive anew, whose last write was not completed."""
    real = merged(corpus("known/hives/hv-rp-SECURITY.hive.xz").read_bytes(), {"Policy": {}})
    verdict = windows_does_not_log_on_by_itself(golden(files={f"{CONFIG}/SECURITY": real}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)  # it is short, or empty
    assert [item.place.key for item in verdict.evidence] == [SECRETS]
    assert windows_belongs_to_no_domain(golden(files={f"{CONFIG}/SECURITY": real})).status is Status.OK


def test_a_member_of_a_domain() -> None:
    member: Keys = {
        r"Policy\PolPrDmS": {"": Typed(0, SID)},
        r"Policy\PolPrDmN": {"": Typed(0, bytes.fromhex("0800080008000000") + "CORP".encode("utf-16-le"))},
    }
    verdict = windows_belongs_to_no_domain(golden(security=member))
    assert (verdict.status, verdict.message) == (Status.WARNING, "Windows is a member of a domain")
    assert verdict.evidence[0].place.key == r"Policy\PolPrDmS"
    assert verdict.evidence[0].seen == "CORP, S-1-5-21-1-2-3"


def test_another_administrator_is_told_of() -> None:
    """In the real SAM there is one, number 1000, with a password."""
    verdict = windows_administrator_can_log_on(golden(files={f"{CONFIG}/SAM": sam({ADMINISTRATOR: DISABLED})}))
    assert "another administrator can log on" in verdict.message
    assert verdict.evidence[1].seen == "Preston: enabled, with a password"
    alone = sam({ADMINISTRATOR: DISABLED, 1000: DISABLED})
    verdict = windows_administrator_can_log_on(golden(files={f"{CONFIG}/SAM": alone}))
    assert (verdict.status, len(verdict.evidence)) == (Status.WARNING, 1)
    assert "no other one can log on" in verdict.message


def test_members_that_cannot_be_read_are_not_known() -> None:
    broken = merged(sam({ADMINISTRATOR: DISABLED}), {r"SAM\Domains\Builtin\Aliases\00000220": {"C": b"\1\2"}})
    verdict = windows_administrator_can_log_on(golden(files={f"{CONFIG}/SAM": broken}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


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
