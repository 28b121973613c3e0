"""Rules about accounts: the superuser's, with which a cloud sets passwords, and those that let in anybody."""

from __future__ import annotations

import posixpath
import re
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.accounts import Accounts
from inspector.guest import Guest, NotFound
from inspector.linux.programs import program_flaw
from inspector.linux.vendor_files import PAM, effective_path
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from parsers.linux.accounts import User
from parsers.place import Place

PASSWD: Final = "/etc/passwd"  # noqa: S105 - the path of a file
SHADOW: Final = "/etc/shadow"
_NO_LOGIN: Final = frozenset({"nologin", "false", "true", "sync", "halt", "shutdown"})
_NO_LIMIT: Final = 9999
"""Days from which a password counts as one that never expires: 9999 and 99999 are both written for that."""
_HASH: Final = re.compile(
    r"\$(?:1|2[abxy]?|3|5|6|7|y|gy|md5|sha1)\$.{8,}|\$sm3\$.{8,}|_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13}"
)
"""The methods of crypt(5), each with its prefix; the oldest has none."""
_NSSWITCH: Final = "/etc/nsswitch.conf"
_DATABASE: Final = re.compile(r"\s*(?:passwd|shadow|group):")
_IN_SHADOW: Final = "x"
_PAM: Final = ("common-auth", "system-auth", "password-auth", "base-auth", "login", "sshd")
_NULLOK: Final = re.compile(r"\s*-?auth\b.*\bpam_unix2?\.so\b.*\bnullok(?:_secure)?\b")
_SECRETS: Final = ("/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-")
_NAMES: Final = ("/etc/passwd", "/etc/group")


@rule("root-account-exists", "root exists, has the id 0 and a line in shadow")
def root_account_exists(facts: Facts) -> Verdict:
    """Why: without root nothing runs as it should, and a cloud cannot set the password of a new instance.

    Fix: restore the lines of root in passwd (root:x:0:0:root:/root:/bin/bash) and shadow, and run pwck.
    Reads: /etc/passwd, /etc/shadow
    References: passwd(5), shadow(5)
    """
    accounts = facts[Accounts]
    if accounts.passwd is None:
        return failed("there is no passwd", Evidence(Place(PASSWD), "a file wanted, none found"))
    root = accounts.user("root")
    if root is None:
        flaws = list(map(Evidence.of, accounts.passwd.problems))
        return failed("there is no root", Evidence(Place(PASSWD), "a line for root wanted, none found"), *flaws)
    if root.uid != 0:
        return failed("root is not the superuser", Evidence(root.place, f"the id 0 wanted, {root.uid} found"))
    return _with_secret(accounts, root)


def _with_secret(accounts: Accounts, root: User) -> Verdict:
    if accounts.shadow is None:
        return failed("there is no shadow", Evidence(Place(SHADOW), "a file wanted, none found"))
    secret = accounts.secret("root")
    if secret is None:
        flaws = list(map(Evidence.of, accounts.shadow.problems))
        return failed(
            "root has no line in shadow", Evidence(Place(SHADOW), "a line for root wanted, none found"), *flaws
        )
    if root.password != _IN_SHADOW:
        seen = "x wanted in field 2, something else found"
        return failed("root's password is not taken from shadow", Evidence(root.place, seen))
    return ok("root is complete", Evidence(root.place, "root has the id 0"), Evidence(secret.place, "root"))


def _root(facts: Facts) -> User:
    root = facts[Accounts].user("root")
    if root is None:
        raise NotApplicable("there is no root, which root-account-exists reports")
    return root


@rule("root-has-a-shell", "root's shell lets root in")
def root_has_a_shell(facts: Facts) -> Verdict:
    """Why: nobody gets a prompt as root where the shell is missing or refuses the login.

    Fix: set an installed shell, for example usermod -s /bin/bash root.
    Reads: /etc/passwd, the shell
    References: passwd(5), nologin(8)
    """
    root = _root(facts)
    shell = root.shell or "/bin/sh"
    if posixpath.basename(shell) in _NO_LOGIN:
        return warning("root's shell refuses the login", Evidence(root.place, shell))
    guest = facts[Guest]
    flaw = program_flaw(guest, shell)
    if flaw is not None:
        what = "cannot be run" if guest.is_file(shell) else "is missing"
        return failed(f"root's shell {what}", Evidence(root.place, shell), flaw)
    return ok("root has a shell", Evidence(root.place, shell))


@rule("root-has-a-password", "root has a password that is not locked")
def root_has_a_password(facts: Facts) -> Verdict:
    """Why: with a locked password root gets in by a key alone, and not at all on the console or in emergency mode.

    Without any password everybody gets in on the console.
    Fix: set a password (passwd root), or leave it locked where keys are enough.
    Reads: /etc/shadow
    References: shadow(5)
    """
    secret = facts[Accounts].secret("root")
    if secret is None:
        raise NotApplicable("root has no line in shadow, which root-account-exists reports")
    if not secret.password:
        return failed("root has no password, so that anybody is let in", Evidence(secret.place, "field 2 is empty"))
    if _has_control(secret.password):
        return failed("root's password cannot be read", Evidence(secret.place, "field 2 holds a control character"))
    if secret.locked:
        seen = f"field 2 begins with {secret.password[0]}"
        return warning("root's password is locked", Evidence(secret.place, seen))
    if not _HASH.fullmatch(secret.password):
        seen = "a hash of crypt(5) wanted, something else found"
        return warning("no password fits root's hash", Evidence(secret.place, seen))
    return ok("root has a password", Evidence(secret.place, "field 2 holds a hash"))


def _has_control(text: str) -> bool:
    return any(ord(char) < 32 or ord(char) == 127 for char in text)


@rule("root-account-is-current", "root's account has not expired, and no new password is due before a login")
def root_account_is_current(facts: Facts) -> Verdict:
    """Why: an expired account is refused whatever the key, and a program cannot answer when a new password is due.

    Fix: chage -E -1 -I -1 -M 99999 root, and chage -d to a day after the image was made.
    Reads: /etc/shadow
    References: shadow(5)
    """
    secret = facts[Accounts].secret("root")
    if secret is None:
        raise NotApplicable("root has no line in shadow, which root-account-exists reports")
    if secret.expires is not None and secret.expires >= 0:
        seen = f"field 8 says day {secret.expires} since 1970"
        today = secret.last_change if secret.last_change is not None else 0
        if secret.expires <= today:
            return failed("root's account has expired", Evidence(secret.place, seen))
        return warning("root's account expires on a certain day", Evidence(secret.place, seen))
    if secret.last_change == 0:
        return warning("root must set a new password at the first login", Evidence(secret.place, "field 3 is 0"))
    if secret.maximum is not None and 0 <= secret.maximum < _NO_LIMIT:
        inactive = secret.inactive is not None and secret.inactive >= 0
        seen = f"field 5 lets a password last {secret.maximum} days" + (
            f", and field 7 locks it {secret.inactive} days later" if inactive else ""
        )
        return warning("root's password expires", Evidence(secret.place, seen))
    return ok("root's account does not expire", Evidence(secret.place, "no day in field 8, no limit in field 5"))


@rule("root-home-takes-keys", "root's home directory is one in which sshd trusts keys")
def root_home_takes_keys(facts: Facts) -> Verdict:
    """Why: sshd ignores authorized_keys, which the cloud fills, where others than root may write beside it.

    Fix: chown root:root /root /root/.ssh, and chmod 0700 both.
    Reads: root's home directory from /etc/passwd, its owner and mode, and those of .ssh and authorized_keys in it
    References: sshd_config(5), "StrictModes"
    """
    root, guest = _root(facts), facts[Guest]
    if not root.home.startswith("/"):
        return warning("root has no home directory", Evidence(root.place, root.home or "field 6 is empty"))
    home = root.home.rstrip("/") or "/"
    if not guest.is_dir(home):
        seen = "a directory wanted, something else found" if guest.exists(home) else "no such directory"
        return warning("root's home is no directory", Evidence(Place(home), seen), Evidence(root.place, home))
    paths = [path for path in ("/", home, f"{home}/.ssh", f"{home}/.ssh/authorized_keys") if guest.exists(path)]
    found = [(path, guest.stat(path)) for path in dict.fromkeys(paths)]
    bad = [
        Evidence(Place(path), f"owner {stat.uid}, mode {stat.mode & 0o7777:04o}")
        for path, stat in found
        if stat.uid != 0 or stat.mode & 0o022
    ]
    if bad:
        return warning("sshd does not trust the keys in root's home", *bad)
    return ok(
        "root's home belongs to root alone",
        *(Evidence(Place(path), f"owner {stat.uid}, mode {stat.mode & 0o7777:04o}") for path, stat in found),
    )


@rule("accounts-come-from-files", "Accounts are looked up in the files of the guest")
def accounts_come_from_files(facts: Facts) -> Verdict:
    """Why: root and the users that cloud-init makes lie in passwd and shadow; without "files" nobody finds them.

    Fix: write `passwd: files systemd`, `group: files systemd` and `shadow: files` in /etc/nsswitch.conf.
    Reads: /etc/nsswitch.conf, /etc/group
    References: nsswitch.conf(5)
    """
    guest, accounts = facts[Guest], facts[Accounts]
    if accounts.group is None or not any(group.gid == 0 for group in accounts.group.groups):
        seen = "no such file" if accounts.group is None else "no group with the id 0"
        return warning("the group root is missing", Evidence(Place("/etc/group"), seen))
    path = effective_path(guest, _NSSWITCH)
    try:
        lines = guest.read_text(path).split("\n")
    except NotFound:
        return ok("files are looked up by default", Evidence(Place(_NSSWITCH), "no such file"))
    found = [
        Evidence(Place(path, number), line.strip()) for number, line in enumerate(lines, 1) if _DATABASE.match(line)
    ]
    bad = [item for item in found if not _reaches_files(item.seen)]
    if bad:
        return failed("accounts of the files are not found", *bad)
    return ok("accounts are looked up in files", *(found or [Evidence(Place(path), "no line for passwd")]))


def _reaches_files(line: str) -> bool:
    """Tell whether a line comes to the files also where another service before them does not know a name."""
    sources = line.partition(":")[2].partition("#")[0]
    before, found, _ = re.sub(r"\bcompat\b|\bdb\b", "files", sources).partition("files")
    return bool(found) and not re.search(r"\[[^\]]*(?:NOTFOUND|UNAVAIL)\s*=\s*return", before, re.IGNORECASE)


@rule("no-account-lacks-a-password", "No account can be entered without a password")
def no_account_lacks_a_password(facts: Facts) -> Verdict:
    """Why: whoever reaches the console, or runs su, gets in with an account whose password is empty.

    Fix: lock the account (passwd -l NAME) or set a password.
    Reads: /etc/passwd, /etc/shadow, nullok of pam_unix in /etc/pam.d
    References: shadow(5), pam_unix(8)
    """
    accounts, guest = facts[Accounts], facts[Guest]
    if accounts.passwd is None:
        raise UnknownFact(f"{PASSWD} does not exist", Place(PASSWD))
    if accounts.shadow is None:
        raise UnknownFact(f"{SHADOW} does not exist", Place(SHADOW))
    for path, lines in ((PASSWD, len(accounts.passwd.users)), (SHADOW, len(accounts.shadow.secrets))):
        if not lines:
            raise UnknownFact(f"{path} names no account", Place(path))
    empty = [found for user in accounts.passwd.users if (found := _without_password(accounts, user))]
    if not empty:
        seen = f"accounts: {len(accounts.shadow.secrets)}, none with an empty field 2"
        return ok("every account has a password, or is locked", Evidence(Place(SHADOW), seen))
    open_to_all = [evidence for user, evidence in empty if posixpath.basename(user.shell) not in _NO_LOGIN]
    taken = _nullok(guest)
    if open_to_all and taken:
        return failed("an account has no password, and PAM takes that", *open_to_all, *taken)
    return warning("an account has no password", *(evidence for _, evidence in empty), *taken)


def _without_password(accounts: Accounts, user: User) -> tuple[User, Evidence] | None:
    """The empty field of a user, in passwd itself or, where that says x, in shadow."""
    if not user.password:
        return user, Evidence(user.place, f"{user.name}: field 2 is empty")
    secret = accounts.secret(user.name) if user.password == _IN_SHADOW else None
    if secret is None or secret.password:
        return None
    return user, Evidence(secret.place, f"{user.name}: field 2 is empty")


def _nullok(guest: Guest) -> list[Evidence]:
    """Where PAM is told to take an empty password; without PAM login(1) takes it anyway."""
    if not guest.is_dir(effective_path(guest, PAM)):
        return [Evidence(Place("/etc/pam.d"), "does not exist, so that login takes an empty password")]
    return [
        Evidence(Place(path, number), line.strip())
        for path in (effective_path(guest, f"{PAM}/{name}") for name in _PAM)
        if guest.is_file(path)
        for number, line in enumerate(guest.read_text(path).split("\n"), 1)
        if _NULLOK.match(line)
    ]


@rule("only-root-has-the-id-0", "No other account than root is the superuser")
def only_root_has_the_id_0(facts: Facts) -> Verdict:
    """Why: a second account with the id 0 has all of root's rights, and is overlooked where root's are taken away.

    Fix: remove the account (userdel -f NAME), or give it an id of its own and sudo.
    Reads: /etc/passwd
    References: passwd(5)
    """
    accounts = facts[Accounts]
    if accounts.passwd is None:
        raise UnknownFact(f"{PASSWD} does not exist", Place(PASSWD))
    users = [user for user in accounts.passwd.users if user.uid == 0]
    others = [user for user in users if user.name != "root"]
    if others:
        return warning("root is not the only superuser", *(Evidence(user.place, user.name) for user in others))
    if len(users) > 1:
        return warning("root has several lines", *(Evidence(user.place, user.name) for user in users))
    if not users:
        raise NotApplicable("there is no root, which root-account-exists reports")
    return ok("root alone has the id 0", *(Evidence(user.place, user.name) for user in users))


@rule("account-files-belong-to-root", "Nobody but root reads the passwords, and nobody but root writes accounts")
def account_files_belong_to_root(facts: Facts) -> Verdict:
    """Why: who can read shadow can guess its passwords, and who can write passwd is root at once.

    Fix: chown root:root (root:shadow where that group exists) and chmod 0640 or less for shadow and gshadow, and
    chown root:root and chmod 0644 for passwd and group.
    Reads: owner and mode of /etc/passwd, /etc/group, /etc/shadow, /etc/gshadow and their copies with -
    References: shadow(5)
    """
    guest, accounts = facts[Guest], facts[Accounts]
    if missing := [path for path in (*_NAMES, SHADOW) if not guest.exists(path)]:
        raise UnknownFact(f"{missing[0]} does not exist", Place(missing[0]))
    groups = accounts.group.groups if accounts.group else ()
    readers = {0} | {group.gid for group in groups if group.name == "shadow"}
    good: list[Evidence] = []
    bad: list[Evidence] = []
    for path in (*_NAMES, *_SECRETS):
        if not guest.exists(path):
            continue
        stat = guest.stat(path)
        evidence = Evidence(Place(path), f"owner {stat.uid}:{stat.gid}, mode {stat.mode & 0o7777:04o}")
        if path in _NAMES:
            fine = not stat.mode & 0o022 and stat.mode & 0o044 == 0o044
        else:
            fine = not stat.mode & 0o037 and (stat.gid in readers or not stat.mode & 0o040)
        (good if fine and stat.uid == 0 else bad).append(evidence)
    return warning("others than root read or write accounts", *bad) if bad else ok("accounts belong to root", *good)


RULES = (
    root_account_exists,
    root_has_a_shell,
    root_has_a_password,
    root_account_is_current,
    root_home_takes_keys,
    accounts_come_from_files,
    no_account_lacks_a_password,
    only_root_has_the_id_0,
    account_files_belong_to_root,
)
