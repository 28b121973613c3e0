"""What holds of all rules about Windows: the golden guest is OK, and what stands in a hive is unknown without it."""

from __future__ import annotations

import functools
from typing import Final

import pytest

from inspector.report import RuleResult
from inspector.rules import rules
from inspector.verdict import Status
from tests.inspector.absence import judged
from tests.windows import CONFIG, golden

pytestmark = pytest.mark.corpus

NAMES: Final = tuple(name for name, rule in rules().items() if rule.os == "windows")
OTHERWISE: Final = {"windows-ids-are-not-shared": Status.WARNING, "windows-image-is-generalised": Status.FAILED}
"""The golden guest is a machine that was installed, and not prepared for copies."""
OF_WINDOWS_7: Final = "windows-checks-sha2-signatures"
READS: Final = {
    "SYSTEM SOFTWARE": """
        windows-core-network-services-start windows-dhcp-client-starts windows-firewall-lets-rdp-in
        windows-goes-through-no-proxy windows-has-no-other-antivirus windows-host-name-has-one-owner
        windows-installs-devices windows-ip-helper-starts windows-name-servers-come-from-dhcp
        windows-no-update-is-under-way windows-nvme-driver-boots windows-rdp-is-enabled
        windows-rdp-needs-no-ipsec windows-setup-is-not-under-way windows-starts-its-own-programs
        windows-takes-the-time-from-a-server windows-time-service-starts windows-update-service-starts
        windows-virtio-disk-is-matched windows-virtio-drivers-are-recent
        windows-virtio-drivers-match-their-signatures windows-virtio-net-is-matched
        windows-virtio-packages-are-whole
    """,
    "SOFTWARE": """
        windows-checks-sha2-signatures windows-cloudbase-init-state-is-gone windows-desktop-settings-are-there
        windows-edition-does-not-expire windows-has-no-known-bad-update windows-image-can-be-deployed
        windows-image-is-generalised windows-licence-server-is-reachable windows-policies-let-devices-in
        windows-profiles-are-whole windows-release-is-maintained windows-release-is-supported
        windows-system-drive-keeps-its-letter windows-update-server-is-reachable windows-user-data-can-run
    """,
    "SAM": "windows-administrator-can-log-on windows-no-account-lacks-a-password",
    "SAM SECURITY": "windows-administrators-may-log-on-remotely",
    "SYSTEM SECURITY": "windows-belongs-to-no-domain",
    "SOFTWARE SECURITY": "windows-does-not-log-on-by-itself",
    "SYSTEM SOFTWARE SAM": "windows-ids-are-not-shared",
    "SYSTEM SOFTWARE SAM SECURITY": "windows-hives-are-written-completely",
    "SYSTEM SOFTWARE SAM SECURITY DEFAULT": "windows-hives-are-small-enough",
    "": """
        windows-bcd-starts-windows windows-boot-manager-exists windows-boot-menu-leads-to-systems
        windows-boot-sector-knows-its-place windows-boot-sector-starts-the-boot-manager
        windows-boot-store-is-written-completely windows-boot-waits-for-nobody
        windows-checks-signatures-of-drivers windows-hives-load windows-is-not-debugged
        windows-is-not-hibernated windows-partitions-are-large-enough windows-partitions-are-shown
        windows-recovery-is-there windows-starts-again-after-a-failure windows-starts-in-normal-mode
        windows-starts-its-default-entry windows-system-drive-can-grow windows-system-drive-is-ntfs
        windows-system-files-are-there windows-system-may-use-its-drive windows-system-partition-is-readable
        windows-uses-the-whole-machine windows-virtio-driver-files-are-writable windows-vminit-left-nothing
    """,
}
"""The hives without which a rule is not known, for those that need other ones than SYSTEM alone."""
HIVES: Final = {name: hives for hives, names in READS.items() for name in names.split()}


@functools.cache
def said(hive: str = "", content: bytes | None = None) -> tuple[dict[str, RuleResult], dict[str, str]]:
    """Return what all rules say of the golden guest, with another content of a hive."""
    return judged(golden(files={f"{CONFIG}/{hive}": content} if hive else {}), NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_golden_guest_is_ok(name: str) -> None:
    results, exempt = said()
    if name == OF_WINDOWS_7:
        assert name in exempt
    else:
        assert (results[name].status, results[name].known) == (OTHERWISE.get(name, Status.OK), True)


@pytest.mark.parametrize("hive", ["SYSTEM", "SOFTWARE", "SAM", "SECURITY", "DEFAULT"])
@pytest.mark.parametrize("content", [None, b"", b"regf"], ids=["absent", "empty", "broken"])
def test_without_a_hive_nothing_that_reads_it_is_known(hive: str, content: bytes | None) -> None:
    results, exempt = said(hive, content)
    unknown = {name for name, result in results.items() if not result.known}
    assert unknown == {name for name in NAMES if hive in HIVES.get(name, "SYSTEM").split()} - set(exempt)
    assert {results[name].status for name in unknown} == {Status.WARNING}
    assert results["windows-hives-load"].status is Status.FAILED


def test_the_table_names_rules() -> None:
    assert HIVES.keys() <= set(NAMES)
