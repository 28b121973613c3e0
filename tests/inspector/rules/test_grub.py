from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from fixtures.files import Node
from fixtures.golden import KERNEL, ROOT_UUID
from inspector.disks.disk import Volume
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig, DefaultKernel
from inspector.rules.grub import (
    RULES,
    grub_boot_files_exist,
    grub_boots_the_system,
    grub_boots_unattended,
    grub_config_exists,
    grub_config_parses,
    grub_default_entry_exists,
    grub_menus_agree,
    grub_resume_device_exists,
    grub_root_resolves,
    grub_searches_resolve,
    grub_settings_are_applied,
)
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from tests.inspector.boots import (
    CFG,
    INITRD,
    INITRD_LINE,
    LINUX_LINE,
    OTHER_UUID,
    SEARCH_LINE,
    SETTINGS,
    VMLINUZ,
    arguments,
    changed,
    facts,
    text,
)
from tests.volumes import volume_of

Change = Mapping[str, Node | None]
ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
STUB = f"search.fs_uuid {ROOT_UUID} root hd0,gpt2\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n"


def esp(stub: str) -> Volume:
    volume = volume_of({"/EFI/debian/grub.cfg": stub}, 2, "vfat", uuid="7B77-95E7")
    assert volume.partition is not None
    volume.partition = replace(volume.partition, type=ESP_TYPE)
    return volume


def places(verdict: Verdict) -> set[str]:
    return {f"{e.place.path}:{e.place.line}" if e.place.line else e.place.path for e in verdict.evidence}


ALWAYS = [rule for rule in RULES if rule not in (grub_resume_device_exists, grub_menus_agree)]


@pytest.mark.parametrize("rule", ALWAYS, ids=lambda rule: rule.name)
def test_the_golden_guest_is_ok(rule: Rule) -> None:
    verdict = rule(facts())
    assert verdict.status is Status.OK, verdict
    assert all(place.startswith(("/boot/grub", "/etc/default")) for place in places(verdict))


LINUX = f"{CFG}:{LINUX_LINE}"
BEHIND = f"{CFG}:{text(CFG).count(chr(10)) + 1}"
FAULTS: list[tuple[Rule, Change, Status, str]] = [
    (grub_config_exists, {CFG: None}, Status.FAILED, CFG),
    (grub_config_exists, {CFG: "set default=0\n"}, Status.FAILED, CFG),
    (grub_config_parses, {CFG: text(CFG) + "menuentry 'x' {\n"}, Status.WARNING, BEHIND),
    (grub_config_parses, {CFG: text(CFG) + "if true; then fi\n"}, Status.WARNING, BEHIND),
    (grub_default_entry_exists, changed(CFG, 'set default="0"', 'set default="7"'), Status.WARNING, CFG),
    (grub_searches_resolve, changed(CFG, f"--set=root {ROOT_UUID}", f"--set=root {OTHER_UUID}"), Status.FAILED,
     f"{CFG}:{SEARCH_LINE}"),
    (grub_boot_files_exist, {VMLINUZ: None}, Status.FAILED, LINUX),
    (grub_boot_files_exist, {INITRD: None}, Status.FAILED, f"{CFG}:{INITRD_LINE}"),
    (grub_boot_files_exist, {INITRD: b""}, Status.FAILED, INITRD),
    (grub_root_resolves, changed(CFG, f"root=UUID={ROOT_UUID}", f"root=UUID={OTHER_UUID}"), Status.FAILED,
     LINUX),
    (grub_root_resolves, changed(CFG, f"root=UUID={ROOT_UUID}", "root=/dev/sda1"), Status.FAILED, LINUX),
    (grub_root_resolves, changed(CFG, f"root=UUID={ROOT_UUID}", "quiet"), Status.FAILED, LINUX),
    (grub_root_resolves, changed(CFG, f"root=UUID={ROOT_UUID}", "root=LABEL=none"), Status.FAILED, LINUX),
    *((grub_boots_the_system, arguments(word), Status.FAILED, LINUX) for word in (
        "init=/bin/sh", "init=/usr/bin/bash", "init=/no/such/init", "single", "1", "S", "rd.break",
        "rd.break=pre-mount",
        "break=premount", "systemd.unit=rescue.target", "systemd.unit=emergency", "rdinit=/bin/sh", "emergency",
    )),
    (grub_boots_unattended, {CFG: text(CFG).replace("set timeout=5", "set timeout=-1")}, Status.FAILED, f"{CFG}:67"),
    (grub_boots_unattended, {CFG: text(CFG).replace("set timeout=5", "true")}, Status.FAILED, CFG),
    (grub_boots_unattended, {CFG: "set superusers=a\npassword a x\n" + text(CFG)}, Status.FAILED, f"{CFG}:1"),
    (grub_resume_device_exists, arguments(f"resume=UUID={OTHER_UUID}"), Status.WARNING, LINUX),
    (grub_resume_device_exists, arguments("resume=/dev/sda5"), Status.WARNING, LINUX),
    (grub_settings_are_applied, changed(CFG, " biosdevname=0", " "), Status.WARNING, f"{SETTINGS}:7"),
    (grub_settings_are_applied, changed(CFG, " quiet", " quiet audit=0"), Status.WARNING, LINUX),
    (grub_settings_are_applied, changed(SETTINGS, "#GRUB_DISABLE", "GRUB_DISABLE"), Status.WARNING, f"{SETTINGS}:8"),
    (grub_settings_are_applied, changed(SETTINGS, '"quiet"', '"root=/dev/sda1"'), Status.WARNING, f"{SETTINGS}:6"),
    (grub_settings_are_applied, changed(SETTINGS, '"quiet"', '"$(cat /x)"'), Status.WARNING, f"{SETTINGS}:6"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "change", "status", "place"), FAULTS)
def test_a_fault_is_found_at_its_place(rule: Rule, change: Change, status: Status, place: str) -> None:
    verdict = rule(facts(change))
    assert verdict.status is status, verdict
    assert any(found == place or found.startswith(f"{place}:") for found in places(verdict)), verdict.evidence


def test_the_advised_fixes_make_it_ok() -> None:
    # update-grub names the root by its UUID; the arguments of /etc/default/grub are those of the entry
    broken = changed(CFG, f"root=UUID={ROOT_UUID}", "root=/dev/sda1")
    assert grub_root_resolves(facts(broken)).status is Status.FAILED
    assert grub_root_resolves(facts({CFG: text(CFG)})).status is Status.OK
    # resume= taken out
    with pytest.raises(NotApplicable):
        grub_resume_device_exists(facts(arguments("noresume")))
    # the stale argument written into the settings
    stale = {**changed(CFG, " quiet", " quiet audit=0"), **changed(SETTINGS, '"quiet"', '"quiet audit=0"')}
    assert grub_settings_are_applied(facts(stale)).status is Status.OK
    # --unrestricted for the entry; a timeout that ends
    asks = 'set superusers="admin"\n' + text(CFG)
    assert grub_boots_unattended(facts({CFG: asks})).status is Status.FAILED
    free = asks.replace("--class debian", "--unrestricted --class debian")
    assert grub_boots_unattended(facts({CFG: free})).status is Status.OK
    # grub-set-default with an entry that is there
    saved = changed(CFG, 'set default="0"', f'set default="gnulinux-advanced-{ROOT_UUID}>0"')
    verdict = grub_default_entry_exists(facts(saved))
    assert verdict.status is Status.OK
    assert "with Linux" in verdict.message


def test_a_swap_volume_may_be_resumed_from() -> None:
    swap = volume_of(None, 5, "swap", uuid=OTHER_UUID)
    assert grub_resume_device_exists(facts(arguments(f"resume=UUID={OTHER_UUID}"), swap)).status is Status.OK


def test_arguments_behind_the_dashes_reach_init_all_the_same() -> None:
    change = changed(CFG, "console=ttyS0,115200n8 quiet", "console=ttyS0,115200n8 quiet -- single")
    assert grub_boots_the_system(facts(change)).status is Status.FAILED


def test_root_may_be_named_by_partition_but_must_be_the_root() -> None:
    spec = f"root=UUID={ROOT_UUID}"
    assert grub_root_resolves(facts(changed(CFG, spec, "root=PARTUUID=deadbeef-01"))).status is Status.OK
    other = volume_of({"/x": ""}, 2, uuid=OTHER_UUID)
    verdict = grub_root_resolves(facts(changed(CFG, spec, f"root=UUID={OTHER_UUID}"), other))
    assert verdict.status is Status.FAILED
    assert "sda2" in verdict.message


def test_what_may_lie_in_something_unread_is_unknown() -> None:
    lvm = volume_of(None, 2, "LVM2_member", uuid="x", reason="LVM2_member is not read so far")
    verdict = grub_root_resolves(facts(changed(CFG, f"root=UUID={ROOT_UUID}", "root=/dev/mapper/vg-root"), lvm))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    search = grub_boot_files_exist(facts(changed(CFG, f"--set=root {ROOT_UUID}", f"--set=root {OTHER_UUID}"), lvm))
    assert (search.status, search.known) == (Status.WARNING, False)


def test_the_stub_on_the_efi_system_partition_is_followed() -> None:
    both = facts({}, esp(STUB))
    verdict = grub_config_exists(both)
    assert verdict.status is Status.OK
    assert places(verdict) == {CFG, "/EFI/debian/grub.cfg"}
    assert grub_menus_agree(both).status is Status.OK
    assert grub_searches_resolve(both).status is Status.OK


def test_a_stub_that_leads_nowhere_is_found() -> None:
    lost = facts({}, esp(STUB.replace(ROOT_UUID, OTHER_UUID)))
    verdict = grub_config_exists(lost)
    assert verdict.status is Status.WARNING  # there is no loader for UEFI; the BIOS boots
    assert "/EFI/debian/grub.cfg:1" in places(verdict)
    assert grub_searches_resolve(lost).status is Status.WARNING
    alone = facts({CFG: None}, esp(STUB))
    verdict = grub_config_exists(alone)
    assert verdict.status is Status.FAILED
    assert "/EFI/debian/grub.cfg:3" in places(verdict)


def test_menus_that_disagree_are_found() -> None:
    other = text(CFG).replace(" quiet", " quiet audit=0")
    verdict = grub_menus_agree(facts({}, esp(other)))
    assert verdict.status is Status.WARNING
    assert f"{CFG}:80" in places(verdict)
    with pytest.raises(NotApplicable):
        grub_menus_agree(facts())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    reason = UnknownFact("no root file system")
    verdict = rule(Facts({BootConfig: reason, DefaultKernel: reason}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert "no root file system" in verdict.evidence[0].seen


@pytest.mark.parametrize("rule", [grub_boot_files_exist, grub_root_resolves, grub_boots_the_system])
def test_another_loader_or_no_entry_at_all_is_unknown(rule: Rule) -> None:
    for change in (
        {CFG: None, "/boot/loader/loader.conf": "timeout 3\n"},
        {CFG: "insmod blscfg\nblscfg\n"},
        {CFG: "menuentry Windows { chainloader /EFI/Microsoft/Boot/bootmgfw.efi; }\n"},
    ):
        verdict = rule(facts(change))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_what_is_not_evaluated_is_not_ok() -> None:
    bls = facts({CFG: "blscfg\n"})
    assert (grub_config_exists(bls).status, grub_default_entry_exists(bls).known) == (Status.FAILED, False)
    asked = facts({CFG: "if smbios -t 1; then set a=1; fi\n" + text(CFG)})
    assert not grub_config_parses(asked).known
    other = facts({CFG: "menuentry x { chainloader +1; }\n"})
    assert not grub_default_entry_exists(other).known
    assert not grub_config_exists(facts({CFG: None, "/etc/lilo.conf": ""})).known


def test_rules_that_do_not_concern_the_guest_say_so() -> None:
    cases: list[tuple[Rule, Change]] = [
        *((rule, {CFG: None}) for rule in RULES if rule is not grub_config_exists),
        (grub_searches_resolve, {CFG: "menuentry x { linux /vmlinuz; }\n"}),
        (grub_settings_are_applied, {SETTINGS: None}),
        (grub_resume_device_exists, {}),
    ]
    for rule, change in cases:
        with pytest.raises(NotApplicable):
            rule(facts(change))


def test_a_default_without_entries_fails() -> None:
    assert grub_default_entry_exists(facts({CFG: "submenu s { true; }\n"})).status is Status.FAILED


def test_kernel_version_of_the_default_is_the_golden_one() -> None:
    assert facts()[DefaultKernel].version == KERNEL
