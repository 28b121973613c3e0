from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from parsers.boot.bls import BootCount, parse_bls_entry
from parsers.boot.pe import PeSection
from parsers.boot.systemd_boot import (
    LoaderConf,
    SystemdBootEntry,
    SystemdBootMenu,
    parse_loader_conf,
    systemd_boot_menu,
    type1_entry,
    type2_entry,
)
from parsers.boot.uki import Uki
from parsers.place import Place, Problem
from tests.oracles import needs

CONF = "/boot/loader/loader.conf"
# What bootctl install of Arch, and its wiki, write.
ARCH = "default  arch.conf\ntimeout  4\nconsole-mode max\neditor   no\n"
ENTRY = """\
title   Arch Linux
linux   /vmlinuz-linux
initrd  /intel-ucode.img
initrd  /initramfs-linux.img
options root=PARTUUID=aaaa zswap.enabled=0
options rw rootfstype=ext4
"""


def type1(name: str, text: str, machine: str | None = None) -> SystemdBootEntry:
    entry = type1_entry(parse_bls_entry(text, f"/boot/loader/entries/{name}"), "sda1", machine)
    assert isinstance(entry, SystemdBootEntry)
    return entry


def menu(conf: str | None = None, **entries: str) -> SystemdBootMenu:
    """A menu of files; `__` in a name stands for a dash, `_P_` for a plus sign."""
    made = [
        type1(name.replace("_P_", "+").replace("__", "-") + ".conf", f"linux /k\n{text}")
        for name, text in entries.items()
    ]
    return systemd_boot_menu(made, None if conf is None else parse_loader_conf(conf, CONF), lambda _: True)


def order(made: SystemdBootMenu) -> list[str]:
    return [entry.id.removesuffix(".conf") for entry in made.entries]


def test_an_entry_of_arch() -> None:
    made = systemd_boot_menu([type1("arch.conf", ENTRY)], parse_loader_conf(ARCH, CONF), lambda _: True)
    (entry,) = made.chosen
    assert (entry.title, entry.id, made.default_found, made.waits) == ("Arch Linux", "arch.conf", True, False)
    assert entry.linux is not None
    assert (entry.linux.device, entry.linux.path) == ("sda1", "/vmlinuz-linux")
    assert entry.linux.arguments == ("root=PARTUUID=aaaa", "zswap.enabled=0", "rw", "rootfstype=ext4")
    assert (entry.linux.place.line, entry.linux.line_of_arguments.line) == (2, 5)
    assert [(file.path, file.place.line) for file in entry.initrds] == [
        ("/intel-ucode.img", 3),
        ("/initramfs-linux.img", 4),
    ]
    assert made.timeout is not None
    assert (made.timeout.value, made.timeout.place) == ("4", Place(CONF, 2))


def test_the_order_of_systemds_own_test() -> None:
    """The entries and the result of src/test/test-bootspec.c."""
    made = menu(
        a__10="version 10\nmachine-id dd235d00696545768f6f693bfd23b15f\n",
        a__5="version 5\nmachine-id dd235d00696545768f6f693bfd23b15f\n",
        b="version 3\nmachine-id b75451ad92f94feeab50b0b442768dbd\n",
        c="sort-key xxxx\nversion 5\nmachine-id 309de666fd5044268a9a26541ac93176\n",
        cx="sort-key xxxx\nversion 10\nmachine-id 309de666fd5044268a9a26541ac93176\n",
        d="sort-key kkkk\nversion 100\nmachine-id 81c6e3147cf544c19006af023e22b292\n",
    )
    assert order(made) == ["d", "cx", "c", "b", "a-10", "a-5"]


def test_entries_whose_tries_are_used_up_come_last() -> None:
    made = menu(a__3_P_0__3="", a__2_P_2__1="", a__1="")
    assert order(made) == ["a-2", "a-1", "a-3"]
    assert not made.is_bad
    assert menu(a_P_0__3="").is_bad


def test_of_one_entry_with_different_counters_the_one_with_more_tries_left_comes_first() -> None:
    made = menu(a_P_1__2="version 1", a_P_3="version 2", a_P_1="version 3")
    assert [entry.place.path.rpartition("/")[2] for entry in made.entries] == ["a+3.conf", "a+1.conf", "a+1-2.conf"]


@pytest.mark.parametrize(
    ("conf", "chosen", "found"),
    [
        (None, "b-2", True), ("", "b-2", True), ("default @saved\n", "b-2", True), ("default a-*\n", "a-10", True),
        ("default a-5.conf\n", "a-5", True), ("default a-5\n", "b-2", False), ("default A-?.CONF\n", "a-5", True),
        ("default [ac]-*\n", "a-10", True), ("default a-5.conf\ndefault b*\n", "b-2", True),
        ('default "a-5.conf"\n', "a-5", True), ("default \n", "b-2", True),
    ],
)  # fmt: skip
def test_the_default_is_a_pattern_of_ids(conf: str | None, chosen: str, found: bool) -> None:
    made = menu(conf, a__10="", a__5="", b__2="")
    assert (made.chosen[0].id, made.default_found) == (f"{chosen}.conf", found)


@pytest.mark.parametrize(
    ("conf", "waits"), [("timeout menu-force\n", True), ("timeout 0\n", False), ("timeout 5\n", False)]
)
def test_when_it_waits_without_end(conf: str, waits: bool) -> None:
    assert menu(conf, a="").waits is waits


def test_an_entry_whose_kernel_is_not_there_is_passed_over() -> None:
    made = systemd_boot_menu(
        [type1("b.conf", "linux /gone\n"), type1("a.conf", "linux /k\n")], None, lambda file: file.path == "/k"
    )
    assert order(made) == ["a"]
    assert [str(problem) for problem in made.problems] == [
        "/boot/loader/entries/b.conf:1: /gone is not there: systemd-boot passes over the entry"
    ]


def test_entries_of_other_machines_and_without_a_program_are_passed_over() -> None:
    for text in ("linux /k\narchitecture aa64\n", "title x\n", "linux\n"):
        assert isinstance(type1_entry(parse_bls_entry(text, "/a.conf"), None, "x86_64"), Problem)
    assert type1("a.conf", "linux /k\narchitecture AA64\n", "aarch64").menu_entry.linux


def test_an_efi_program_is_no_kernel() -> None:
    entry = type1("a.conf", "efi \\EFI\\memtest\\memtest.efi\n").menu_entry
    assert (entry.linux, [(file.command, file.path) for file in entry.loaders]) == (
        None,
        [("efi", "/EFI/memtest/memtest.efi")],
    )


def uki(name: str, **release: str) -> SystemdBootEntry:
    sections = (PeSection(".linux", 0, 1), PeSection(".initrd", 1, 1), PeSection(".cmdline", 2, 1))
    made = Uki(
        f"/boot/EFI/Linux/{name}", "x86_64", sections, tuple(release.items()), release.get("uname"), "root=LABEL=r rw"
    )
    return type2_entry(made, f"/EFI/Linux/{name}", "sda1")


def test_a_unified_kernel_image_is_an_entry() -> None:
    entry = uki("arch-linux+3.efi", ID="arch", PRETTY_NAME="Arch Linux", uname="6.9.1")
    assert (entry.id, entry.sort_key, entry.version, entry.menu_entry.title) == (
        "arch-linux.efi",
        "arch",
        "6.9.1",
        "Arch Linux",
    )
    assert entry.count is not None
    kernel = entry.menu_entry.linux
    assert kernel is not None
    assert (kernel.command, kernel.path, kernel.arguments) == (
        "uki",
        "/EFI/Linux/arch-linux+3.efi",
        ("root=LABEL=r", "rw"),
    )
    assert kernel.line_of_arguments.key == ".cmdline"


def test_images_and_files_stand_in_one_order() -> None:
    images = [uki("f-1.efi", ID="fedora", VERSION_ID="39"), uki("f-2.efi", ID="fedora", VERSION_ID="40")]
    made = systemd_boot_menu([type1("old.conf", "linux /k\n"), *images], parse_loader_conf("", CONF), lambda _: True)
    assert [entry.id for entry in made.entries] == ["f-2.efi", "f-1.efi", "old.conf"]


@needs("kernel-install")
def test_entries_that_kernel_install_wrote(tmp_path: Path) -> None:
    """Two kernels, the second with boot counters, as systemd's own tool installs them."""
    boot, conf, machine = tmp_path / "boot", tmp_path / "conf", "0f3a5b6c" * 4
    (boot / machine).mkdir(parents=True)
    conf.mkdir()
    for name, text in (("install.conf", "layout=bls\n"), ("cmdline", "root=UUID=aaaa ro  quiet\n")):
        (conf / name).write_text(text)
    for name in ("vmlinuz", "initrd.img"):
        (tmp_path / name).write_text(name)
    environment = {
        "PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "KERNEL_INSTALL_CONF_ROOT": str(conf), "BOOT_ROOT": str(boot),
        "MACHINE_ID": machine, "KERNEL_INSTALL_PLUGINS": "/usr/lib/kernel/install.d/90-loaderentry.install",
    }  # fmt: skip
    for version in ("6.9.1-2-amd64", "6.10.0-1-amd64"):
        command = ["kernel-install", "add", version, tmp_path / "vmlinuz", tmp_path / "initrd.img"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        (conf / "tries").write_text("3\n")
    made: list[SystemdBootEntry] = []
    for path in sorted((boot / "loader/entries").iterdir()):
        bls = parse_bls_entry(path.read_text(), str(path))
        entry = type1_entry(bls, None)
        assert isinstance(entry, SystemdBootEntry)
        assert bls.problems == ()
        made.append(entry)
    menu = systemd_boot_menu(made, None, lambda file: Path(file.path).is_file())
    assert [entry.id for entry in menu.entries] == [f"{machine}-6.10.0-1-amd64.conf", f"{machine}-6.9.1-2-amd64.conf"]
    assert [one.count for one in sorted(made, key=lambda one: one.version)] == [BootCount(3), None]
    kernel = menu.chosen[0].linux
    assert kernel is not None
    assert kernel.path.endswith(f"{machine}/6.10.0-1-amd64/linux")
    assert kernel.arguments[:3] == ("root=UUID=aaaa", "ro", "quiet")
    assert [file.path.rpartition("/")[2] for file in menu.chosen[0].initrds] == ["initrd.img"]


def test_lines_that_are_no_settings_are_problems() -> None:
    conf = parse_loader_conf("#x\ntimeot 3\ndefault\ntimeout 3\n", CONF)
    assert [problem.place.line for problem in conf.problems] == [2, 3]
    assert conf.get("default") is None


def test_nothing_escapes() -> None:
    generator = random.Random(5)
    pieces = ["default ", "[", "]", "*", "?", "!", "a", "\n", "timeout ", "@saved", "\\", "-", "é", "\0"]
    for _ in range(300):
        conf: LoaderConf = parse_loader_conf("".join(generator.choices(pieces, k=15)), CONF)
        systemd_boot_menu([type1("a.conf", "linux /k\n")], conf, lambda _: True)
    hostile = parse_loader_conf("default " + "*a" * 4000 + "\n", CONF)
    assert systemd_boot_menu([type1("a" * 200 + ".conf", "linux /k\n")], hostile, lambda _: True).chosen
