r"""What else decides whether a log-on succeeds: the packages that check it, the right to it, the profile of the user.

Source: Microsoft, "Registering Authentication Packages" (names without `.dll`, which lie in System32 unless a path is
given; the same holds for `Security Packages` and `Notification Packages`, of which `""` stands for none), [MS-LSAD]
2.2.1.2 (the bits of the rights), "Allow log on through Remote Desktop Services" and "Deny log on through Remote Desktop
Services" (what is denied outweighs what is allowed), "Security identifiers" (the groups that a log-on of an
administrator over the network belongs to), and KB 947215 (keys of profiles that end with `.bak`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.unread import Unread
from inspector.verdict import Evidence, Verdict, failed, ok, warning
from inspector.windows.files import flaw_of_file, flaw_of_program, restoring
from inspector.windows.registry import PROFILE_LIST, Registry
from parsers.windows.lsa_policy import (
    ACCOUNTS,
    DENY_NETWORK,
    DENY_REMOTE,
    NETWORK,
    REMOTE,
    LogOnRights,
    parse_log_on_rights,
)
from parsers.windows.registry import Key
from parsers.windows.sam import ADMINISTRATOR
from parsers.windows.sam_domain import parse_machine_sid

_GROUPS: Final = {
    "S-1-1-0": "everyone",
    "S-1-5-4": "who works at a desktop",
    "S-1-5-11": "who has logged on",
    "S-1-5-14": "who works at a remote desktop",
    "S-1-5-113": "accounts of the machine",
    "S-1-5-114": "administrators that are accounts of the machine",
    "S-1-5-32-544": "administrators",
    "S-1-5-32-545": "users",
}
"""The groups that an administrator of the machine is a member of at a remote desktop."""
_BACKUP: Final = ".bak"
_USERS: Final = r"%SystemDrive%\Users"
_ACCOUNTS: Final = ("S-1-5-21-", "S-1-12-1-")
"""How the SIDs of users begin: those of machines and domains, and those of Entra ID."""
_SIGNATURE: Final = b"regf"
_SHOWN: Final = 16
_LSA: Final = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa"
_PACKAGES: Final = ("Authentication Packages", "Security Packages", "Notification Packages")
_OWN_PACKAGE: Final = "msv1_0"
"""What compares passwords with those of the machine's accounts."""


@rule("windows-administrators-may-log-on-remotely", "Administrators have the right to use Remote Desktop", "windows")
def windows_administrators_may_log_on_remotely(facts: Facts) -> Verdict:
    r"""The right is granted to the administrator or a group that it is in, and denied to none of them.

    The same holds for the right to log on from the network, which network level authentication asks for first.

    Why: who has not the right is turned away after the password, though Remote Desktop listens; the baselines for
    members of domains deny it to all accounts of the machine, which are the only ones that an instance has.

    Fix: `secpol.msc`, Local Policies, User Rights Assignment: take the group that is named out of "Deny log on through
    Remote Desktop Services" and "Deny access to this computer from the network", and put Administrators into "Allow log
    on through Remote Desktop Services" and "Access this computer from the network".

    Reads: SECURITY\Policy\Accounts, SAM\Domains\Account

    References: Microsoft, [MS-LSAD] 2.2.1.2 POLICY_SYSTEM_ACCESS_MODE; Deny log on through Remote Desktop Services;
    Security identifiers; "The system administrator has restricted the types of logon" (on log-ons from the network).
    """
    registry = facts[Registry]
    own = f"{parse_machine_sid(registry.hive('SAM'))}-{ADMINISTRATOR}"
    names = {**_GROUPS, own: "the administrator"}
    found = [item for item in parse_log_on_rights(registry.hive("SECURITY")) if item.sid in names]
    denied, granted, kept_out, let_in = (
        [_seen(registry, item, names) for item in found if item.rights & right]
        for right in (DENY_REMOTE, REMOTE, DENY_NETWORK, NETWORK)
    )
    nobody = Evidence(registry.place(rf"HKLM\SECURITY\{ACCOUNTS}"), "granted to none of them")
    seen = dict.fromkeys([*denied, *([] if granted else [nobody]), *kept_out, *([] if let_in else [nobody])])
    if denied:
        return failed("Remote Desktop is denied to administrators", *seen)
    if not granted:
        return failed("administrators have no right to use Remote Desktop", *seen)
    if kept_out:
        return warning("administrators may not log on from the network, which comes first", *seen)
    if not let_in:
        return warning("administrators have no right to log on from the network, which comes first", *seen)
    return ok("administrators may use Remote Desktop", *granted)


def _seen(registry: Registry, item: LogOnRights, names: dict[str, str]) -> Evidence:
    return Evidence(registry.in_guest(item.place), f"{names[item.sid]}: {item.rights:#x}")


@rule("windows-profiles-are-whole", "Every user's profile is where Windows looks for it", "windows")
def windows_profiles_are_whole(facts: Facts) -> Verdict:
    r"""The keys of `ProfileList`: none ends with `.bak`, and the folder of each user has a hive.

    That of a mandatory profile is called NTUSER.MAN. So has the folder that the profiles of new users are copied from,
    and that in which they are made is there.

    Why: a user whose profile cannot be loaded works in one that is thrown away at the end, or is not let in; whoever
    logs on to an instance for the first time is not let in without the profile of new users.

    Fix: rename the key that ends with `.bak` to the user's SID, or delete the key of a profile that is gone (System
    Properties, User Profiles): the next log-on makes a new one. Copy C:\Users\Default from a machine with the same
    release; set ProfilesDirectory to `%SystemDrive%\Users`.

    Reads: SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList, NTUSER.DAT or NTUSER.MAN of the users, and of
    C:\Users\Default

    References: Microsoft, KB 947215: You receive a "The User Profile Service failed the logon" error message; H. Klein,
    Error Message Explained: User Profile Service Failed the Logon (the profile of new users).
    """
    registry = facts[Registry]
    keys = list(registry.subkeys(PROFILE_LIST))
    if not keys:
        raise UnknownFact("there are no profiles, not even of the system", registry.place(PROFILE_LIST))
    bad: list[Evidence] = []
    unread = Unread()
    for key in keys:
        with unread.kept():
            bad += _flaws(facts, key)
    with unread.kept():
        bad += _of_new_users(facts)
    if bad:
        return warning("profiles cannot be loaded, or made", *bad[:_SHOWN])
    unread.tell()
    return ok("the profiles are there", Evidence(registry.place(PROFILE_LIST), f"profiles: {len(keys)}"))


def _flaws(facts: Facts, key: Key) -> Iterator[Evidence]:
    registry = facts[Registry]
    if key.name.lower().endswith(_BACKUP):
        yield Evidence(registry.in_guest(key.place), "set aside: the profile could not be loaded once")
    elif key.name.startswith(_ACCOUNTS):
        registry.own(key)
        value = key.value("ProfileImagePath")
        path = registry.string(value)
        place = registry.in_guest(value.place if value else key.place)
        if not path:
            yield Evidence(place, "no folder is named")
        elif (flaw := _flaw_of_hive(facts, rf"{path}\NTUSER.DAT")) and _flaw_of_hive(facts, rf"{path}\NTUSER.MAN"):
            yield Evidence(place, f"{path}: NTUSER.DAT {flaw}")


def _of_new_users(facts: Facts) -> Iterator[Evidence]:
    """What is wrong with where new users' profiles are made, and with what they are copied from."""
    registry = facts[Registry]
    folder = registry.text(PROFILE_LIST, "ProfilesDirectory") or _USERS
    if not facts[Guest].is_dir(folder):
        yield Evidence(registry.place(PROFILE_LIST, "ProfilesDirectory"), f"{folder}: no such folder")
    default = registry.text(PROFILE_LIST, "Default") or rf"{folder}\Default"
    if flaw := _flaw_of_hive(facts, hive := rf"{default}\NTUSER.DAT"):
        yield Evidence(facts[Guest].place(hive), f"of new users: {flaw}")


def _flaw_of_hive(facts: Facts, path: str) -> str | None:
    return flaw_of_file(facts[Guest], path, _SIGNATURE, "hive")


@rule("windows-log-on-packages-exist", "The packages that check passwords are there", "windows")
def windows_log_on_packages_exist(facts: Facts) -> Verdict:
    r"""The names in `Authentication Packages`, `Security Packages` and `Notification Packages`, msv1_0 in the first.

    Why: without msv1_0.dll nobody can log on with an account of the machine; another package that is gone fills the log
    with errors at each start, and with it went the log-ons or the rules for passwords that it was there for. Where only
    the name msv1_0 is lacking, newer releases may load it all the same: they have a list of their own packages besides.

    Fix: take the name that is shown out of its list, or install its product again; put msv1_0 into
    `Authentication Packages`, where it is lacking.

    Reads: Control\Lsa, System32

    References: Microsoft, Registering Authentication Packages; Restrictions around Registering and Installing a
    Security Package; Installing and Registering a Password Filter DLL.
    """
    registry, checker = facts[Registry], _package(_OWN_PACKAGE)
    flaw = flaw_of_program(facts, checker)
    own: list[Evidence] = []
    bad: list[Evidence] = []
    unread = Unread()
    with unread.kept():
        own += (Evidence(registry.place(_LSA, _PACKAGES[0]), name) for name in registry.texts(_LSA, _PACKAGES[0]))
        if _OWN_PACKAGE not in {item.seen.strip().lower() for item in own}:
            bad.append(Evidence(registry.place(_LSA, _PACKAGES[0]), f"{_OWN_PACKAGE} is not among them"))
    for value in _PACKAGES:
        with unread.kept():
            bad += _lost_packages(facts, value)
    if flaw:
        lost = Evidence(facts[Guest].place(checker), flaw)
        fix = " ".join([restoring(facts[Guest], checker), *([windows_log_on_packages_exist.fix] if bad else [])])
        message = "what checks the passwords of the machine's accounts cannot be loaded"
        return failed(message, lost, *bad[:_SHOWN], fix=fix)
    if bad:
        return warning("packages of the log-on are not there, or not named", *bad[:_SHOWN])
    unread.tell()
    return ok("the packages of the log-on are there", *own)


def _lost_packages(facts: Facts, value: str) -> Iterator[Evidence]:
    """The packages of a list that cannot be loaded, but for the machine's own."""
    registry = facts[Registry]
    for name in registry.texts(_LSA, value):
        package = _package(name)
        if package.lower() not in {"", _package(_OWN_PACKAGE).lower()} and (flaw := flaw_of_program(facts, package)):
            yield Evidence(registry.place(_LSA, value), f"{name}: {flaw}")


def _package(name: str) -> str:
    """Return the path of a package, "" where the name stands for none."""
    text = name.strip().strip('"')
    if not text:
        return ""
    path = text if "\\" in text else rf"\Windows\System32\{text}"
    return path if path.lower().endswith(".dll") else f"{path}.dll"


RULES = (
    windows_administrators_may_log_on_remotely,
    windows_log_on_packages_exist,
    windows_profiles_are_whole,
)
