from __future__ import annotations

import random

import pytest

from parsers.boot.grub import GrubConfig, parse_grub_config
from parsers.boot.menu import MenuEntry
from parsers.place import Place
from tests.corpus import corpus
from tests.parsers.boot.grub.surroundings import Files, block

CFG = "/boot/grub2/grub.cfg"
# What grub2-mkconfig of Fedora 39 writes, without the decoration.
FEDORA = """\
if [ -f ${config_directory}/grubenv ]; then
  load_env -f ${config_directory}/grubenv
elif [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${saved_entry}"
fi
if [ x$feature_timeout_style = xy ] ; then
  set timeout_style=menu
  set timeout=5
fi
insmod increment
if [ -n "${boot_counter}" -a "${boot_success}" = "0" ]; then
  if  [ "${boot_counter}" = "0" -o "${boot_counter}" = "-1" ]; then
    set default=1
    set boot_counter=-1
  else
    decrement boot_counter
  fi
  save_env boot_counter
fi
search --no-floppy --fs-uuid --set=root aaaa
if [ -z "${kernelopts}" ]; then
  set kernelopts="root=UUID=fall-back ro "
fi
insmod blscfg
blscfg
if [ "${boot_success}" = "1" -o "${boot_indeterminate}" = "1" ]; then
  set menu_hide_ok=1
else
  set menu_hide_ok=0
fi
if [ "${boot_success}" = "1" ] ; then
  set boot_indeterminate=0
elif [ "${boot_indeterminate}" = "1" ]; then
  set boot_indeterminate=2
fi
set boot_success=0
save_env boot_success boot_indeterminate
if [ x$feature_timeout_style = xy ] ; then
  if [ "${menu_show_once}" ]; then
    unset menu_show_once
    save_env menu_show_once
    set timeout_style=menu
    set timeout=60
  elif [ "${menu_auto_hide}" -a "${menu_hide_ok}" = "1" ]; then
    set orig_timeout_style=${timeout_style}
    set orig_timeout=${timeout}
    if [ "${fastboot}" = "1" ]; then
      set timeout_style=menu
      set timeout=0
    else
      set timeout_style=hidden
      set timeout=1
    fi
  fi
fi
"""
ID = "0f3a"


def bls(version: str, *lines: str) -> str:
    return "\n".join([f"title Fedora ({version})", f"version {version}", f"linux /vmlinuz-{version}",
                      f"initrd /initramfs-{version}.img $tuned_initrd",
                      *(lines or ["options $kernelopts $tuned_params"]),
                      "grub_users $grub_users", "grub_arg --unrestricted", "grub_class fedora", ""])  # fmt: skip


VERSIONS = ("6.5.6-300.fc39.x86_64", "6.10.2-300.fc39.x86_64", "6.5.6-99.fc39.x86_64", "0-rescue")
ENTRIES = {f"/loader/entries/{ID}-{version}.conf": bls(version) for version in VERSIONS}


def parse(entries: dict[str, str], text: str = FEDORA, **remembered: str) -> GrubConfig:
    files = Files({"sda1": {"/grub2/grubenv": block(**remembered), **entries}}, {("fs-uuid", "aaaa"): "sda1"})
    return parse_grub_config(text, CFG, surroundings=files, variables={"root": "sda1", "prefix": "(sda1)/grub2"})


def booted(config: GrubConfig) -> MenuEntry:
    assert config.default_entry is not None
    return config.default_entry


def arguments(config: GrubConfig) -> tuple[str, ...]:
    linux = booted(config).linux
    assert linux is not None
    return linux.arguments


def test_entries_are_ordered_by_name_version_and_release_as_rpm_has_it() -> None:
    config = parse(ENTRIES)
    assert [entry.id.removeprefix(f"{ID}-") for entry in config.entries] == [
        "6.10.2-300.fc39.x86_64", "6.5.6-300.fc39.x86_64", "6.5.6-99.fc39.x86_64", "0-rescue",
    ]  # fmt: skip
    assert (config.problems, config.not_evaluated) == ((), ())
    assert booted(config).title == "Fedora (6.10.2-300.fc39.x86_64)"


@pytest.mark.parametrize(
    "saved", [f"{ID}-6.5.6-99.fc39.x86_64", "2", "Fedora (6.5.6-99.fc39.x86_64)"], ids=["id", "number", "title"]
)
def test_the_saved_entry_is_an_id_a_number_or_a_title(saved: str) -> None:
    config = parse(ENTRIES, saved_entry=saved)
    assert booted(config).id == f"{ID}-6.5.6-99.fc39.x86_64"
    assert config.default_found


def test_a_saved_entry_that_is_gone_leaves_the_newest() -> None:
    config = parse(ENTRIES, saved_entry=f"{ID}-5.0.0-1.fc39.x86_64")
    assert (booted(config).id, config.default_found) == (f"{ID}-6.10.2-300.fc39.x86_64", False)


def test_variables_of_the_environment_block_are_put_in() -> None:
    config = parse(
        ENTRIES, kernelopts="root=UUID=x ro quiet", tuned_params="skew_tick=1", tuned_initrd="/tuned-initrd.img"
    )
    assert arguments(config) == ("root=UUID=x", "ro", "quiet", "skew_tick=1")
    path = f"/loader/entries/{ID}-6.10.2-300.fc39.x86_64.conf"
    entry = booted(config)
    assert [(file.device, file.path, file.place) for file in entry.initrds] == [
        ("sda1", "/initramfs-6.10.2-300.fc39.x86_64.img", Place(path, 4)),
        ("sda1", "/tuned-initrd.img", Place(path, 4)),
    ]
    assert entry.linux is not None
    assert (entry.linux.place, entry.linux.arguments_place) == (Place(path, 3), Place(path, 5))
    assert (entry.unrestricted, entry.classes) == (True, ("fedora",))


def test_without_an_environment_block_the_fallback_of_the_configuration_counts() -> None:
    assert arguments(parse(ENTRIES)) == ("root=UUID=fall-back", "ro")


def test_an_entry_without_options_has_the_default_ones() -> None:
    entries = {f"/loader/entries/{ID}-1-1.conf": "linux /k\n"}
    assert arguments(parse(entries, default_kernelopts="root=LABEL=r $kernelopts", kernelopts="ro")) == (
        "root=LABEL=r",
        "ro",
    )
    assert booted(parse(entries)).title == f"{ID}-1-1"


def test_grub_takes_the_first_line_of_options() -> None:
    config = parse({f"/loader/entries/{ID}-1-1.conf": bls("1", "options root=UUID=a", "options single")})
    assert arguments(config) == ("root=UUID=a",)
    assert [problem.place.line for problem in config.problems] == [6]


def test_an_entry_without_a_kernel_is_passed_over() -> None:
    config = parse({**ENTRIES, f"/loader/entries/{ID}-9-1.conf": "title x\nefi /EFI/x.efi\n"})
    assert len(config.entries) == 4
    assert [problem.place.path for problem in config.problems] == [f"/loader/entries/{ID}-9-1.conf"]


def test_users_are_asked_for_only_where_grub_users_names_some() -> None:
    assert booted(parse(ENTRIES)).users is None
    assert (
        booted(parse(ENTRIES, grub_users="root")).users,
        booted(parse(ENTRIES, grub_users="root")).unrestricted,
    ) == (
        "root",
        False,
    )


def test_where_the_entries_lie() -> None:
    moved = {f"/boot{path}": text for path, text in ENTRIES.items()}
    assert len(parse(moved).entries) == 4
    elsewhere = {path.replace("/loader", "/root/boot/loader"): text for path, text in ENTRIES.items()}
    assert parse(elsewhere).entries == ()
    assert len(parse(elsewhere, blsdir="/root/boot/loader/entries").entries) == 4
    assert len(parse(elsewhere, "blscfg (sda1)/root/boot/loader/entries\n").entries) == 4
    assert len(parse(elsewhere, "blscfg --path /root/boot/loader/entries\n").entries) == 4
    one = f"/root/boot/loader/entries/{ID}-0-rescue.conf"
    assert [entry.title for entry in parse(elsewhere, f"blscfg {one}\n").entries] == ["Fedora (0-rescue)"]


def test_the_default_entry_may_be_shown_alone() -> None:
    only = parse(ENTRIES, f"set default={ID}-0-rescue\nblscfg default\n")
    assert [entry.id for entry in only.entries] == [f"{ID}-0-rescue"]
    assert len(parse(ENTRIES, f"set default={ID}-0-rescue\nblscfg non-default\n").entries) == 3


@pytest.mark.parametrize(
    ("remembered", "timeout"),
    [
        ({}, "5"),
        ({"menu_auto_hide": "1", "boot_success": "1"}, "1"),
        ({"menu_auto_hide": "1", "boot_success": "0"}, "5"),
        ({"menu_auto_hide": "1", "boot_indeterminate": "1"}, "1"),
        ({"menu_auto_hide": "1", "boot_success": "1", "fastboot": "1"}, "0"),
        ({"menu_show_once": "1"}, "60"),
    ],
    ids=["plain", "hidden", "failed", "indeterminate", "fast", "once"],
)
def test_the_menu_hides_after_a_boot_that_went_well(remembered: dict[str, str], timeout: str) -> None:
    assert parse(ENTRIES, **remembered).variable("timeout") == timeout


@pytest.mark.parametrize(("counter", "expected", "left"), [("2", 0, "1"), ("0", 1, "-1"), ("-1", 1, "-1")])
def test_a_boot_counter_that_ran_out_boots_the_second_entry(counter: str, expected: int, left: str) -> None:
    config = parse(ENTRIES, boot_counter=counter, boot_success="0")
    assert booted(config) == config.entries[expected]
    assert config.variable("boot_counter") == left


def test_what_stands_in_an_entry_is_read_as_a_script() -> None:
    config = parse({f"/loader/entries/{ID}-1-1.conf": bls("1", "options a='b c' d=$unset|e ; halt")})
    assert config.problems[0].place.line == 3
    assert len(config.entries) == 1


def test_nothing_escapes() -> None:
    generator = random.Random(7)
    for _ in range(200):
        text = "".join(
            generator.choices(["linux /k ", "options ", "initrd ", "$", "{", "}", "'", '"', "\n", "title "], k=12)
        )
        parse({f"/loader/entries/{ID}-1-1.conf": text})


def test_without_file_systems_it_is_an_assumption_that_there_are_no_entries() -> None:
    config = parse_grub_config(FEDORA, CFG)
    assert config.entries == ()
    assert any("blscfg" in note.message for note in config.assumptions)


RHEL9 = tuple(f"in-grub_conf-RHEL9_UEFI_HOST_{name}" for name in ("EFI_GRUB_CFG", "GRUB2_CFG", "BOOT_LOADER_ENTRY_0"))


@pytest.mark.corpus
def test_a_real_host_of_rhel_9_boots_the_entry_that_it_has() -> None:
    stub, menu, entry = (corpus(f"known/configs/grub/{name}").read_text() for name in RHEL9)
    files = Files(
        {
            "sda1": {"/EFI/redhat/grub.cfg": ""},
            "sda2": {
                "/grub2/grub.cfg": menu,
                "/loader/entries/a-5.14.0-503.11.1.el9_5.x86_64.conf": entry,
            },
        },
        {("fs-uuid", "5430c32f-3d13-477b-bb2b-13578b92bce8"): "sda2", ("fs-uuid", "F900-6DBE"): "sda1"},
    )
    variables = {"root": "sda1", "prefix": "(sda1)/EFI/redhat", "grub_platform": "efi"}
    config = parse_grub_config(stub, "/EFI/redhat/grub.cfg", surroundings=files, variables=variables)
    linux = booted(config).linux
    assert linux is not None
    assert (linux.device, linux.path) == ("sda2", "/vmlinuz-5.14.0-503.11.1.el9_5.x86_64")
    assert linux.arguments[:2] == ("root=/dev/mapper/rhel_vm--212--182-root", "ro")
    assert [entry.title for entry in config.entries][1:] == ["UEFI Firmware Settings"]
    assert (config.problems, config.not_evaluated) == ((), ())
