from __future__ import annotations

import random

import pytest

from parsers.boot.bls import BootCount, parse_bls_entry, split_counters
from parsers.place import Place
from tests.corpus import corpus

PATH = "/boot/loader/entries/0f3a-5.14.0-70.el9.x86_64.conf"
FEDORA = """\
title Fedora Linux (6.5.6-300.fc39.x86_64) 39 (Cloud Edition)
version 6.5.6-300.fc39.x86_64
linux /boot/vmlinuz-6.5.6-300.fc39.x86_64
initrd /boot/initramfs-6.5.6-300.fc39.x86_64.img $tuned_initrd
options $kernelopts
 options\tno_timer_check  console=ttyS0 # not a comment
grub_users $grub_users
grub_arg --unrestricted
grub_class fedora
"""


def test_keys_keep_their_order_their_line_and_their_value_whole() -> None:
    entry = parse_bls_entry(FEDORA, PATH)
    assert (entry.id, entry.stem, entry.count) == (PATH.rpartition("/")[2], "0f3a-5.14.0-70.el9.x86_64", None)
    assert [key.value for key in entry.all("options")] == [
        "$kernelopts",
        "no_timer_check  console=ttyS0 # not a comment",
    ]
    assert [key.place for key in entry.all("options")] == [Place(PATH, 5), Place(PATH, 6)]
    assert entry.value("grub_arg") == "--unrestricted"
    assert (entry.value("sort-key"), entry.first("efi"), entry.last("efi")) == ("", None, None)
    assert entry.problems == ()


def test_of_a_key_that_comes_twice_the_first_and_the_last_are_told_apart() -> None:
    entry = parse_bls_entry("linux /a\nlinux /b\n", PATH)
    first, last = entry.first("linux"), entry.last("linux")
    assert first is not None
    assert last is not None
    assert (first.value, last.value) == ("/a", "/b")


def test_comments_blank_lines_and_carriage_returns_are_nothing() -> None:
    entry = parse_bls_entry("# title x\r\n\r\n \nlinux /vmlinuz\r\n", PATH)
    assert [(key.name, key.value, key.place.line) for key in entry.keys] == [("linux", "/vmlinuz", 4)]


def test_a_key_that_nobody_knows_and_one_without_a_value_are_problems() -> None:
    entry = parse_bls_entry("linuz /vmlinuz\ninitrd\n", PATH)
    assert [problem.place.line for problem in entry.problems] == [1, 2]
    assert [key.name for key in entry.keys] == ["linuz", "initrd"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.conf", ("a.conf", None)),
        ("a+3.conf", ("a.conf", BootCount(3))),
        ("a+2-1.conf", ("a.conf", BootCount(2, 1))),
        ("a+0-3.efi", ("a.efi", BootCount(0, 3))),
        ("6.1+deb+1.efi", ("6.1+deb.efi", BootCount(1))),
        ("6.1+deb.conf", ("6.1+deb.conf", None)),
        ("+3", ("+3", None)),
    ],
)
def test_counters_are_taken_out_of_the_name(name: str, expected: tuple[str, BootCount | None]) -> None:
    assert split_counters(name) == expected
    assert parse_bls_entry("", f"/loader/entries/{name}").is_bad is (expected[1] is not None and not expected[1].left)


def test_nothing_escapes_and_nothing_grows() -> None:
    generator = random.Random(1)
    for _ in range(300):
        text = "".join(generator.choices("linux initrd\n\t#$ é\0\r", k=generator.randrange(60)))
        assert len(parse_bls_entry(text, PATH).keys) <= text.count("\n") + 1
    long = parse_bls_entry("x y\n" * 5000, PATH)
    assert (len(long.keys), len(long.problems)) == (1000, 51)


@pytest.mark.corpus
def test_an_entry_of_a_real_host_is_read() -> None:
    entry = parse_bls_entry(
        corpus("known/configs/grub/in-grub_conf-RHEL9_UEFI_HOST_BOOT_LOADER_ENTRY_0").read_text(), PATH
    )
    assert entry.value("linux") == "/vmlinuz-5.14.0-503.11.1.el9_5.x86_64"
    assert entry.value("options").startswith("root=/dev/mapper/rhel_vm--212--182-root ro crashkernel=1G-4G:192M")
    assert entry.problems == ()
