"""Unified kernel images: made by objcopy as ukify does it, and by hand where a table of sections is to be odd."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from fixtures.kernel import bzimage
from fixtures.kernel import pe as image
from parsers.boot.kernel import parse_kernel_image
from parsers.boot.uki import Uki, parse_uki
from parsers.place import ParseError
from parsers.source import Memory
from tests.oracles import needs

PATH = "/EFI/Linux/arch-linux.efi"
OSREL = 'NAME="Arch Linux"\nPRETTY_NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n'


def parse(*sections: tuple[str, bytes]) -> Uki:
    return parse_uki(Memory(image(*sections)), PATH)


KERNEL = (".linux", bzimage("6.9.1-arch1-1"))
BASE = ((".osrel", OSREL.encode()), (".uname", b"6.9.1-arch1-1"), (".cmdline", b"root=UUID=aaaa rw quiet\0\0"), KERNEL,
        (".initrd", b"070701"))  # fmt: skip


def test_what_an_image_says_of_itself() -> None:
    uki = parse(*BASE)
    assert (uki.machine, uki.uname, uki.cmdline) == ("x86_64", "6.9.1-arch1-1", "root=UUID=aaaa rw quiet")
    assert (uki.release("ID"), uki.release("PRETTY_NAME"), uki.release("VERSION_ID")) == ("arch", "Arch Linux", "")
    assert uki.profiles == ()


def test_the_kernel_and_the_ram_disk_lie_in_sections() -> None:
    data = Memory(image(*BASE))
    uki = parse_uki(data, PATH)
    kernel = uki.open(data, ".linux")
    assert kernel.size == len(KERNEL[1])
    assert parse_kernel_image(kernel, PATH).version == "6.9.1-arch1-1"
    assert uki.open(data, ".initrd").read_at(0, 6) == b"070701"
    with pytest.raises(ParseError, match=r"a section \.splash wanted, none found"):
        uki.open(data, ".splash")


def test_an_image_without_arguments_has_none() -> None:
    assert parse(KERNEL).cmdline is None
    assert parse(KERNEL, (".cmdline", b"")).cmdline == ""


def test_the_first_profile_boots_with_what_all_have() -> None:
    uki = parse(
        *BASE,
        (".profile", b"ID=main\nTITLE='Main'"),
        (".profile", b"ID=reset\nTITLE=\"Factory reset\""), (".cmdline", b"systemd.unit=factory-reset.target"),
    )  # fmt: skip
    assert [(profile.id, profile.title, profile.cmdline) for profile in uki.profiles] == [
        ("main", "Main", None), ("reset", "Factory reset", "systemd.unit=factory-reset.target"),
    ]  # fmt: skip
    assert uki.cmdline == "root=UUID=aaaa rw quiet"
    assert parse(*BASE, (".profile", b"ID=a"), (".cmdline", b"mine")).cmdline == "mine"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (image((".text", b"x")), "no section .linux found"),
        (image((".linux", b"")), "no section .linux found"),
        (image(KERNEL, (".cmdline", bytes(70_000))), "at most 65536 bytes wanted"),
        (b"MZ", "64 bytes wanted"),
        (image(KERNEL)[:800], "bytes wanted"),
    ],
)
def test_what_is_none_is_an_error(data: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse_uki(Memory(data), PATH)


def test_damage_gives_parse_errors_only() -> None:
    generator = random.Random(2)
    whole = image(*BASE, (".profile", b"ID=a"))
    for _ in range(400):
        data = bytearray(whole[: generator.choice((len(whole), generator.randrange(len(whole))))])
        for _ in range(generator.randrange(1, 5)):
            if data:
                data[generator.randrange(min(len(data), 900))] = generator.randrange(256)
        try:
            uki = parse_uki(Memory(bytes(data)), PATH)
        except ParseError:
            continue
        assert uki.section(".linux")


@needs("grub-mkimage", "objcopy")
def test_an_image_that_objcopy_made(tmp_path: Path) -> None:
    stub, made = tmp_path / "stub.efi", tmp_path / "linux.efi"
    subprocess.run(["grub-mkimage", "-O", "x86_64-efi", "-o", stub, "-p", "/EFI", "fat"], check=True)
    command, address = ["objcopy"], 0x1000000
    for name, content in BASE:
        (tmp_path / name).write_bytes(content)
        command += ["--add-section", f"{name}={tmp_path / name}", "--change-section-vma", f"{name}={address:#x}"]
        command += ["--set-section-flags", f"{name}=data,readonly"]
        address += 0x1000000
    subprocess.run([*command, stub, made], check=True)
    data = Memory(made.read_bytes())
    uki = parse_uki(data, PATH)
    assert (uki.cmdline, uki.uname, uki.release("ID")) == ("root=UUID=aaaa rw quiet", "6.9.1-arch1-1", "arch")
    kernel = uki.open(data, ".linux")
    assert kernel.read_at(0, len(KERNEL[1])) == KERNEL[1]
