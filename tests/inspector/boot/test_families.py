"""The guests of other distributions boot as their loaders have it, and their faults are found where they are."""

from __future__ import annotations

import pytest

from inspector.facts.boot import BootConfig, DefaultKernel
from inspector.facts.platform import Loader
from inspector.rules.grub import RULES
from inspector.rules.kernel import RULES as KERNEL_RULES
from inspector.rules.rule import Rule
from inspector.rules.virtio import RULES as VIRTIO_RULES
from inspector.verdict import NotApplicable, Status, Verdict
from tests.inspector.boot_families import FAMILIES, MACHINE, ROOT_UUID, Family

JUDGED: dict[str, Rule] = {rule.name: rule for rule in (*RULES, *KERNEL_RULES, *VIRTIO_RULES)}
LOADERS = {
    "centos-6": Loader.GRUB_LEGACY, "alpine-3.20": Loader.SYSLINUX, "arch": Loader.SYSTEMD_BOOT,
    **dict.fromkeys(("centos-7", "rhel-8", "rhel-9", "fedora-43"), Loader.GRUB2),
}  # fmt: skip


def verdicts(family: Family) -> dict[str, Verdict]:
    facts = family.facts()
    found: dict[str, Verdict] = {}
    for name, rule in JUDGED.items():
        try:
            found[name] = rule(facts)
        except NotApplicable:
            continue
    return found


def bad(family: Family) -> dict[str, Status]:
    return {name: verdict.status for name, verdict in verdicts(family).items() if verdict.status is not Status.OK}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_good_guest_is_ok(name: str) -> None:
    family = FAMILIES[name]
    found = verdicts(family)
    assert {rule: verdict for rule, verdict in found.items() if verdict.status is not Status.OK} == {}
    assert {
        "grub-default-entry-exists", "grub-boot-files-exist", "grub-root-resolves", "grub-boots-the-system",
        "grub-boots-unattended", "initramfs-holds-the-root-driver", "virtio-disk-driver-boots",
    } <= set(found)  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_the_default_kernel_is_the_one_that_the_loader_boots(name: str) -> None:
    family = FAMILIES[name]
    facts = family.facts()
    kernel = facts[DefaultKernel]
    assert kernel.version == family.version
    assert kernel.value("root") == f"UUID={ROOT_UUID}"
    assert kernel.menu is not None
    assert kernel.menu.loader == LOADERS[name]
    assert kernel.image.mounted
    assert all(file.mounted and file.exists for file in kernel.initramfs)
    if name != "rhel-8":  # there the arguments stand in grubenv
        assert kernel.place.path == family.config
    assert facts[BootConfig].decided is None


FAILED, WARNING = Status.FAILED, Status.WARNING
RHEL8, RHEL9, FEDORA = (FAMILIES[name] for name in ("rhel-8", "rhel-9", "fedora-43"))
CENTOS6, CENTOS7, ALPINE, ARCH = (FAMILIES[name] for name in ("centos-6", "centos-7", "alpine-3.20", "arch"))
V6, V8, V9 = CENTOS6.version, RHEL8.version, RHEL9.version
ENTRY8, ENTRY9 = f"/loader/entries/{MACHINE}-{V8}.conf", f"/loader/entries/{MACHINE}-{V9}.conf"
FAULTS: list[tuple[str, Family, dict[str, Status], str]] = [
    ("centos 6: the kernel is gone", CENTOS6.changed("boot", {f"/vmlinuz-{V6}": None}),
     {"grub-boot-files-exist": FAILED, "default-kernel-is-complete": FAILED}, "/boot/grub/grub.conf:9"),
    ("centos 6: no timeout", CENTOS6.edited("boot", "/grub/grub.conf", "timeout=5\n", ""),
     {"grub-boots-unattended": FAILED}, "/boot/grub/grub.conf"),
    ("centos 6: a default that is not there", CENTOS6.edited("boot", "/grub/grub.conf", "default=0", "default=4"),
     {"grub-default-entry-exists": WARNING}, "/boot/grub/grub.conf:3"),
    ("centos 6: single user", CENTOS6.edited("boot", "/grub/grub.conf", "rhgb", "single"),
     {"grub-boots-the-system": FAILED}, "/boot/grub/grub.conf:9"),
    ("centos 6: another partition", CENTOS6.edited("boot", "/grub/grub.conf", "root (hd0,0)", "root (hd0,7)"),
     {"grub-boot-files-exist": FAILED, "default-kernel-is-complete": FAILED, "initramfs-holds-the-root-driver": FAILED,
      "virtio-disk-driver-boots": FAILED}, "/boot/grub/grub.conf:9"),
    ("centos 6: a lock", CENTOS6.edited("boot", "/grub/grub.conf", "hiddenmenu", "password x").edited(
        "boot", "/grub/grub.conf", "\troot (hd0,0)\n", "\tlock\n\troot (hd0,0)\n"),
     {"grub-boots-unattended": FAILED}, "/boot/grub/grub.conf:7"),
    ("centos 7: a saved entry that is gone", CENTOS7.edited("boot", "/grub2/grubenv", "7 (Core)", "8 (Core)"),
     {"grub-default-entry-exists": WARNING}, "/boot/grub2/grubenv:2"),
    ("rhel 8: no environment block, which decides nothing then",
     RHEL8.changed("boot", {"/grub2/grubenv": None}), {}, ""),
    ("rhel 8: another root", RHEL8.edited("boot", "/grub2/grubenv", ROOT_UUID, ROOT_UUID.replace("a", "d")),
     {"grub-root-resolves": FAILED}, f"/boot{ENTRY8}:5"),
    ("rhel 9: no entries", RHEL9.changed("boot", dict.fromkeys(
        path for path in RHEL9.boot if path.startswith("/loader/"))),
     {"grub-config-exists": FAILED}, "/boot/grub2/grub.cfg"),
    ("rhel 9: the default has gone", RHEL9.changed("boot", {ENTRY9: None}),
     {"grub-default-entry-exists": WARNING}, "/boot/grub2/grubenv:2"),
    ("rhel 9: rd.break", RHEL9.edited("boot", ENTRY9, "console=ttyS0", "rd.break"),
     {"grub-boots-the-system": FAILED}, f"/boot{ENTRY9}:5"),
    ("rhel 9: a password", RHEL9.edited("boot", ENTRY9, "$grub_users", "root").edited(
        "boot", "/grub2/grub.cfg", "set timeout=5", "set superusers=root\nset timeout=5"),
     {"grub-boots-unattended": FAILED}, f"/boot{ENTRY9}:3"),
    ("rhel 9: the stub searches for nothing", RHEL9.edited("esp", "/EFI/redhat/grub.cfg", "b0000000", "c0000000"),
     {"grub-config-exists": WARNING, "grub-searches-resolve": WARNING}, "/boot/efi/EFI/redhat/grub.cfg:1"),
    ("fedora: the second entry, after three failed boots",
     FEDORA.edited("boot", "/grub2/grubenv", "boot_success=1", "boot_success=0\nboot_counter=0"), {}, ""),
    ("alpine: no timeout", ALPINE.edited("boot", "/extlinux.conf", "TIMEOUT 30", "TIMEOUT 0"),
     {"grub-boots-unattended": FAILED}, "/boot/extlinux.conf:7"),
    ("alpine: the RAM disk is gone", ALPINE.changed("boot", {"/initramfs-virt": None}),
     {"grub-boot-files-exist": FAILED, "default-kernel-is-complete": FAILED, "initramfs-holds-the-root-driver": FAILED,
      "virtio-disk-driver-boots": FAILED}, "/boot/extlinux.conf:12"),
    ("alpine: no labels", ALPINE.edited("boot", "/extlinux.conf", "LABEL", "#"), {"grub-config-exists": FAILED},
     "/boot/extlinux.conf"),
    ("alpine: a root by name", ALPINE.edited("boot", "/extlinux.conf", f"UUID={ROOT_UUID}", "/dev/sda2"),
     {"grub-root-resolves": FAILED}, "/boot/extlinux.conf:13"),
    ("arch: the kernel is gone, and with it both entries", ARCH.changed("esp", {"/vmlinuz-linux": None}),
     {"grub-config-exists": FAILED, "grub-config-parses": WARNING}, "/boot/loader/loader.conf"),
    ("arch: a default that is not there", ARCH.edited("esp", "/loader/loader.conf", "arch.conf", "arch"),
     {"grub-default-entry-exists": WARNING}, "/boot/loader/loader.conf:1"),
    ("arch: a menu without end", ARCH.edited("esp", "/loader/loader.conf", "timeout  4", "timeout menu-force"),
     {"grub-boots-unattended": FAILED}, "/boot/loader/loader.conf:2"),
    ("arch: the RAM disk is gone", ARCH.changed("esp", {"/initramfs-linux.img": None}),
     {"grub-boot-files-exist": FAILED, "default-kernel-is-complete": FAILED, "initramfs-holds-the-root-driver": FAILED,
      "virtio-disk-driver-boots": FAILED}, "/boot/loader/entries/arch.conf:3"),
    ("arch: another root", ARCH.edited("esp", "/loader/entries/arch.conf", ROOT_UUID, "dead"),
     {"grub-root-resolves": FAILED}, "/boot/loader/entries/arch.conf:4"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "wanted", "place"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_fault_is_found_at_its_place(family: Family, wanted: dict[str, Status], place: str) -> None:
    found = verdicts(family)
    for name, status in wanted.items():
        assert (name, found[name].status) == (name, status)
    unwanted = {name: verdict for name, verdict in found.items() if verdict.status is FAILED and name not in wanted}
    assert unwanted == {}
    assert {name for name in bad(family) if name not in wanted and found[name].known} == set()
    if place and wanted:
        first = found[next(iter(wanted))]
        assert place in {str(evidence.place) for evidence in first.evidence}
