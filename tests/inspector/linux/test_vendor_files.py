"""The vendor's copy of a file of /etc: SUSE's /usr/etc and PAM's /usr/lib/pam.d; on OSTree nothing reads it."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import Link
from fixtures.golden import GOLDEN
from inspector.facts import Facts
from inspector.facts.sshd import Sshd
from inspector.guest import Guest, Mount
from inspector.linux.vendor_files import effective_path
from inspector.rules.accounts import accounts_come_from_files, no_account_lacks_a_password
from inspector.verdict import Status
from parsers.place import Place
from tests.facts_of import facts_of
from tests.memory_tree import MemoryTree, guest_of

SUDOERS, COPY = "/etc/sudoers", "/usr/etc/sudoers"


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({COPY: "x"}, COPY),
        ({COPY: "x", SUDOERS: "x"}, SUDOERS),
        ({COPY: "x", SUDOERS: ""}, SUDOERS),
        ({COPY: "x", SUDOERS: Link("gone")}, COPY),
        ({"/etc/x": ""}, SUDOERS),
    ],
)
def test_the_vendors_copy_counts_where_etc_has_none(files: dict[str, Any], path: str) -> None:
    assert effective_path(guest_of(files), SUDOERS) == path


def test_pam_keeps_its_own_folder() -> None:
    files = {"/usr/lib/pam.d/login": "", "/usr/etc/pam.d/login": "", "/usr/etc/pam.d/su": ""}
    guest = guest_of(files)
    assert effective_path(guest, "/etc/pam.d/login") == "/usr/lib/pam.d/login"
    assert effective_path(guest, "/etc/pam.d/su") == "/usr/etc/pam.d/su"
    assert effective_path(guest, "/etc/pam.d") == "/usr/lib/pam.d"


def test_on_ostree_the_copy_is_read_by_nothing() -> None:
    tree = MemoryTree({COPY: "x"})
    assert effective_path(
        Guest([Mount("/", None, tree, tree.root, directory="/ostree/deploy/x/deploy/1.0")]), SUDOERS
    ) == (SUDOERS)


def facts(change: dict[str, Any]) -> Facts:
    return facts_of({path: node for path, node in {**GOLDEN, **change}.items() if node is not None})


def test_rules_and_facts_read_the_copy() -> None:
    moved = {"/etc/nsswitch.conf": None, "/usr/etc/nsswitch.conf": "passwd: ldap\n"}
    verdict = accounts_come_from_files(facts(moved))
    assert (verdict.status, verdict.evidence[0].place) == (Status.FAILED, Place("/usr/etc/nsswitch.conf", 1))
    assert accounts_come_from_files(facts({**moved, "/usr/etc/nsswitch.conf": "passwd: files\n"})).status is Status.OK
    config = GOLDEN["/etc/ssh/sshd_config"]
    sshd = facts({"/etc/ssh/sshd_config": None, "/usr/etc/ssh/sshd_config": config})[Sshd]
    assert sshd.config_path == "/usr/etc/ssh/sshd_config"


def test_an_empty_password_is_taken_by_pam_of_the_vendor() -> None:
    pam = {path: None for path in GOLDEN if path.startswith("/etc/pam.d")}
    shadow = {"/etc/shadow": "root::19000:0:99999:7:::\n", "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n"}
    line = "auth sufficient pam_unix.so nullok\n"
    verdict = no_account_lacks_a_password(facts({**pam, **shadow, "/usr/lib/pam.d/login": line}))
    assert verdict.status is Status.FAILED
    assert Place("/usr/lib/pam.d/login", 1) in [evidence.place for evidence in verdict.evidence]
    strict = facts({**pam, **shadow, "/usr/lib/pam.d/login": "auth required pam_unix.so\n"})
    assert no_account_lacks_a_password(strict).status is Status.WARNING
