"""Members of a tar, compared with what Python's tarfile writes and reads."""

from __future__ import annotations

import io
import random
import struct
import tarfile

import pytest

from parsers.container.tar import tar_members
from parsers.place import ParseError
from parsers.source import Memory

NAMES = ["machine.ovf", "disk 1.vmdk", "x" * 100, "folder/" + "y" * 90 + ".vmdk", "z" * 300, "naïve.img"]


def archive(layout: int, **sizes: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=layout) as tar:
        for number, name in enumerate(NAMES):
            if layout == tarfile.USTAR_FORMAT and len(name) > 200:
                continue
            info = tarfile.TarInfo(name)
            info.size = sizes.get(f"m{number}", number * 700)
            tar.addfile(info, io.BytesIO(bytes([number]) * info.size))
            folder = tarfile.TarInfo(f"folder{number}")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
            link = tarfile.TarInfo(f"link{number}")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd" * 20
            if layout != tarfile.USTAR_FORMAT:
                tar.addfile(link)
    return out.getvalue()


def header(name: bytes = b"a", size: bytes = b"00000000000\0", kind: bytes = b"0") -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[124:136] = size
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % (sum(block) + 8 * 0x20)
    return bytes(block)


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_those_that_tarfile_reads(layout: int) -> None:
    data = archive(layout)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        wanted = [(item.name, item.offset_data, item.size) for item in tar if item.isreg()]
    assert [(item.name, item.offset, item.size) for item in tar_members(Memory(data))] == wanted
    assert len(wanted) >= 5


def test_sizes_in_base_256() -> None:
    size = b"\x80" + (5).to_bytes(11, "big")
    assert tar_members(Memory(header(size=size) + b"hello".ljust(512, b"\0")))[0].size == 5
    for broken in (b"\xff" * 12, b"\x80" + b"\xff" * 11, b"9" * 11 + b"\0", b"-0000000001\0"):
        with pytest.raises(ParseError, match=r"size wanted|truncated"):
            tar_members(Memory(header(size=broken)))


def test_an_archive_that_was_cut() -> None:
    data = archive(tarfile.GNU_FORMAT)
    for size in (100, 700, tar_members(Memory(data))[-1].offset + 10):
        with pytest.raises(ParseError, match="truncated"):
            tar_members(Memory(data[:size]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x" * 512, "checksum"),
        (header(kind=b"S"), "sparse"),
        (header(kind=b"L", size=b"00001000000\0") + bytes(1 << 18), "at most 65536 bytes"),
        (header(kind=b"x", size=b"00000000004\0") + b"9 a=".ljust(512, b"\0"), "pax record"),
        (header(kind=b"x", size=b"00000000004\0") + b"abcd".ljust(512, b"\0"), "pax record"),
        (header(kind=b"x", size=b"00000000011\0") + b"9 size=x\n".ljust(512, b"\0") + header(), "size wanted"),
        (header() * 10_001, "at most 10000 members"),
    ],
)
def test_broken_archives(data: bytes, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        tar_members(Memory(data))
    assert message in caught.value.message


@pytest.mark.parametrize("layout", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_damaged_archives_are_errors(layout: int) -> None:
    plain = archive(layout)
    for seed in range(500):
        chance = random.Random(seed)
        data = bytearray(plain)
        at = chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)
        block = at // 512 * 512
        if chance.random() < 0.7:  # with a right checksum
            data[block + 148 : block + 156] = b" " * 8
            data[block + 148 : block + 156] = struct.pack("8s", b"%06o\0 " % sum(data[block : block + 512]))
        try:
            members = tar_members(Memory(bytes(data)))
        except ParseError:
            continue
        assert all(0 <= item.offset <= item.offset + item.size <= len(data) for item in members)
