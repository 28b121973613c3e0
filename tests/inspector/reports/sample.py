"""A report made by hand, with everything in it that a format has to show."""

from __future__ import annotations

from typing import Final

from inspector.report import (
    CheckResult,
    Cost,
    DiskInfo,
    EvidenceInfo,
    Exemption,
    GuestInfo,
    ImageInfo,
    ProblemInfo,
    Report,
    RuleResult,
    Summary,
    Tool,
)
from inspector.verdict import Status
from parsers.linux.adjtime import ClockMode

IMAGE: Final = ImageInfo("disk.qcow2", "qcow2", 4 << 30, 600_000_000)
REPORT: Final = Report(
    schema_version=1,
    tool=Tool("inspector", "9.9.9"),
    profile="ecs",
    image=IMAGE,
    disks=[DiskInfo("sda", IMAGE)],
    guest=GuestInfo(
        os="linux",
        distro="debian",
        version="12",
        product="Debian GNU/Linux 12 (bookworm)",
        kernel="6.1.0-50-cloud-amd64",
        architecture="x86_64",
        rtc_mode=ClockMode.UTC,
        boot_mode="bios",
        hostname="golden",
    ),
    verdict=Status.FAILED,
    summary=Summary(total=3, ok=1, warning=1, failed=1),
    checks=[
        CheckResult(
            "Virtio",
            "GUESTOS.Virtio",
            "Drivers for virtio",
            Status.OK,
            [
                RuleResult(
                    "virtio-in-initramfs",
                    Status.OK,
                    True,
                    "all drivers are there",
                    "add them",
                    [EvidenceInfo("/boot/initrd.img-6.1.0-50-cloud-amd64", None, None, 512, "sda1", "virtio_blk.ko")],
                )
            ],
        ),
        CheckResult(
            "Fstab",
            "GUESTOS.Fstab",
            "What is mounted is there",
            Status.FAILED,
            [
                RuleResult(
                    "fstab-parses",
                    Status.OK,
                    True,
                    "fine",
                    "edit",
                    [EvidenceInfo("/etc/fstab", 1, None, None, "sda1", "4")],
                ),
                RuleResult(
                    "fstab-devices-exist",
                    Status.FAILED,
                    True,
                    "one device is not in the image",
                    "correct the UUID, or add nofail where the mount is optional",
                    [
                        EvidenceInfo(
                            "/etc/fstab",
                            4,
                            None,
                            None,
                            "sda1",
                            "UUID=deadbeef-0000-4000-8000-000000000001 /data ext4 defaults 0 2",
                        )
                    ],
                ),
            ],
        ),
        CheckResult(
            "Selinux",
            "GUESTOS.Selinux",
            "SELinux does not stand in the way",
            Status.WARNING,
            [
                RuleResult(
                    "selinux-disabled",
                    Status.WARNING,
                    False,
                    "a name \x1b[2J\nof \udcff bytes",
                    "make what could not be read readable, and check the image again.",
                    [EvidenceInfo("/etc/\udce9\u202e", None, "SELINUX", None, None, "x" * 1000)],
                )
            ],
        ),
    ],
    not_applicable=[Exemption("grub-legacy", "the guest boots GRUB 2")],
    problems=[ProblemInfo("sda2", None, None, 1080, "sda2", "xfs is not read so far")],
    cost=Cost(0.1234, 1_000_000),
)
