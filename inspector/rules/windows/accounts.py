r"""Who may log on to Windows: local accounts, and logging on without being asked.

Source: Microsoft's documentation that each rule names; what the hives SAM and SECURITY keep stands with their parsers.
"""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, unknown, warning
from inspector.windows.registry import WINLOGON, Registry
from inspector.windows.services import TCPIP
from parsers.place import ParseError
from parsers.windows.lsa_policy import parse_primary_domain, secret
from parsers.windows.sam import ADMINISTRATOR, SamAccount, parse_sam_accounts
from parsers.windows.sam_domain import parse_administrators, parse_machine_sid

_PRODUCT: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions"
_CONTROLLER: Final = "LanmanNT"


def _accounts(facts: Facts) -> list[SamAccount]:
    return list(parse_sam_accounts(facts[Registry].hive("SAM")))


def _seen(facts: Facts, account: SamAccount) -> Evidence:
    state = "disabled" if account.disabled else "enabled"
    password = "with a password" if account.has_password else "without a password"
    return Evidence(facts[Registry].in_guest(account.place), f"{account.name}: {state}, {password}")


@rule("windows-no-account-lacks-a-password", "No account that can be used has an empty password", "windows")
def windows_no_account_lacks_a_password(facts: Facts) -> Verdict:
    r"""Accounts of this machine that are not disabled, the guest's among them.

    Why: whoever reaches the console is in; and Windows refuses empty passwords over the network, so that nobody gets
    in by Remote Desktop.

    Fix: set a password (`net user NAME *`), or disable the account (`net user NAME /active:no`).

    Reads: SAM\Domains\Account\Users

    References: Microsoft, Accounts: Limit local account use of blank passwords to console logon only.
    """
    found = _accounts(facts)
    open_ones = [account for account in found if not account.disabled and not account.has_password]
    if open_ones:
        return warning("accounts have an empty password", *(_seen(facts, account) for account in open_ones))
    used = [account for account in found if not account.disabled]
    return ok("every account that can be used has a password", *(_seen(facts, account) for account in used or found))


@rule("windows-administrator-can-log-on", "The administrator whose password the cloud sets can be used", "windows")
def windows_administrator_can_log_on(facts: Facts) -> Verdict:
    r"""The account of number 500, whatever it is called; who else administers the machine is told.

    Why: the cloud sets the password of this account; where it is disabled the user of a new instance cannot log on, but
    as another administrator whose password is known.

    Fix: `net user Administrator /active:yes`.

    Reads: SAM\Domains\Account\Users, SAM\Domains\Builtin\Aliases\00000220

    References: Microsoft, Local accounts; Alibaba Cloud, reset the logon password of an instance.
    """
    found = {account.rid: account for account in _accounts(facts)}
    hive = facts[Registry].hive("SAM")
    administrator = found.get(ADMINISTRATOR)
    if administrator is None:
        place = facts[Registry].in_guest(hive.root.place)
        return failed("there is no built-in administrator", Evidence(place, "no account has the number 500"))
    seen = _seen(facts, administrator)
    if not administrator.disabled:
        return ok("it can be used", seen)
    machine, members = parse_machine_sid(hive), parse_administrators(hive)
    others = [account for rid, account in found.items() if f"{machine}-{rid}" in members and _is_usable(account)]
    if others:
        told = "the built-in administrator is disabled, and another administrator can log on"
        return warning(told, seen, *(_seen(facts, account) for account in others))
    return warning("the built-in administrator is disabled, and no other one can log on", seen)


def _is_usable(account: SamAccount) -> bool:
    return not account.disabled and account.has_password


@rule("windows-does-not-log-on-by-itself", "Windows asks who logs on, and keeps no password for it", "windows")
def windows_does_not_log_on_by_itself(facts: Facts) -> Verdict:
    r"""The values AutoAdminLogon and DefaultPassword, and the secret of that name. No password is ever shown.

    A short secret looks as an empty one does, which is what the first log-on of a new Windows may leave.

    Why: the password stands in the image, for everybody who gets a copy to read, the secret under a key that stands
    beside it; and who opens the console is in.

    Fix: set AutoAdminLogon to 0, delete DefaultPassword, and change the password that stood there; Sysinternals'
    Autologon deletes the secret (Disable), as does deleting its key SECURITY\Policy\Secrets\DefaultPassword.

    Reads: SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon, SECURITY\Policy\Secrets

    References: Microsoft, Configure Windows to automate logon; Protecting the Automatic Logon Password.
    """
    registry = facts[Registry]
    if registry.key(WINLOGON) is None:
        raise UnknownFact("how Windows logs on is not told", registry.place(WINLOGON))
    bad = []
    kept = None
    unread = Unread()
    if registry.text(WINLOGON, "DefaultPassword"):
        bad.append(Evidence(registry.place(WINLOGON, "DefaultPassword"), "a password"))
    with unread.kept():
        kept = secret(registry.hive("SECURITY"), "DefaultPassword")
        if kept and kept.is_filled:
            bad.append(Evidence(registry.in_guest(kept.place), "a password, encrypted"))
    automatic = registry.value(WINLOGON, "AutoAdminLogon")
    found = "0" if automatic is None else automatic.text if automatic.number is None else str(automatic.number)
    if found not in {"", "0"}:
        bad.append(Evidence(registry.place(WINLOGON, "AutoAdminLogon"), found or "a value of an unknown kind"))
    if bad:
        return warning("Windows logs on by itself, or keeps a password for it", *bad)
    unread.tell()
    if kept:
        short = Evidence(registry.in_guest(kept.place), "an encrypted password of at most seven characters, or none")
        return unknown("whether a password is kept for the log-on cannot be told", short)
    return ok("Windows asks who logs on", Evidence(registry.place(WINLOGON, "AutoAdminLogon"), "off"))


@rule("windows-belongs-to-no-domain", "Windows is a member of no domain, and controls none", "windows")
def windows_belongs_to_no_domain(facts: Facts) -> Verdict:
    r"""The kind of product, the SID of the domain that the LSA knows, and the domain that the machine's name has.

    Why: copies of a member share its account in the domain, of which one works; copies of a controller of a domain
    destroy its database. A name in a domain is registered there for each copy.

    Fix: take the machine out of the domain, or demote the controller, before the image is taken; where only the name
    is left, take the primary DNS suffix away (System Properties, Computer Name).

    Reads: Control\ProductOptions, SECURITY\Policy\PolPrDmN and PolPrDmS, Services\Tcpip\Parameters

    References: Microsoft, Sysprep (System Preparation) Overview, on domain members; [MS-LSAD] 3.1.1.1 (Primary Domain
    Information).
    """
    registry = facts[Registry]
    kind = registry.text(_PRODUCT, "ProductType")
    if not kind or registry.key(TCPIP) is None:
        raise UnknownFact("what kind of machine it is is not told", registry.place(_PRODUCT, "ProductType"))
    place = Evidence(registry.place(_PRODUCT, "ProductType"), kind)
    if kind.lower() == _CONTROLLER.lower():
        return failed("Windows controls a domain", place)
    suffix = registry.text(TCPIP, "Domain")
    named = Evidence(registry.place(TCPIP, "Domain"), suffix or "not set")
    try:
        primary = parse_primary_domain(registry.hive("SECURITY"))
    except (UnknownFact, ParseError) as error:
        if not suffix:
            raise
        return unknown(f"Windows has a name in a domain; whether it is a member is not known: {error}", named, place)
    if primary.sid:
        member = Evidence(registry.in_guest(primary.place), f"{primary.name}, {primary.sid}")
        return warning("Windows is a member of a domain", member, *([named] if suffix else []), place)
    outside = Evidence(registry.in_guest(primary.place), f"no domain; the workgroup {primary.name}")
    if suffix:
        return warning("Windows has a name in a domain, and is no member of one", named, outside, place)
    return ok("Windows belongs to no domain", place, outside, named)


RULES = (
    windows_administrator_can_log_on,
    windows_belongs_to_no_domain,
    windows_does_not_log_on_by_itself,
    windows_no_account_lacks_a_password,
)
