from __future__ import annotations

import msgspec

from inspector.report import CheckResult, EvidenceInfo, GuestInfo, RuleResult
from inspector.reports import render
from inspector.verdict import Status
from tests.inspector.reports.sample import REPORT

GOLDEN = f"""\
------------------------------------------------------------
    OS: Debian GNU/Linux 12 (bookworm)   Kernel: 6.1.0-50-cloud-amd64
    Arch: x86_64   RTC-Mode: utc   Boot-Mode: bios
------------------------------------------------------------
Image check result
Virtio                    [OK]
Fstab                     [FAILED]
Selinux                   [WARNING]
        Total checks: 3   Success: 1   Failed: 1   Warning: 1
------------------------------------------------------------
Fstab [FAILED]  fstab-devices-exist: one device is not in the image
    /etc/fstab:4  UUID=deadbeef-0000-4000-8000-000000000001 /data ext4 defaults 0 2
    fix: correct the UUID, or add nofail where the mount is optional
Selinux [WARNING] (unknown)  selinux-disabled: a name \\x1b[2J\\x0aof \\xff bytes
    /etc/\\xe9\\u202e SELINUX  {"x" * 400}...
    fix: make what could not be read readable, and check the image again.
Not applicable
    grub-legacy: the guest boots GRUB 2
Problems of the image
    sda2 at byte 1080  xfs is not read so far
"""


def test_the_report_is_as_designed() -> None:
    assert render(REPORT, "text") == GOLDEN


def test_nothing_that_moves_a_cursor_comes_through() -> None:
    text = render(REPORT, "text")
    assert all(char.isprintable() or char == "\n" for char in text)


def test_colour_changes_nothing_but_the_colour() -> None:
    coloured = render(REPORT, "text", colour=True)
    assert "\x1b[31mFAILED\x1b[0m" in coloured
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == GOLDEN


def test_what_is_not_known_of_the_guest_is_said_to_be() -> None:
    text = render(msgspec.structs.replace(REPORT, guest=GuestInfo()), "text")
    assert "    OS: unknown   Kernel: unknown\n    Arch: unknown   RTC-Mode: unknown   Boot-Mode: unknown\n" in text


def test_a_system_without_a_product_name_is_called_by_what_is_known() -> None:
    for guest, name in ((GuestInfo(os="linux", distro="void"), "void"), (GuestInfo(os="windows"), "Windows")):
        assert f"OS: {name}   Kernel" in render(msgspec.structs.replace(REPORT, guest=guest), "text")


def test_rules_that_could_not_be_judged_for_one_reason_are_told_once() -> None:
    seen = [EvidenceInfo("sda1", None, None, 0, "sda1", "xfs is not read so far")]
    rules = [
        RuleResult(name, Status.WARNING, known, "xfs is not read so far", "convert it", seen)
        for name, known in (("a", False), ("b", False), ("c", True))
    ]
    checks = [CheckResult("Fstab", "Fstab", "Fstab", Status.WARNING, rules)]
    text = render(msgspec.structs.replace(REPORT, checks=checks, not_applicable=[], problems=[]), "text")
    assert text.rpartition("-" * 60)[2].splitlines()[1:] == [
        "Fstab [WARNING] (unknown)  a and 1 more: xfs is not read so far",
        "    sda1 at byte 0",
        "    fix: convert it",
        "Fstab [WARNING]  c: xfs is not read so far",
        "    sda1 at byte 0",
        "    fix: convert it",
    ]


def test_a_reason_that_many_checks_share_is_told_once() -> None:
    seen = [EvidenceInfo("sda", None, None, 0, "sda", "blank")]
    unknown = RuleResult("a", Status.WARNING, known=False, message="blank", fix="no", evidence=seen)
    names = ["Virtio", "Nvme", "Fstab", "Grub", "Dhcp"]
    checks = [CheckResult(name, name, name, Status.WARNING, [unknown]) for name in names]
    for shown, wanted in (
        (checks[:2], ["Virtio, Nvme [WARNING] (unknown)  a and 1 more: blank", "    sda at byte 0"]),
        (checks, ["5 checks [WARNING] (unknown)  a and 4 more: blank", "    Virtio, Nvme, Fstab, Grub, Dhcp"]),
    ):
        text = render(msgspec.structs.replace(REPORT, checks=shown, not_applicable=[], problems=[]), "text")
        assert text.rpartition("-" * 60)[2].splitlines()[1:3] == wanted
        assert text.count("fix:") == 1


def test_what_is_told_once_keeps_every_place() -> None:
    checks = [
        CheckResult(name, name, name, Status.WARNING, [
            RuleResult("a", Status.WARNING, known=False, message="broken", fix="no",
                       evidence=[EvidenceInfo(path, None, None, None, "sda1", "broken")]),
        ])
        for name, path in (("Fstab", "/etc/fstab"), ("Grub", "/boot/grub/grub.cfg"), ("Dhcp", "/etc/fstab"))
    ]  # fmt: skip
    text = render(msgspec.structs.replace(REPORT, checks=checks, not_applicable=[], problems=[]), "text")
    assert text.rpartition("-" * 60)[2].splitlines()[1:4] == [
        "Fstab, Grub, Dhcp [WARNING] (unknown)  a and 2 more: broken",
        "    /etc/fstab",
        "    /boot/grub/grub.cfg",
    ]


def test_a_reason_of_very_many_places_names_some_of_them() -> None:
    rules = [
        RuleResult("a", Status.WARNING, known=False, message="broken", fix="no",
                   evidence=[EvidenceInfo(f"/etc/{name}", None, None, None, "sda1", "broken")])
        for name in range(50)
    ]  # fmt: skip
    checks = [CheckResult("Fstab", "Fstab", "Fstab", Status.WARNING, rules)]
    text = render(msgspec.structs.replace(REPORT, checks=checks, not_applicable=[], problems=[]), "text")
    assert "    /etc/15\n    and 34 more, which the JSON report has\n    fix: no\n" in text
    assert "/etc/16" not in text
