from __future__ import annotations

from typing import Any

import pytest

from fixtures.kernel import elf
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.platform import Architecture, BootChain, BootModes, ChainState, EfiLoader
from inspector.guest import Guest
from inspector.rules.boot_mode import (
    boot_loader_installed,
    boot_mode_matches_declared,
    boot_modes_are_whole,
    efi_loader_fits_architecture,
    efi_mount_has_partition,
    grub_files_match_boot_code,
    uefi_fallback_loader_exists,
)
from inspector.rules.rule import Rule
from inspector.verdict import Evidence, NotApplicable, Status
from parsers.linux.fstab import Fstab, parse_fstab
from parsers.place import Place
from tests.inspector.boots import CFG, VMLINUZ
from tests.inspector.boots import facts as booted
from tests.memory_tree import guest_of

SECTOR = Place("disk.raw", offset=0)
ESP = Place("sda1", offset=1 << 20, volume="sda1")
FALLBACK = EfiLoader(Place("/EFI/BOOT/BOOTX64.EFI", volume="sda1"), fallback=True, machine="x86_64")
VENDOR = EfiLoader(Place("/EFI/debian/grubx64.efi", volume="sda1"), fallback=False, machine="x86_64")
FLAWED = EfiLoader(FALLBACK.place, fallback=True, machine=None, flaw="no EFI loader")


def chain(state: str, place: Place) -> BootChain:
    return BootChain(ChainState(state), f"it is {state}", (Evidence(place, state),))


def facts(
    bios: str = "absent",
    uefi: str = "absent",
    *loaders: EfiLoader,
    machine: str = "x86_64",
    files: dict[str, Any] | None = None,
    grub: bool = False,
) -> Facts:
    return Facts(
        {
            BootModes: BootModes(chain(bios, SECTOR), chain(uefi, ESP), loaders, grub),
            Architecture: Architecture(machine, 64, Place("/sbin/init")),
            Guest: guest_of(files or {"/etc/fstab": ""}),
        }
    )


@pytest.mark.parametrize(
    ("bios", "uefi", "mode"),
    [
        ("complete", "absent", "bios"),
        ("broken", "complete", "uefi"),
        ("complete", "complete", "both"),
        ("complete", "unknown", "bios"),
    ],
)
def test_one_complete_chain_is_enough(bios: str, uefi: str, mode: str) -> None:
    made = facts(bios, uefi, FALLBACK)
    assert boot_loader_installed(made).status is Status.OK
    assert made[BootModes].mode == mode


@pytest.mark.parametrize(("bios", "uefi"), [("absent", "absent"), ("broken", "absent"), ("broken", "broken")])
def test_no_complete_chain_fails_with_both_places(bios: str, uefi: str) -> None:
    verdict = boot_loader_installed(facts(bios, uefi))
    assert verdict.status is Status.FAILED
    assert [item.place for item in verdict.evidence] == [SECTOR, ESP]
    assert facts(bios, uefi)[BootModes].mode == "none"
    # The advised fix: grub-install completes one of them.
    assert boot_loader_installed(facts("complete", uefi)).status is Status.OK


@pytest.mark.parametrize(("bios", "uefi"), [("unknown", "absent"), ("broken", "unknown")])
def test_a_chain_that_is_not_known_is_never_ok(bios: str, uefi: str) -> None:
    verdict = boot_loader_installed(facts(bios, uefi))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert facts(bios, uefi)[BootModes].mode is None


def test_other_machines_have_other_firmware() -> None:
    with pytest.raises(NotApplicable, match="s390x"):
        boot_loader_installed(facts(machine="s390x"))
    made = Facts({BootModes: facts()[BootModes], Architecture: UnknownFact("no program")})
    assert boot_loader_installed(made).status is Status.FAILED


def test_half_of_the_other_mode_is_a_warning_at_its_place() -> None:
    assert boot_modes_are_whole(facts("complete", "absent")).status is Status.OK
    assert boot_modes_are_whole(facts("complete", "complete")).status is Status.OK
    verdict = boot_modes_are_whole(facts("complete", "broken"))
    assert verdict.status is Status.WARNING
    assert verdict.evidence == (Evidence(ESP, "broken"),)
    assert boot_modes_are_whole(facts("broken", "complete")).evidence == (Evidence(SECTOR, "broken"),)
    verdict = boot_modes_are_whole(facts("unknown", "complete"))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    with pytest.raises(NotApplicable):
        boot_modes_are_whole(facts("broken", "broken"))


def test_a_fallback_loader_is_wanted_where_uefi_starts_the_guest() -> None:
    verdict = uefi_fallback_loader_exists(facts("absent", "complete", FALLBACK, VENDOR))
    assert verdict.status is Status.OK
    assert verdict.evidence[0].place == FALLBACK.place
    for loaders in ((VENDOR,), (VENDOR, FLAWED)):
        verdict = uefi_fallback_loader_exists(facts("absent", "complete", *loaders))
        assert verdict.status is Status.WARNING
        assert verdict.evidence
    verdict = uefi_fallback_loader_exists(facts("absent", "unknown"))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    for state in ("absent", "broken"):
        with pytest.raises(NotApplicable):
            uefi_fallback_loader_exists(facts("complete", state))


def test_a_loader_for_another_machine_fails() -> None:
    assert efi_loader_fits_architecture(facts("absent", "complete", FALLBACK)).status is Status.OK
    assert efi_loader_fits_architecture(facts("absent", "complete", FALLBACK, machine="i386")).status is Status.OK
    verdict = efi_loader_fits_architecture(facts("absent", "complete", FALLBACK, machine="aarch64"))
    assert verdict.status is Status.FAILED
    assert [item.place.path for item in verdict.evidence] == ["/sbin/init", "/EFI/BOOT/BOOTX64.EFI"]
    verdict = efi_loader_fits_architecture(facts("complete", "complete", FALLBACK, machine="aarch64"))
    assert verdict.status is Status.WARNING
    # The advised fix: a loader of the system's own architecture.
    own = EfiLoader(Place("/EFI/BOOT/BOOTAA64.EFI", volume="sda1"), fallback=True, machine="aarch64")
    assert efi_loader_fits_architecture(facts("absent", "complete", own, machine="aarch64")).status is Status.OK
    with pytest.raises(NotApplicable):
        efi_loader_fits_architecture(facts("complete", "broken", FLAWED))
    modes = facts("absent", "complete", FALLBACK)[BootModes]
    verdict = efi_loader_fits_architecture(Facts({BootModes: modes, Architecture: UnknownFact("no program")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


MODULES = {"/boot/grub/i386-pc/normal.mod": elf(kind=1)}


def test_grub_files_and_boot_code_belong_together() -> None:
    assert grub_files_match_boot_code(facts("complete", files=MODULES, grub=True)).status is Status.OK
    verdict = grub_files_match_boot_code(facts("complete", files={"/boot/grub/grub.cfg": ""}, grub=True))
    assert verdict.status is Status.WARNING
    assert verdict.evidence[-1].place == Place("/boot/grub/i386-pc")
    for broken in (b"", b"no module", elf(machine=183, kind=1)):
        files = {"/boot/grub/i386-pc/normal.mod": broken}
        assert grub_files_match_boot_code(facts("complete", files=files, grub=True)).status is Status.WARNING
    verdict = grub_files_match_boot_code(facts("absent", files=MODULES))
    assert verdict.status is Status.WARNING
    assert verdict.evidence[0].place == Place("/boot/grub/i386-pc")
    assert grub_files_match_boot_code(facts("absent", "complete", FALLBACK, files=MODULES)).status is Status.OK
    verdict = grub_files_match_boot_code(facts("unknown", files=MODULES))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    with pytest.raises(NotApplicable):
        grub_files_match_boot_code(facts("complete"))


def with_grub(change: dict[str, Any] | None = None) -> Facts:
    made = booted(change)
    modes = facts("complete", grub=True)[BootModes]
    return Facts({Storage: made[Storage], Guest: made[Guest], BootModes: modes}, COLLECTORS)


def test_a_menu_of_boot_entries_needs_its_module() -> None:
    entry, module = "/boot/loader/entries/a.conf", "/boot/grub/i386-pc/blscfg.mod"
    menu = {CFG: "insmod blscfg\nblscfg\n", entry: f"title a\nlinux {VMLINUZ}\noptions root=/dev/sda1\n"}
    lacking = grub_files_match_boot_code(with_grub(menu))
    assert (lacking.status, [item.place.path for item in lacking.evidence]) == (Status.WARNING, [entry, module])
    assert grub_files_match_boot_code(with_grub({**menu, module: elf(kind=1)})).status is Status.OK
    assert grub_files_match_boot_code(with_grub({**menu, module: b""})).status is Status.WARNING
    assert grub_files_match_boot_code(with_grub()).status is Status.OK, "no boot entries"


@pytest.mark.parametrize(
    ("declared", "bios", "uefi", "status"),
    [
        ("bios", "complete", "absent", Status.OK),
        ("uefi", "broken", "complete", Status.OK),
        ("both", "complete", "complete", Status.OK),
        ("uefi", "complete", "absent", Status.FAILED),
        ("both", "complete", "broken", Status.FAILED),
        ("bios", "unknown", "complete", Status.WARNING),
    ],
)
def test_the_declared_mode_is_the_one_that_counts(declared: str, bios: str, uefi: str, status: Status) -> None:
    verdict = boot_mode_matches_declared(facts(bios, uefi), declared=declared)
    assert verdict.status is status
    assert verdict.known is (status is not Status.WARNING)
    if status is Status.FAILED:
        assert [item.place for item in verdict.evidence] == [ESP]
        # The advised fix: declare what is installed.
        assert boot_mode_matches_declared(facts(bios, uefi), declared="bios").status is Status.OK
    with pytest.raises(NotApplicable):
        boot_mode_matches_declared(facts(bios, uefi), declared="any")


def mounting(line: str, uefi: str = "absent", *, partition: bool = False) -> Facts:
    modes = BootModes(chain("complete", SECTOR), chain(uefi, ESP), has_system_partition=partition)
    return Facts({Fstab: parse_fstab(f"# comment\n{line}\n"), BootModes: modes})


EFI_LINE = "UUID=CAFE-BABE /boot/efi vfat umask=0077 0 1"


def test_a_mount_of_the_system_partition_needs_one() -> None:
    assert efi_mount_has_partition(mounting(EFI_LINE, "complete", partition=True)).status is Status.OK
    assert efi_mount_has_partition(mounting(EFI_LINE, "broken", partition=True)).status is Status.OK
    verdict = efi_mount_has_partition(mounting(EFI_LINE))
    assert verdict.status is Status.FAILED
    assert verdict.evidence[0].place == Place("/etc/fstab", 2)
    # The advised fix: nofail, or no such line.
    assert efi_mount_has_partition(mounting(EFI_LINE.replace("umask=0077", "nofail"))).status is Status.OK
    for line in ("", "UUID=x / ext4", EFI_LINE.replace("umask=0077", "noauto")):
        with pytest.raises(NotApplicable):
            efi_mount_has_partition(mounting(line))
    verdict = efi_mount_has_partition(Facts({Fstab: UnknownFact("/etc/fstab cannot be read")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize(
    "judged",
    [
        boot_loader_installed,
        boot_modes_are_whole,
        uefi_fallback_loader_exists,
        efi_loader_fits_architecture,
        grub_files_match_boot_code,
    ],
    ids=lambda item: str(item.name),
)
def test_unknown_is_never_ok(judged: Rule) -> None:
    verdict = judged(Facts({BootModes: UnknownFact("the disk cannot be read")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert "the disk cannot be read" in verdict.evidence[0].seen


def test_an_unknown_chain_is_never_what_was_declared() -> None:
    verdict = boot_mode_matches_declared(Facts({BootModes: UnknownFact("the disk cannot be read")}), declared="bios")
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
