"""A VHD's footer and header: which size counts, what is refused, what a cut file says."""

from __future__ import annotations

import struct

import pytest

from parsers.container.vhd_footer import Vhd, bitmap_size, checksum, parse_vhd
from parsers.place import ParseError
from parsers.source import Memory

SIZE = 4 << 20


def sealed(data: bytes, at: int) -> bytes:
    return data[:at] + struct.pack(">I", checksum(data, at)) + data[at + 4 :]


def footer(kind: int = 3, creator: bytes = b"win ", size: int = SIZE, chs: tuple[int, int, int] = (9, 8, 7)) -> bytes:
    offset = 512 if kind != 2 else (1 << 64) - 1
    head = struct.pack(">8sIIQI4sI4s", b"conectix", 2, 0x10000, offset, 0, creator, 0x60001, b"Wi2k")
    head += struct.pack(">QQHBBII", size, size, *chs, kind, 0)
    return sealed(head.ljust(512, b"\0"), 64)


def header(entries: int = 2, block_size: int = 2 << 20, table: int = 1536, parent: str = "") -> bytes:
    head = struct.pack(">8sQQIII", b"cxsparse", (1 << 64) - 1, table, 0x10000, entries, block_size)
    head = head.ljust(64, b"\0") + parent.encode("utf-16-be")
    return sealed(head.ljust(1024, b"\0"), 36)


def image(foot: bytes | None = None, head: bytes | None = None, tail: bytes | None = None) -> Memory:
    foot = foot or footer()
    return Memory(foot + (head or header()) + b"\xff" * 512 + (foot if tail is None else tail))


def refused(source: Memory) -> str:
    with pytest.raises(ParseError) as caught:
        parse_vhd(source)
    return caught.value.message


def fixed(**fields: object) -> Vhd:
    return parse_vhd(Memory(bytes(SIZE) + footer(2, **fields)))  # type: ignore[arg-type]


def test_the_facts() -> None:
    info = parse_vhd(image())
    assert (info.kind, info.creator, info.virtual_size, info.blocks) == ("dynamic", "win", SIZE, 2)
    assert (info.problems, info.truncated, info.dirty) == ((), False, False)
    assert fixed().kind == "fixed"


@pytest.mark.parametrize("creator", [b"win ", b"qem2", b"d2v ", b"CTXS", b"tap\0", b"wa\0\0"])
def test_creators_that_go_by_the_current_size(creator: bytes) -> None:
    assert fixed(creator=creator).virtual_size == SIZE


@pytest.mark.parametrize("creator", [b"vpc ", b"qemu", b"vbox"])
def test_creators_that_go_by_the_geometry(creator: bytes) -> None:
    info = fixed(creator=creator)
    assert (info.virtual_size, info.current_size, info.size_from) == (9 * 8 * 7 * 512, SIZE, "geometry")
    assert fixed(creator=creator, chs=(0, 0, 0)).virtual_size == SIZE
    assert fixed(creator=creator, chs=(65535, 16, 255)).virtual_size == SIZE


def test_a_footer_of_511_bytes() -> None:
    assert parse_vhd(Memory(bytes(SIZE) + footer(2)[:511])).virtual_size == SIZE


def test_a_fixed_disk_that_is_not_whole() -> None:
    assert "truncated" in refused(Memory(bytes(SIZE - 512) + footer(2)))
    info = parse_vhd(Memory(bytes(SIZE + 512) + footer(2)))
    assert "bytes of a fixed disk wanted" in info.problems[0].message


def test_a_dynamic_disk_that_was_cut() -> None:
    info = parse_vhd(image(tail=b""))
    assert info.truncated
    assert "footer at the end wanted" in info.problems[0].message


def test_footers_that_differ() -> None:
    other = sealed(footer()[:68] + b"\1" * 16 + footer()[84:], 64)
    assert "differ" in parse_vhd(image(tail=other)).problems[0].message
    assert "contradict" in refused(image(tail=footer(size=SIZE * 2)))
    assert "contradict" in refused(image(tail=footer(2)))
    broken = bytes([*footer()[:100], 1, *footer()[101:]])
    assert "wrong checksum" in parse_vhd(image(tail=broken)).problems[0].message
    assert "wrong checksum" in parse_vhd(image(foot=broken, tail=footer())).problems[0].message
    assert "none found" in parse_vhd(image(foot=bytes(512), tail=footer())).problems[0].message
    assert "none found" in refused(image(foot=broken, tail=broken))
    assert "ambiguous" in refused(Memory(broken + bytes(SIZE - 512) + footer(2)))
    assert "no footer at its beginning" in refused(image(foot=footer(2)))


def test_a_differencing_disk_is_refused_by_its_parents_name() -> None:
    message = refused(image(foot=footer(4), head=header(parent="C:\\base.vhd")))
    assert "refused" in message
    assert repr("C:\\base.vhd") in message


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (header(entries=1), "2 table entries wanted"),
        (header(block_size=3 << 20), "power of two"),
        (header(block_size=256), "power of two"),
        (header(table=1 << 40), "truncated"),
        (header(table=0), "truncated"),
        (bytes(1024), "dynamic disk's header"),
        (header()[:60] + b"\1" + header()[61:], "checksum"),
        (header(entries=0xFFFF_FFFF, block_size=512), "truncated"),
    ],
)
def test_broken_headers(head: bytes, message: str) -> None:
    assert message in refused(image(head=head))


def test_broken_footers() -> None:
    assert "disk type" in refused(image(foot=footer(9)))
    assert "sectors of 512" in refused(image(foot=footer(size=0)))
    assert "sectors of 512" in refused(image(foot=footer(size=1000)))
    assert "at most" in refused(image(foot=footer(size=1 << 60), head=header(entries=0xFFFF_FFFF, block_size=1 << 31)))
    assert "none found" in refused(Memory(bytes(2048)))
    assert "none found" in refused(Memory(b"x"))
    assert "version 1" in refused(image(foot=sealed(footer()[:12] + b"\0\7" + footer()[14:], 64)))
    saved = sealed(footer()[:84] + b"\1" + footer()[85:], 64)
    assert parse_vhd(image(foot=saved)).dirty


def test_bitmaps_fill_sectors() -> None:
    assert [bitmap_size(size) for size in (512, 4096, 2 << 20, 4 << 20)] == [512, 512, 512, 1024]
