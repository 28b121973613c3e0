"""Kernels with their configuration within, made by hand around data that the compressors of Debian packed."""

from __future__ import annotations

import gzip
import random
import struct
from pathlib import Path

import pytest

from parsers.boot.ikconfig import find_ikconfig
from parsers.boot.kernel_config import parse_kernel_config
from parsers.place import ParseError
from parsers.source import Memory
from tests.parsers.boot.archives import COMPRESSORS, compress

CONFIG = "#\n# Automatically generated file; DO NOT EDIT.\n#\nCONFIG_VIRTIO=y\n# CONFIG_XFS_FS is not set\n"
NOISE = random.Random(8).randbytes(600_000)
KERNEL = NOISE[:300_000] + b"IKCFG_ST" + gzip.compress(CONFIG.encode()) + b"IKCFG_ED" + NOISE[300_000:]


def bzimage(payload: bytes, protocol: int = 0x20F, length: int | None = None) -> bytes:
    image = bytearray(0x1000)
    image[0x1F1] = 7  # sectors of the real-mode code
    image[0x1FE:0x200] = b"\x55\xaa"
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x206, protocol)
    struct.pack_into("<II", image, 0x248, 0x40, len(payload) if length is None else length)
    return bytes(image) + bytes(0x40) + payload + bytes(100)


def found(image: bytes) -> str | None:
    return find_ikconfig(Memory(image), "/boot/vmlinuz")


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_the_configuration_is_found_in_every_compression(compression: str) -> None:
    # The kernel's build puts the unpacked length behind the compressed data.
    payload = compress(KERNEL, compression) + struct.pack("<I", len(KERNEL))
    assert found(bzimage(payload)) == CONFIG


def test_other_images() -> None:
    packed = compress(KERNEL, "gzip")
    zboot = b"MZ\0\0zimg" + struct.pack("<II", 64, len(packed)) + b"gzip".ljust(48, b"\0") + packed
    for image in (zboot, packed, KERNEL):
        assert found(image) == CONFIG


def test_the_options_are_those_of_the_kernel() -> None:
    text = found(bzimage(compress(KERNEL, "zstd")))
    assert text is not None
    config = parse_kernel_config(text, "/boot/vmlinuz")
    assert [(option.name, option.value) for option in config.options] == [
        ("CONFIG_VIRTIO", "y"),
        ("CONFIG_XFS_FS", "n"),
    ]


@pytest.mark.parametrize("cut", range(8))
def test_a_mark_that_lies_across_two_pieces_is_found(cut: int) -> None:
    before = (256 << 10) - cut  # what Input reads at once
    assert found(NOISE[:before] + b"IKCFG_ST" + gzip.compress(CONFIG.encode()) + b"IKCFG_ED") == CONFIG


def test_a_kernel_without_one_has_none() -> None:
    assert found(bzimage(compress(NOISE, "gzip"))) is None
    assert found(b"no kernel") is None
    assert found(b"") is None


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (bzimage(b"", length=1 << 30), "bytes wanted"),
        (bzimage(compress(KERNEL, "gzip")[:100_000]), "gzip"),
        (NOISE[:100] + b"IKCFG_ST" + b"x" * 50, "the end of the kernel found"),
        (NOISE[:100] + b"IKCFG_ST" + bytes(3 << 20), "within 1048576 bytes wanted"),
        (b"IKCFG_ST" + b"no gzip" + b"IKCFG_ED", "gzip"),
        (b"IKCFG_ST" + gzip.compress(bytes(5 << 20)) + b"IKCFG_ED", "decompressed bytes wanted"),
        (bzimage(b"\x89LZO\0\r\n"), "lzo"),
    ],
)
def test_what_is_broken_is_an_error(image: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        found(image)


def test_damage_gives_parse_errors_only() -> None:
    generator = random.Random(4)
    whole = bzimage(compress(NOISE[:50_000] + KERNEL[300_000:300_300] + NOISE[:50_000], "gzip"))
    for _ in range(300):
        data = bytearray(whole[: generator.choice((len(whole), generator.randrange(len(whole))))])
        for _ in range(3):
            if data:
                data[
                    generator.choice(
                        (generator.randrange(len(data)), min(0x248 + generator.randrange(8), len(data) - 1))
                    )
                ] = 255
        try:
            assert found(bytes(data)) in {None, CONFIG}
        except ParseError:
            continue


def test_a_kernel_of_this_machine_agrees_with_its_file() -> None:
    """Where the kernel of the machine that runs the tests lies beside its configuration."""
    pairs = [
        (image, image.with_name(image.name.replace("vmlinuz-", "config-"))) for image in Path("/boot").glob("vmlinuz-*")
    ]
    pairs = [pair for pair in pairs if pair[1].is_file()]
    if not pairs:
        pytest.skip("no kernel in /boot with its configuration: nothing was compared")
    for image, config in pairs:
        inner = find_ikconfig(Memory(image.read_bytes()), str(image))
        assert inner in {None, config.read_text()}
