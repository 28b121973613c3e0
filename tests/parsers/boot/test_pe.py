"""PE heads of EFI loaders, held against GRUB's own and file(1)."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from fixtures.windows.pe import program
from parsers.boot.pe import PeSection, check_pe_whole, parse_pe, parse_pe_sections
from parsers.place import ParseError
from parsers.source import Memory
from tests.oracles import needs


def loader(machine: int = 0x8664, subsystem: int = 10, start: int = 128) -> bytes:
    """A PE head, as firmware reads it."""
    dos = b"MZ" + bytes(58) + struct.pack("<I", start)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", machine, 0, 0, 0, 0, 240, 0x206)
    optional = bytearray(240)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<H", optional, 68, subsystem)
    return dos.ljust(start, b"\0") + coff + bytes(optional)


@pytest.mark.parametrize(
    ("machine", "name"),
    [(0x8664, "x86_64"), (0xAA64, "aarch64"), (0x14C, "i386"), (0x5064, "riscv64"), (0x1234, "machine 0x1234")],
)
def test_the_machine_is_named(machine: int, name: str) -> None:
    pe = parse_pe(Memory(loader(machine)))
    assert (pe.machine, pe.is_efi_application) == (name, True)


def test_a_program_that_is_no_efi_application_is_told() -> None:
    assert not parse_pe(Memory(loader(subsystem=3))).is_efi_application


@pytest.mark.skipif(
    not (shutil.which("grub-mkimage") and Path("/usr/lib/grub/x86_64-efi").is_dir()),
    reason="grub-mkimage and grub-efi-amd64-bin are the oracle, and absent",
)
def test_a_loader_of_grub_is_an_efi_application_for_its_machine(tmp_path: Path) -> None:
    image = tmp_path / "grubx64.efi"
    subprocess.run(["grub-mkimage", "-O", "x86_64-efi", "-o", image, "-p", "/EFI/debian", "fat"], check=True)
    pe = parse_pe(Memory(image.read_bytes()))
    assert (pe.machine, pe.is_efi_application) == ("x86_64", True)


@pytest.mark.parametrize("data", [b"", b"MZ", bytes(64), loader()[:200], loader(start=0xFFFFFFF0 & 0xFFF)[:300]])
def test_what_is_no_pe_file_is_an_error(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_pe(Memory(data))


def test_a_file_that_is_cut_off_is_told() -> None:
    whole = program(content=b"\xc3" * 5000)
    check_pe_whole(Memory(whole))
    with pytest.raises(ParseError, match="5000 bytes wanted"):
        check_pe_whole(Memory(whole[:4000]))
    at = struct.unpack_from("<I", whole, 60)[0] + 24 + 112 + 4 * 8  # the fifth data directory
    signed = bytearray(whole)
    struct.pack_into("<II", signed, at, len(whole), 800)
    with pytest.raises(ParseError, match="800 bytes wanted"):
        check_pe_whole(Memory(bytes(signed)))
    check_pe_whole(Memory(bytes(signed) + bytes(800)))


def test_damaged_heads_give_parse_errors_only() -> None:
    chance = random.Random(1)
    for _ in range(300):
        data = bytearray(loader())
        for _ in range(chance.randrange(1, 4)):
            data[chance.choice((*range(2), *range(60, 64), *range(128, 160), 196))] = chance.randrange(256)
        try:
            assert parse_pe(Memory(bytes(data))).machine
        except ParseError:
            continue


def with_sections(*sections: tuple[str, int, int, int]) -> bytes:
    """A PE file with a table of (name, virtual size, raw size, offset), and 64 bytes behind it."""
    head = bytearray(loader())
    struct.pack_into("<H", head, 128 + 6, len(sections))
    table = b"".join(
        name.encode().ljust(8, b"\0") + struct.pack("<IIIIIIHHI", in_memory, 0x1000, size, offset, 0, 0, 0, 0, 0)
        for name, in_memory, size, offset in sections
    )
    return bytes(head) + table + bytes(64)


def test_sections_have_the_bytes_that_are_theirs_and_no_filling() -> None:
    data = with_sections((".osrel", 5, 512, 100), (".bss", 4096, 0, 0), (".linux", 0, 16, 120))
    assert parse_pe_sections(Memory(data)) == (
        PeSection(".osrel", 100, 5, 4096), PeSection(".bss", 0, 0, 4096), PeSection(".linux", 120, 16, 4096),
    )  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [with_sections((".linux", 0, 1 << 20, 0)), with_sections((".linux", 9, 9, 0xFFFFFFFF)), with_sections()[:-65]],
    ids=["long", "far", "none"],
)
def test_sections_that_do_not_lie_in_the_file_are_an_error(data: bytes) -> None:
    struct_count = bytearray(data)
    struct.pack_into("<H", struct_count, 128 + 6, max(1, data[128 + 6]))
    with pytest.raises(ParseError):
        parse_pe_sections(Memory(bytes(struct_count)))


def test_too_many_sections_are_an_error() -> None:
    data = bytearray(loader())
    struct.pack_into("<H", data, 128 + 6, 97)
    with pytest.raises(ParseError, match="at most 96 sections wanted, 97 found"):
        parse_pe_sections(Memory(bytes(data) + bytes(8000)))


@needs("grub-mkimage", "objdump")
def test_objdump_sees_the_same_sections(tmp_path: Path) -> None:
    image = tmp_path / "grubx64.efi"
    subprocess.run(["grub-mkimage", "-O", "x86_64-efi", "-o", image, "-p", "/EFI/debian", "fat"], check=True)
    listed = subprocess.run(["objdump", "-h", image], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in listed.splitlines() if line.split()[:1] and line.split()[0].isdigit()]
    expected = [(name, int(offset, 16), int(size, 16)) for _, name, size, _, _, offset, _ in rows]
    ours = [(section.name, section.offset, section.size) for section in parse_pe_sections(Memory(image.read_bytes()))]
    assert ours == expected
