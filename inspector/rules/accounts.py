"""Rules about the account of the superuser, with which a cloud sets passwords and a person repairs the guest."""

from __future__ import annotations

import posixpath
from typing import Final

from inspector.facts import Facts
from inspector.facts.accounts import Accounts
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from parsers.linux.accounts import User
from parsers.place import Place

PASSWD: Final = "/etc/passwd"  # noqa: S105 - the path of a file
SHADOW: Final = "/etc/shadow"
_NO_LOGIN: Final = frozenset({"nologin", "false", "true", "sync", "halt", "shutdown"})
_IN_SHADOW: Final = "x"


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
        flaws = [Evidence(problem.place, problem.message) for problem in accounts.passwd.problems]
        return failed("there is no root", Evidence(Place(PASSWD), "a line for root wanted, none found"), *flaws)
    if root.uid != 0:
        return failed("root is not the superuser", Evidence(root.place, f"the id 0 wanted, {root.uid} found"))
    return _with_secret(accounts, root)


def _with_secret(accounts: Accounts, root: User) -> Verdict:
    if accounts.shadow is None:
        return failed("there is no shadow", Evidence(Place(SHADOW), "a file wanted, none found"))
    secret = accounts.secret("root")
    if secret is None:
        flaws = [Evidence(problem.place, problem.message) for problem in accounts.shadow.problems]
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
    """
    root = _root(facts)
    shell = root.shell or "/bin/sh"
    if posixpath.basename(shell) in _NO_LOGIN:
        return warning("root's shell refuses the login", Evidence(root.place, shell))
    guest = facts[Guest]
    if not guest.is_file(shell):
        return failed("root's shell is missing", Evidence(root.place, shell), Evidence(Place(shell), "no such file"))
    if not guest.stat(shell).mode & 0o111:
        return failed("root's shell cannot be run", Evidence(Place(shell), f"mode {guest.stat(shell).mode:04o}"))
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
    if secret.locked:
        seen = f"field 2 begins with {secret.password[0]}"
        return warning("root's password is locked", Evidence(secret.place, seen))
    return ok("root has a password", Evidence(secret.place, "field 2 holds a hash"))


RULES = (root_account_exists, root_has_a_shell, root_has_a_password)
