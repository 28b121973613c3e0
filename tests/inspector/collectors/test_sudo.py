from __future__ import annotations

from inspector.facts.sudo import PolicyFile, Sudo
from tests.inspector.rules.test_sudo import DROP_IN, facts


def test_the_release_comes_with_its_place() -> None:
    sudo = facts()[Sudo]
    assert (sudo.program, sudo.release, str(sudo.release_source.place)) == (
        "/usr/bin/sudo",
        (1, 9, 13),
        "/var/lib/dpkg/status:1",
    )
    without = facts(files={"/var/lib/dpkg/status": None})[Sudo]
    assert (without.release, without.release_source.seen) != (None, "")


def test_files_come_with_owner_and_mode() -> None:
    assert facts()[Sudo].files == (PolicyFile("/etc/sudoers", 0, 0, 0o440), PolicyFile(DROP_IN, 0, 0, 0o440))


def test_a_guest_without_sudo_is_known() -> None:
    sudo = facts(None, {"/usr/bin/sudo": None})[Sudo]
    assert (sudo.program, sudo.policy, sudo.files) == (None, None, ())
