"""Rules about sudo, without which nobody but root can administer the guest."""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.facts.sudo import PolicyFile, Sudo
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from parsers.linux.sudoers import Sudoers
from parsers.place import Place

_MODE: Final = 0o440


def _installed(facts: Facts) -> Sudo:
    sudo = facts[Sudo]
    if sudo.program is None:
        raise NotApplicable("sudo is not installed")
    return sudo


def _policy(facts: Facts) -> tuple[Sudo, Sudoers]:
    sudo = _installed(facts)
    if sudo.policy is None:
        raise NotApplicable(f"{sudo.path} does not exist, which sudoers-is-valid reports")
    return sudo, sudo.policy


@rule("sudoers-is-valid", "sudo can read every line of its policy")
def sudoers_is_valid(facts: Facts) -> Verdict:
    """Why: sudo before 1.9.3 refuses to run with one wrong line; later ones pass over it, and what it was to allow.

    Fix: correct the line with visudo, which saves no file that sudo cannot read.
    Reads: /etc/sudoers and all that it includes, the package database for the release of sudo
    References: sudoers(5), visudo(8)
    """
    sudo = _installed(facts)
    policy = sudo.policy
    if policy is None:
        return failed("sudo has no policy", Evidence(Place(sudo.path), "does not exist"))
    if not sudo.agreed:
        reason = "sudo's release cannot be told, and not every one can read this policy"
        return unknown(reason, sudo.release_source, *map(Evidence.of, policy.problems))
    if policy.problems:
        count = len(policy.problems)
        lines = "one line" if count == 1 else f"{count} lines"
        return failed(f"sudo cannot read {lines} of its policy", *map(Evidence.of, policy.problems))
    if policy.remarks:
        return warning("sudo complains about its policy", *map(Evidence.of, policy.remarks))
    return ok("sudo can read its policy", *(Evidence(Place(path), "read, nothing is wrong") for path in policy.files))


@rule("sudoers-belongs-to-root", "The files of sudo's policy belong to root, and nobody else can write them")
def sudoers_belongs_to_root(facts: Facts) -> Verdict:
    """Why: sudo does not run with a policy that others than root could have written.

    Fix: chown root:root and chmod 0440 /etc/sudoers and the files in /etc/sudoers.d.
    Reads: owner and mode of /etc/sudoers and all that it includes
    References: sudoers(5), visudo(8)
    """
    sudo, _ = _policy(facts)
    refused = [item for item in sudo.files if _is_refused(item)]
    if refused:
        return failed("sudo refuses its policy for its owner or mode", *map(_shown, refused))
    odd = [item for item in sudo.files if (item.uid, item.gid, item.mode) != (0, 0, _MODE)]
    if odd:
        return warning("owner root:root and mode 0440 wanted, others found", *map(_shown, odd))
    return ok("sudo's policy belongs to root", *map(_shown, sudo.files))


def _is_refused(item: PolicyFile) -> bool:
    return item.uid != 0 or bool(item.mode & 0o002) or bool(item.mode & 0o020 and item.gid)


def _shown(item: PolicyFile) -> Evidence:
    return Evidence(Place(item.path), f"owner {item.uid}:{item.gid}, mode {item.mode:04o}")


RULES = (sudoers_is_valid, sudoers_belongs_to_root)
