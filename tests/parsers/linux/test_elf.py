"""ELF heads, held against readelf(1) where it is installed."""

from __future__ import annotations

import random
import re
import shutil
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.kernel import elf
from parsers.linux.elf import Elf, elf_interpreter, parse_elf
from parsers.place import ParseError
from parsers.source import Memory


def head(machine: int, bits: int = 64, order: str = "<", kind: int = 3) -> Memory:
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    return Memory(ident + struct.pack(f"{order}HHI", kind, machine, 1) + bytes(40))


@pytest.mark.parametrize(
    ("machine", "bits", "order", "name"),
    [
        (62, 64, "<", "x86_64"),
        (62, 32, "<", "x32"),
        (183, 64, "<", "aarch64"),
        (3, 32, "<", "i386"),
        (40, 32, "<", "arm"),
        (243, 64, "<", "riscv64"),
        (243, 32, "<", "riscv32"),
        (21, 64, "<", "ppc64le"),
        (21, 64, ">", "ppc64"),
        (22, 64, ">", "s390x"),
        (22, 32, ">", "s390"),
        (8, 64, "<", "mips64el"),
        (8, 32, ">", "mips"),
        (258, 64, "<", "loongarch64"),
        (9999, 64, "<", "machine 9999"),
    ],
)
def test_the_machine_has_the_name_that_uname_gives(machine: int, bits: int, order: str, name: str) -> None:
    assert parse_elf(head(machine, bits, order)) == Elf(name, bits, "little" if order == "<" else "big", 3)


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf (binutils) is the oracle, and absent")
def test_this_interpreter_is_what_readelf_says() -> None:
    program = Path(sys.executable).resolve()
    shown = subprocess.run(["readelf", "-h", program], check=True, capture_output=True, text=True).stdout
    found = parse_elf(Memory(program.read_bytes()[:64]))
    assert f"ELF{found.bits}" in shown
    assert found.machine.replace("_", "-") in shown.lower().replace("_", "-")


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"#!/bin/sh\n" + bytes(20), b"\x7fELF\3\1" + bytes(20)])
def test_what_is_no_elf_file_is_an_error(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_elf(Memory(data))


def test_damaged_heads_give_parse_errors_only() -> None:
    chance = random.Random(1)
    for _ in range(300):
        data = bytearray(head(62).read_at(0, 64))
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(20)] = chance.randrange(256)
        try:
            assert parse_elf(Memory(bytes(data[: chance.choice((20, 64, 10))]))).machine
        except ParseError:
            continue


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf (binutils) is the oracle, and absent")
def test_the_loaders_of_programs_and_libraries_are_what_readelf_says() -> None:
    files = [
        path for folder in ("/bin", "/sbin", "/lib/x86_64-linux-gnu") for path in sorted(Path(folder).glob("*"))[:60]
    ]
    files = [path for path in files if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
    assert len(files) > 20
    shown = subprocess.run(["readelf", "-lW", *files], capture_output=True, text=True, check=False).stdout
    parts = shown.split("\nFile: ")[1:]
    assert len(parts) == len(files)
    theirs = [re.search(r"program interpreter: (.*)\]", part) for part in parts]
    ours = [elf_interpreter(Memory(path.read_bytes())) for path in files]
    assert ours == [match[1] if match else None for match in theirs]


def test_segments_outside_of_the_file_are_errors_and_nothing_else() -> None:
    whole = elf(b"code", interpreter="/lib/ld.so")
    assert elf_interpreter(Memory(whole)) == "/lib/ld.so"
    assert elf_interpreter(Memory(elf())) is None
    chance = random.Random(2)
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(120)] = chance.randrange(256)
        with suppress(ParseError):
            found = elf_interpreter(Memory(bytes(data[: chance.choice([len(data), 70, 125])])))
            assert found is None or len(found) <= 4096
