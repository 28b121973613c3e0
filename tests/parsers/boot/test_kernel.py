from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from fixtures.kernel import bzimage, elf
from parsers.boot.kernel import parse_kernel_image
from parsers.place import ParseError
from parsers.source import Memory


def test_the_version_of_an_x86_kernel(tmp_path: Path) -> None:
    image = parse_kernel_image(Memory(bzimage("6.1.0-50-cloud-amd64")), "/boot/vmlinuz")
    assert (image.kind, image.version) == ("bzImage", "6.1.0-50-cloud-amd64")
    assert image.place.offset == 0x2000
    assert (image.architecture, image.size) == ("x86_64", len(bzimage("6.1.0-50-cloud-amd64")))
    if not shutil.which("file"):
        pytest.skip("file(1) is absent: the reader was not held against it")
    path = tmp_path / "vmlinuz"
    path.write_bytes(bzimage("6.1.0-50-cloud-amd64"))
    said = subprocess.run(["file", "-b", path], capture_output=True, text=True, check=True).stdout
    assert f"version {image.banner}"[:60] in said


def real_kernels() -> list[Path]:
    return sorted(Path("/boot").glob("vmlinuz-*"))


@pytest.mark.parametrize("path", real_kernels(), ids=str)
def test_the_kernels_of_this_machine_say_the_version_in_their_name(path: Path) -> None:
    image = parse_kernel_image(Memory(path.read_bytes()), str(path))
    assert image.version == path.name.removeprefix("vmlinuz-")
    assert image.architecture == "x86_64"
    assert image.size is not None
    assert 0.9 * path.stat().st_size < image.size <= path.stat().st_size


def test_other_kinds_are_named() -> None:
    arm = bytes(0x38) + b"ARM\x64" + bytes(0x1000)
    zboot = b"MZ\0\0zimg" + bytes(0x1000)
    for data, kind, machine in (
        (arm, "arm64", "aarch64"),
        (zboot, "zboot", None),
        (elf(machine=183), "elf", "aarch64"),
        (b"\x1f\x8b" + bytes(30), "gzip", None),
    ):
        image = parse_kernel_image(Memory(data), "/boot/Image")
        assert (image.kind, image.architecture, image.version) == (kind, machine, None)


def changed(offset: int, value: bytes) -> bytes:
    data = bytearray(bzimage("6.1"))
    data[offset : offset + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a kernel image wanted, b'' found"),
        (b"#!/bin/sh\n" + bytes(2000), "a kernel image wanted"),
        (bzimage("6.1")[:0x262], "a kernel image wanted"),
        (bzimage("6.1")[:0x1F00], "the version text wanted, the file ends"),
        (changed(0x2000, b"x" * 600), "a version text of at most 512 bytes wanted"),
    ],
)
def test_broken_images_are_one_error(data: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        parse_kernel_image(Memory(data), "/boot/vmlinuz")


def test_old_protocols_have_no_version() -> None:
    assert parse_kernel_image(Memory(changed(0x206, struct.pack("<H", 0x1FF))), "k").version is None
    assert parse_kernel_image(Memory(changed(0x20E, b"\0\0")), "k").version is None
    assert parse_kernel_image(Memory(changed(0x2000, b"unknown\0")), "k").version is None


def test_damage_is_never_more_than_one_error() -> None:
    chance = random.Random(9)
    for _ in range(300):
        data = bytearray(bzimage("6.1"))[: chance.randrange(1, 0x2100)]
        for _ in range(4):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            parse_kernel_image(Memory(bytes(data)), "k")
        except ParseError as error:
            assert error.message  # noqa: PT017 - either outcome is good
