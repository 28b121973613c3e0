"""No rule is OK on the strength of a file that is gone, unreadable, empty or a directory: every rule, on every guest.

What a rule speaks of is what the evidence of its OK names. Where it stays OK without the file, a table says why its
sentence is true all the same; where it no longer concerns the guest, another rule of its check must find fault.
What stands in a table for nothing fails the test as well, so that the tables say no more than what is so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from fixtures.files import Dir
from inspector.facts import Facts
from inspector.rules import rules
from inspector.verdict import Status
from tests.inspector.absence import (
    ESP,
    GUESTS,
    WIDE,
    emptied,
    facts,
    fellows,
    guest,
    judged,
    lies_at,
    missing_for,
    spoken_of,
    whole,
)

pytestmark = pytest.mark.slow

NOT_NEEDED = "what it names may be missing"
DEFAULT = "a default stands in"
ELSEWHERE = "another file says it as well"
ONE_OF_SEVERAL = "the others are judged by themselves"
NO_MORE = "nothing is more than there should be"
NOT_THE_CONTENT = "it speaks of the file, or of a link to it, not of what stands in it"
VOLUMES = "it speaks of the image, its partitions and volumes, not of files"

GONE = {
    NOT_NEEDED: """
        account-backups-are-gone account-files-belong-to-root boot-entries-do-not-carry-an-id firewall-is-off
        logs-are-empty machine-id-is-unset private-keys-are-gone sudoers-belongs-to-root system-files-mutable
        caches-are-empty crash-dumps-are-gone network-secrets-are-gone no-proxy-is-set
    """,
    DEFAULT: """
        grub-default-entry-exists accounts-come-from-files clock-keeps-utc cloud-init-clears-its-cache
        cloud-init-leaves-etc-hosts cloud-init-sets-the-host-name cloud-init-takes-vendor-data
        default-target-starts-the-system fstab-names-root primary-interface-uses-dhcp selinux-mode-is-accepted
        sshd-lets-the-user-in sshd-takes-passwords
    """,
    ELSEWHERE: """
        architecture-is-supported cloud-init-installed cloud-init-is-recent distribution-is-supported
        efi-loader-fits-architecture hostname-is-generic initramfs-holds-the-root-driver kernel-is-supported
        network-service-enabled nvme-driver-boots release-is-maintained ssh-host-keys-are-made-anew
        sshd-host-keys-available virtio-disk-driver-boots virtio-net-driver-present
    """,
    ONE_OF_SEVERAL: """
        boot-loader-installed boot-modes-are-whole cloud-init-config-parses cloud-init-datasource-allows-target
        cloud-init-instance-id-is-not-fixed network-config-parses sshd-config-valid sudoers-is-valid release-files-agree
    """,
    NO_MORE: """
        network-not-bound-to-mac one-back-end-per-interface one-interface-is-configured
        addresses-and-routes-come-from-dhcp
    """,
    VOLUMES: "system-volumes-are-not-logical",
}
UNREADABLE = {
    ELSEWHERE: """
        architecture-is-supported cloud-init-installed cloud-init-is-recent efi-loader-fits-architecture
        kernel-is-supported
    """,
    VOLUMES: "system-volumes-are-not-logical",
}
EMPTY = {
    DEFAULT: """
        grub-default-entry-exists accounts-come-from-files clock-keeps-utc cloud-init-clears-its-cache
        cloud-init-instance-id-is-not-fixed cloud-init-leaves-etc-hosts cloud-init-sets-the-host-name
        cloud-init-takes-vendor-data default-target-starts-the-system fstab-names-root primary-interface-uses-dhcp
        sshd-lets-the-user-in sshd-listens-to-the-network sshd-port-standard sshd-takes-passwords
    """,
    "nothing is wrong in an empty file": """
        cloud-init-config-parses fstab-parses grub-config-parses network-config-parses network-secrets-are-gone
        no-proxy-is-set sshd-config-valid sshd-keywords-are-current sudoers-is-valid
    """,
    NOT_THE_CONTENT: """
        account-files-belong-to-root cloud-init-installed firewall-is-off machine-id-is-unset sudoers-belongs-to-root
        system-files-mutable
    """,
    ELSEWHERE: """
        architecture-is-supported cloud-init-datasource-allows-target cloud-init-is-recent distribution-is-supported
        efi-loader-fits-architecture hostname-is-generic initramfs-holds-the-root-driver kernel-is-supported
        network-service-enabled nvme-driver-boots release-is-maintained ssh-host-keys-are-made-anew
        sshd-host-keys-available virtio-disk-driver-boots virtio-net-driver-present
    """,
    NO_MORE: """
        network-not-bound-to-mac one-back-end-per-interface one-interface-is-configured
        addresses-and-routes-come-from-dhcp
    """,
}
DIRECTORY = {
    NOT_NEEDED: """
        firewall-is-off sudoers-belongs-to-root system-files-mutable network-secrets-are-gone no-proxy-is-set
    """,
    DEFAULT: """
        grub-default-entry-exists cloud-init-clears-its-cache cloud-init-leaves-etc-hosts cloud-init-sets-the-host-name
        cloud-init-takes-vendor-data primary-interface-uses-dhcp sshd-lets-the-user-in sshd-takes-passwords
    """,
    ELSEWHERE: """
        architecture-is-supported cloud-init-installed cloud-init-is-recent efi-loader-fits-architecture
        kernel-is-supported network-service-enabled ssh-host-keys-are-made-anew sshd-host-keys-available
    """,
    ONE_OF_SEVERAL: """
        cloud-init-config-parses cloud-init-datasource-allows-target cloud-init-instance-id-is-not-fixed
        network-config-parses sshd-config-valid sudoers-is-valid release-files-agree
    """,
    NO_MORE: """
        network-not-bound-to-mac one-back-end-per-interface one-interface-is-configured
        addresses-and-routes-come-from-dhcp
    """,
}
UNCONCERNED = {
    "gone": {
        "no line is wanted in fstab where the kernel mounts the root to be written to": "root-is-mounted-to-be-used",
        "without the file there is nothing to judge": """
            crypttab-devices-exist grub-settings-are-applied log-files-mutable selinux-config-is-valid
        """,
        "cloud-init, or another back end, configures the interface": """
            interface-names-match-kernel networkmanager-makes-profiles one-back-end-per-interface
        """,
    },
    "unreadable": {},
    "directory": {
        "cloud-init, or another back end, configures the interface": """
            interface-names-match-kernel networkmanager-makes-profiles one-back-end-per-interface
        """,
    },
    "empty": {
        "no line is wanted in fstab where the kernel mounts the root to be written to": """
            fstab-devices-are-unambiguous fstab-devices-exist fstab-devices-have-stable-names
            fstab-mount-points-are-absolute fstab-mount-points-are-unique fstab-mount-points-exist
            fstab-network-mounts-wait fstab-types-match root-is-mounted-to-be-used
        """,
        "without a line there is nothing to judge": "crypttab-devices-exist",
        "cloud-init, or another back end, configures the interface": """
            interface-names-match-kernel networkmanager-makes-profiles one-back-end-per-interface
        """,
    },
}
NOT_OF_FILES = {
    VOLUMES: """
        disk-usage-below-limit file-systems-cleanly-unmounted file-systems-consistent
        file-systems-without-recorded-errors image-format-accepted image-format-unambiguous image-header-clean
        image-not-encrypted image-stands-alone image-without-snapshots inode-usage-below-limit
        partition-table-fits-sectors partition-table-valid partitions-do-not-overlap partitions-inside-disk
        root-lies-on-one-disk root-partition-is-last system-disk-has-no-swap-partition system-disk-is-basic
        system-file-systems-are-accepted system-volumes-are-not-encrypted system-volumes-readable
        virtual-size-within-limits
    """,
    "none of the guests lies on such volumes; their own tests and the layouts take the volumes away": """
        arrays-are-complete btrfs-devices-are-complete ext4-features-are-accepted file-systems-fit-their-volumes
        fstab-subvolumes-exist initramfs-opens-the-root-volume kernel-mounts-the-root-subvolume
        root-subvolume-is-writable volume-groups-are-complete volume-metadata-is-sound dracut-devices-exist
    """,
    "none of the guests has a second menu, an enforced policy or a declared firmware; their own tests do": """
        boot-mode-matches-declared system-matches-declared efi-mount-has-partition grub-menus-agree
        selinux-labels-are-there
    """,
}


def names(table: dict[str, str]) -> set[str]:
    listed = [name for group in table.values() for name in group.split()]
    assert len(set(listed)) == len(listed)
    assert set(listed) <= set(rules())
    return set(listed)


def guests() -> list[str]:
    made = [name for name in GUESTS if not missing_for(name)]
    if lost := sorted({program for name in GUESTS for program in missing_for(name)}):
        pytest.skip(f"not installed, so that not every guest can be made: {', '.join(lost)}")
    return made


def is_there(name: str, path: str) -> bool:
    return whole(name).exists(path) or (name == WIDE and path in ESP)


def gone(name: str, path: str) -> Facts | None:
    if not is_there(name, path):
        return None
    esp = {at: node for at, node in ESP.items() if not f"{at}/".startswith(f"{path}/")}
    return facts(guest(name).changed(dict.fromkeys({path, lies_at(name, path)})), esp)


def unreadable(name: str, path: str) -> Facts | None:
    """A name that is not there is made one that cannot be looked at: whether it leads anywhere is not known then."""
    if path in ESP or path.startswith("/boot/efi/"):
        return None
    at = lies_at(name, path)
    family = guest(name)
    return facts(family if is_there(name, path) else family.changed({at: "x"}), broken=frozenset({at}))


def empty(name: str, path: str) -> Facts | None:
    if path in ESP or not is_there(name, path) or whole(name).is_dir(path):
        return None
    at = lies_at(name, path)
    return facts(guest(name).changed({at: emptied(guest(name).files.get(at))}))


def directory(name: str, path: str) -> Facts | None:
    if path in ESP or not is_there(name, path) or whole(name).is_dir(path):
        return None
    return facts(guest(name).changed({lies_at(name, path): Dir()}))


CHANGES = {
    "gone": (gone, GONE, 2300),
    "unreadable": (unreadable, UNREADABLE, 4500),
    "empty": (empty, EMPTY, 1800),
    "directory": (directory, DIRECTORY, 1800),
}


def outcomes(kind: str) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Give the rules that stay OK or no longer concern the guest, and the guest and the path.

    The first word says which: "ok", "again" where the rule says of the path what it said before, or "unconcerned".
    """
    change, _, least = CHANGES[kind]
    count = 0
    for name in guests():
        for path, before in sorted(spoken_of(name).items()):
            changed = change(name, path)
            if changed is None:
                continue
            after, exempt = judged(changed, tuple(before))
            count += len(before)
            for rule, seen in before.items():
                if rule in exempt and not found_elsewhere(changed, rule, exempt[rule]):
                    yield "unconcerned", rule, (name, path)
                elif rule in after and after[rule].status is Status.OK:
                    spellings = {path, lies_at(name, path)}
                    again = any(item.path in spellings and item.seen in seen for item in after[rule].evidence)
                    yield "again" if again else "ok", rule, (name, path)
    assert count > least


def found_elsewhere(changed: Facts, rule: str, reason: str) -> bool:
    """Whether the rule that the reason names, or another one of the check, is not OK."""
    named = re.search(r"which ([a-z0-9-]+) reports", reason)
    after, _ = judged(changed, (named[1],) if named else fellows(rule))
    return any(result.status is not Status.OK for result in after.values())


@pytest.mark.parametrize("kind", CHANGES)
def test_rules_stay_ok_without_a_file_only_where_a_table_says_why(kind: str) -> None:
    found: dict[str, dict[str, tuple[str, str]]] = {"ok": {}, "again": {}, "unconcerned": {}}
    for outcome, rule, where in outcomes(kind):
        found[outcome].setdefault(rule, where)
    if kind == "gone":  # what is gone is not named as if it were there
        absent = names({NOT_NEEDED: GONE[NOT_NEEDED], VOLUMES: GONE[VOLUMES]})
        assert {rule: where for rule, where in found["again"].items() if rule not in absent} == {}
    found["ok"] |= found.pop("again")
    tables = {"ok": names(CHANGES[kind][1]), "unconcerned": names(UNCONCERNED[kind])}
    for outcome, told in tables.items():
        assert {rule: where for rule, where in found[outcome].items() if rule not in told} == {}, outcome
        assert told - found[outcome].keys() == set(), outcome


def test_every_rule_is_ok_on_some_guest_for_a_file_or_a_table_says_why_not() -> None:
    ok = {rule for name in guests() for before in spoken_of(name).values() for rule in before}
    concerned = {name for name, rule in rules().items() if rule.os != "windows"}
    assert concerned - ok == names(NOT_OF_FILES)
