"""Version resources: of real programs and built ones, held against wrestool, and damaged."""

from __future__ import annotations

import random
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pip
import pytest

from fixtures.windows.pe import program
from fixtures.windows.version import version_info, versioned
from parsers.boot.pe import parse_pe_directory
from parsers.place import ParseError
from parsers.source import Memory, check_range
from parsers.windows.pe_version import PeVersion, parse_pe_version
from tests.oracles import needs

STRINGS = {"CompanyName": "Red Hat, Inc.", "FileDescription": "Treiber für Blöcke", "FileVersion": "62.90 (WinBuild)"}
VERSION = (100, 90, 104, 22900)
PROGRAMS = sorted((Path(pip.__file__).parent / "_vendor" / "distlib").glob("*.exe"))
"""Launchers that pip brings along, made with Microsoft's compiler."""


def version_of(data: bytes) -> PeVersion | None:
    return parse_pe_version(Memory(data, "viostor.sys"))


@pytest.mark.parametrize("machine", ["x86_64", "i386", "aarch64"])
def test_numbers_and_texts(machine: str) -> None:
    found = version_of(versioned(VERSION, STRINGS, machine))
    assert found == PeVersion(VERSION, VERSION, 0, STRINGS)
    assert str(found) == "100.90.104.22900"


@needs("wrestool")
def test_wrestool_finds_the_same_resource(tmp_path: Path) -> None:
    path = tmp_path / "viostor.sys"
    path.write_bytes(versioned(VERSION, STRINGS))
    found = subprocess.run(["wrestool", "-x", "-t16", "--raw", path], check=True, capture_output=True).stdout
    assert found == version_info(VERSION, STRINGS)


@needs("wrestool")
@pytest.mark.skipif(not PROGRAMS, reason="pip brings no programs for Windows along")
def test_programs_of_microsofts_compiler() -> None:
    for path in PROGRAMS:
        raw = subprocess.run(["wrestool", "-x", "-t16", "--raw", path], check=True, capture_output=True).stdout
        found = version_of(path.read_bytes())
        assert found is not None
        at = raw.index(struct.pack("<I", 0xFEEF04BD))
        second, first, fourth, third = struct.unpack_from("<4H", raw, at + 8)
        assert found.file_version == (first, second, third, fourth)
        assert found.strings["FileVersion"] == str(found)
        for name, text in found.strings.items():
            assert f"{name}\0".encode("utf-16-le") in raw
            assert f"{text}\0".encode("utf-16-le") in raw


def test_a_program_without_resources_has_no_version() -> None:
    assert version_of(program()) is None
    assert parse_pe_directory(Memory(program()), 2) is None
    assert parse_pe_directory(Memory(program()), 20) is None


def test_resources_of_another_type_are_no_version() -> None:
    raw = versioned(VERSION)
    assert version_of(raw[: 0x400 + 16] + b"\x18" + raw[0x400 + 17 :]) is None


def test_only_what_is_needed_is_read() -> None:
    class Counted(Memory):
        read = 0

        def read_at(self, offset: int, size: int) -> bytes:
            check_range(self, offset, size)
            self.read += size
            return super().read_at(offset, size)

    source = Counted(versioned(VERSION, STRINGS) + bytes(1 << 22))
    assert parse_pe_version(source) is not None
    assert source.read < 4096


@pytest.mark.parametrize(
    ("at", "new", "message"),
    [
        (0, b"ZM", "MZ wanted"),
        (0x400 + 14, b"\xff\xff", "at most 4096 resources"),
        (0x400 + 20, b"\xff\xff\xff\xff", "resources within"),
        (0x400 + 20, b"\x18\0\0\0", "another tree found"),
        (0x400 + 72, b"\0\0\0\x70", "in none found"),
        (0x400 + 76, b"\xff\xff\xff\x7f", "a version resource within"),
        (0x400 + 76, b"\4\0\0\0", "a block of a version wanted"),
        (0x400 + 88, b"\xff\xff", "a block of 6 to"),
        (0x400 + 90, b"\4\0", "VS_VERSION_INFO with its numbers wanted"),
        (0x400 + 94, b"X", "VS_VERSION_INFO with its numbers wanted, 'XS_"),
        (0x400 + 128, b"\0", "signature 0xfeef04bd wanted"),
    ],
)
def test_what_is_broken_is_said(at: int, new: bytes, message: str) -> None:
    raw = versioned(VERSION, STRINGS)
    with pytest.raises(ParseError, match=message):
        version_of(raw[:at] + new + raw[at + len(new) :])


def test_flags_count_as_far_as_they_are_valid() -> None:
    raw = bytearray(versioned(VERSION))
    at = raw.index(struct.pack("<I", 0xFEEF04BD))
    raw[at + 24 : at + 32] = struct.pack("<II", 0x3, 0x1 | 0x2 | 0x8)
    found = version_of(bytes(raw))
    assert found is not None
    assert found.flags == 3


def test_damage_raises_nothing_else() -> None:
    raw = versioned(VERSION, STRINGS)
    for seed in range(2000):
        dice = random.Random(seed)
        data = bytearray(raw)
        for _ in range(dice.randrange(1, 5)):
            at = dice.choice((dice.randrange(0x80, 0x240), dice.randrange(0x400, 0x700)))
            data[at] = dice.choice((0, 255, dice.randrange(256)))
        with suppress(ParseError):
            version_of(bytes(data[: dice.choice((len(data), dice.randrange(len(data))))]))
