"""What a VHD says about itself: its footer, the copy of it, and the header of a dynamic disk.

Specification: Microsoft, Virtual Hard Disk Image Format Specification, version 1.0 (2006); all big-endian.
The size of the disk: Virtual PC goes by the geometry, everybody since by the current size. As QEMU does, the creator
decides (`vpc `, `qemu` and unknown ones: the geometry), unless the geometry is the largest that there is, or none.
Differencing disks are refused by name of their parent, which is never looked for.
Not done: saved states, the batmap of XenServer, parent locators (the parent's name is enough to say).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import construct as c
import msgspec

from parsers.container.word_table import WordTable
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

COOKIE: Final = b"conectix"
FOOTER_LENGTH: Final = 512
SECTOR: Final = 512
ABSENT: Final = 0xFFFF_FFFF
MAX_BLOCKS: Final = 1 << 24  # a table of 64 MiB; 2 TiB in blocks of 2 MiB take a million
MAX_SCANNED: Final = 1 << 21

KINDS: Final = {2: "fixed", 3: "dynamic", 4: "differencing"}
_BY_CURRENT_SIZE: Final = frozenset({b"win ", b"qem2", b"d2v ", b"CTXS", b"tap\0", b"wa\0\0"})
_LARGEST_GEOMETRY: Final = 65535 * 16 * 255

_FOOTER: Final = c.Struct(
    "cookie" / c.Bytes(8),
    "features" / c.Int32ub,
    "version" / c.Int32ub,
    "data_offset" / c.Int64ub,
    "timestamp" / c.Int32ub,
    "creator" / c.Bytes(4),
    "creator_version" / c.Int32ub,
    "creator_os" / c.Bytes(4),
    "original_size" / c.Int64ub,
    "current_size" / c.Int64ub,
    "cylinders" / c.Int16ub,
    "heads" / c.Int8ub,
    "sectors" / c.Int8ub,
    "type" / c.Int32ub,
    "checksum" / c.Int32ub,
    "id" / c.Bytes(16),
    "saved_state" / c.Int8ub,
)
_DYNAMIC: Final = c.Struct(
    "cookie" / c.Bytes(8),
    "data_offset" / c.Int64ub,
    "table_offset" / c.Int64ub,
    "version" / c.Int32ub,
    "max_table_entries" / c.Int32ub,
    "block_size" / c.Int32ub,
    "checksum" / c.Int32ub,
    "parent_id" / c.Bytes(16),
    "parent_timestamp" / c.Int32ub,
    "reserved" / c.Int32ub,
    "parent_name" / c.Bytes(512),
)
_DYNAMIC_LENGTH: Final = 1024


class Vhd(msgspec.Struct, frozen=True):
    """The facts of a VHD; sizes and offsets in bytes.

    Attributes:
        kind: "fixed" or "dynamic".
        creator: four characters of the program that made it, as in the footer, trailing blanks and zeros cut.
        virtual_size: size of the disk, by `size_from` ("geometry" or "current size").
        geometry_size, current_size: what either says.
        block_size, table_offset, blocks: of a dynamic disk; 0 for a fixed one.
        dirty: the footer says that a saved state goes with the disk.
        truncated: blocks of the disk, or the footer at the end, are not in the file.
    """

    kind: str
    creator: str
    virtual_size: int
    size_from: str
    geometry_size: int
    current_size: int
    block_size: int
    table_offset: int
    blocks: int
    dirty: bool
    truncated: bool
    problems: tuple[Problem, ...]


def parse_vhd(file: Source) -> Vhd:
    """Read a VHD's footer and header; raises `ParseError` where the disk cannot be read by them."""
    footer, at, problems, truncated = _choose(file)
    if footer.version >> 16 != 1:
        raise _fail(file, at + 12, f"VHD version 1 wanted, {footer.version >> 16} found")
    kind = KINDS.get(footer.type)
    if kind is None:
        raise _fail(file, at + 60, f"disk type 2 (fixed), 3 (dynamic) or 4 (differencing) wanted, {footer.type} found")
    size, size_from, geometry_size = _size(footer)
    if size == 0 or size % SECTOR:
        raise _fail(file, at + 48, f"a size in sectors of 512 wanted, {size} bytes found")
    if footer.saved_state:
        problems.append(Problem(Place(file.name, offset=at + 84), "no saved state wanted, one found"))
    block_size = table_offset = blocks = 0
    if kind == "fixed":
        if size > at:
            raise _fail(file, at, f"{size} bytes of a fixed disk wanted, the footer follows after {at}: truncated")
        if footer.current_size != at:
            message = f"{footer.current_size} bytes of a fixed disk wanted, {at} found"
            problems.append(Problem(Place(file.name, offset=at + 48), message))
    else:
        header = _dynamic_header(file, footer, kind)
        block_size, table_offset = header.block_size, header.table_offset
        blocks = _blocks(file, header, footer.data_offset, size)
        flaws = list(_table_flaws(file, table_offset, blocks, block_size))
        problems += flaws
        truncated = truncated or bool(flaws)
    return Vhd(
        kind=kind,
        creator=footer.creator.rstrip(b" \0").decode("latin-1"),
        virtual_size=size,
        size_from=size_from,
        geometry_size=geometry_size,
        current_size=footer.current_size,
        block_size=block_size,
        table_offset=table_offset,
        blocks=blocks,
        dirty=bool(footer.saved_state),
        truncated=truncated,
        problems=tuple(problems),
    )


def bitmap_size(block_size: int) -> int:
    """Return the bytes before each block: a bit for each of its sectors, in whole sectors."""
    return (block_size // SECTOR // 8 + SECTOR - 1) & -SECTOR or SECTOR


def _fail(file: Source, offset: int, message: str) -> ParseError:
    return ParseError(Place(file.name, offset=offset), message)


def _footer_at(file: Source, at: int, length: int = FOOTER_LENGTH) -> tuple[Any, bool]:
    """Return the footer at `at`, None where its cookie is not there, and whether its checksum is right."""
    if at < 0 or at + length > file.size:
        return None, False
    data = file.read_at(at, length)
    if data[:8] != COOKIE:
        return None, False
    footer = _FOOTER.parse(data)
    return footer, checksum(data, 64) == footer.checksum


def checksum(data: bytes, at: int) -> int:
    """Return the one's complement of the sum of all bytes but the four at `at`."""
    return ~(sum(data) - sum(data[at : at + 4])) & 0xFFFF_FFFF


def _choose(file: Source) -> tuple[Any, int, list[Problem], bool]:
    """Return the footer to go by, where it stands, what is wrong, and whether the file was cut at its end."""
    head, head_good = _footer_at(file, 0)
    tail_at = file.size - FOOTER_LENGTH
    tail, tail_good = _footer_at(file, tail_at)
    if tail is None:  # Virtual PC before 2004 wrote one byte less
        tail_at += 1
        tail, tail_good = _footer_at(file, tail_at, FOOTER_LENGTH - 1)
    if not head_good:
        if not tail_good:
            raise _fail(file, 0 if tail is None else tail_at, "a VHD footer with the right checksum wanted, none found")
        return tail, tail_at, _head_flaws(file, head, tail), False
    if head.type == 2:
        raise _fail(file, 60, "a fixed disk has no footer at its beginning")
    if tail is None:
        message = "a footer at the end wanted, none found: truncated"
        return head, 0, [Problem(Place(file.name, offset=file.size), message)], True
    if not tail_good:
        return head, 0, [Problem(Place(file.name, offset=tail_at), "the footer has a wrong checksum")], False
    if any(tail[field] != head[field] for field in ("type", "current_size", "data_offset")):
        raise _fail(file, tail_at, "the footer and its copy contradict each other")
    if file.read_at(0, FOOTER_LENGTH - 1) != file.read_at(tail_at, FOOTER_LENGTH - 1):
        return head, 0, [Problem(Place(file.name, offset=tail_at), "the footer and its copy differ")], False
    return head, 0, [], False


def _head_flaws(file: Source, head: Any, tail: Any) -> list[Problem]:
    """Say what is wrong at the beginning of a file that only has a good footer at its end."""
    if tail.type == 2:
        if head is not None:
            raise _fail(file, 0, "a fixed disk whose first sector looks like a broken footer: ambiguous")
        return []
    found = "none" if head is None else "one with a wrong checksum"
    return [Problem(Place(file.name, offset=0), f"a copy of the footer at the beginning wanted, {found} found")]


def _size(footer: Any) -> tuple[int, str, int]:
    sectors = footer.cylinders * footer.heads * footer.sectors
    by_geometry = footer.creator not in _BY_CURRENT_SIZE and sectors not in (0, _LARGEST_GEOMETRY)
    if by_geometry:
        return sectors * SECTOR, "geometry", sectors * SECTOR
    return footer.current_size, "current size", sectors * SECTOR


def _dynamic_header(file: Source, footer: Any, kind: str) -> Any:
    at = footer.data_offset
    if at % SECTOR or at + _DYNAMIC_LENGTH > file.size:
        raise _fail(file, 16, f"a dynamic disk's header inside the file wanted, offset {at} found")
    data = file.read_at(at, _DYNAMIC_LENGTH)
    header = _DYNAMIC.parse(data)
    if header.cookie != b"cxsparse":
        raise _fail(file, at, f"a dynamic disk's header wanted, {header.cookie.hex(' ')} found")
    if checksum(data, 36) != header.checksum:
        raise _fail(file, at + 36, f"checksum {checksum(data, 36):#010x} wanted, {header.checksum:#010x} found")
    if kind == "differencing":
        name = header.parent_name.decode("utf-16-be", "replace").split("\0", 1)[0]
        raise _fail(file, at + 64, f"refused: a differencing disk, whose parent is {name!r}")
    if header.version >> 16 != 1:
        raise _fail(file, at + 24, f"header version 1 wanted, {header.version >> 16} found")
    return header


def _blocks(file: Source, header: Any, at: int, size: int) -> int:
    """Return how many blocks the disk has, after checking the table that says where they are."""
    if header.block_size < SECTOR or header.block_size & (header.block_size - 1):
        raise _fail(file, at + 32, f"a block size that is a power of two wanted, {header.block_size} found")
    blocks: int = -(-size // header.block_size)
    if blocks > header.max_table_entries:
        raise _fail(file, at + 28, f"{blocks} table entries wanted for {size} bytes, {header.max_table_entries} found")
    if blocks > MAX_BLOCKS:
        raise _fail(file, at + 28, f"at most {MAX_BLOCKS} blocks wanted, {blocks} found")
    end = header.table_offset + blocks * 4
    if header.table_offset < SECTOR or end > file.size:
        message = (
            f"the block table at bytes {header.table_offset} to {end}, but the file ends at {file.size}: truncated"
        )
        raise _fail(file, at + 16, message)
    return blocks


def _table_flaws(file: Source, offset: int, blocks: int, block_size: int) -> Iterator[Problem]:
    """Say where the first blocks of the table lie outside the file, in one problem."""
    room = (file.size - block_size - bitmap_size(block_size)) // SECTOR
    outside = last = 0
    for words in WordTable(file, offset, blocks, 4, "big").scan(MAX_SCANNED):
        found = [word for word in words if word != ABSENT and word > room]
        outside += len(found)
        last = max(found, default=last)
    if outside:
        message = f"{outside} blocks lie behind the end of the file, one at byte {last * SECTOR}: truncated"
        yield Problem(Place(file.name, offset=offset), message)
