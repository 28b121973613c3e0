"""VDI: a guest's disk in blocks of one size, found through a block map.

Layout: VirtualBox's format 1.1, as described in QEMU's and libguestfs' documentation; all little-endian.
Read: dynamic and fixed images. Refused: undo and differencing ones, whose parent is known by UUID alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final

import construct as c
import msgspec

from parsers.container.runs import FileRun, read_runs
from parsers.container.word_table import WordTable
from parsers.place import ParseError, Place, Problem
from parsers.source import Source, check_range

SIGNATURE: Final = 0xBEDA107F
SECTOR: Final = 512
HEADER_LENGTH: Final = 512
MAX_BLOCKS: Final = 1 << 24
MAX_BLOCK: Final = 256 << 20
MAX_SCANNED: Final = 1 << 21
_KINDS: Final = {1: "dynamic", 2: "fixed", 3: "undo", 4: "differencing"}
_NEVER_WRITTEN: Final = 0xFFFF_FFFE  # from here on: discarded, never written

_HEADER: Final = c.Struct(
    "text" / c.Bytes(64),
    "signature" / c.Int32ul,
    "version" / c.Int32ul,
    "header_size" / c.Int32ul,
    "kind" / c.Int32ul,
    "flags" / c.Int32ul,
    "description" / c.Bytes(256),
    "map_offset" / c.Int32ul,
    "data_offset" / c.Int32ul,
    "cylinders" / c.Int32ul,
    "heads" / c.Int32ul,
    "sectors" / c.Int32ul,
    "sector_size" / c.Int32ul,
    "unused" / c.Int32ul,
    "disk_size" / c.Int64ul,
    "block_size" / c.Int32ul,
    "block_extra" / c.Int32ul,
    "blocks" / c.Int32ul,
    "allocated" / c.Int32ul,
    "image_id" / c.Bytes(16),
    "snapshot_id" / c.Bytes(16),
    "link_id" / c.Bytes(16),
    "parent_id" / c.Bytes(16),
)


class Vdi(msgspec.Struct, frozen=True):
    """The facts of a VDI; sizes and offsets in bytes, `kind` "dynamic" or "fixed"."""

    kind: str
    creator: str
    virtual_size: int
    block_size: int
    blocks: int
    map_offset: int
    data_offset: int
    image_id: str
    truncated: bool
    problems: tuple[Problem, ...]


def parse_vdi(file: Source) -> Vdi:
    """Read a VDI's header; raises `ParseError` where the disk cannot be read by it."""
    if file.size < HEADER_LENGTH:
        raise _fail(file, 0, f"a VDI header of 512 bytes wanted, the file ends at byte {file.size}: truncated")
    head = _HEADER.parse(file.read_at(0, HEADER_LENGTH))
    _check(file, head)
    blocks = -(-head.disk_size // head.block_size)
    flaws = tuple(_flaws(file, head, blocks))
    return Vdi(
        kind=_KINDS[head.kind],
        creator=head.text.split(b"\0", 1)[0].decode("latin-1").strip(),
        virtual_size=head.disk_size,
        block_size=head.block_size,
        blocks=blocks,
        map_offset=head.map_offset,
        data_offset=head.data_offset,
        image_id=str(uuid.UUID(bytes_le=head.image_id)),
        truncated=bool(flaws),
        problems=flaws,
    )


def open_vdi(file: Source, *, name: str | None = None) -> VdiDisk:
    """Return the guest's disk in the VDI `file`; `name` is what a `Place` calls it, the file's name by default."""
    return VdiDisk(file, parse_vdi(file), file.name if name is None else name)


class VdiDisk:
    """The guest's disk as a `Source`; `info` holds the facts of the header."""

    def __init__(self, file: Source, info: Vdi, name: str) -> None:
        self.name = name
        self.info = info
        self.size = info.virtual_size
        self._file = file
        self._map = WordTable(file, info.map_offset, info.blocks, 4, "little")

    def read_at(self, offset: int, size: int) -> bytes:
        """Return the guest's bytes; blocks that lie side by side in the file are read at once."""
        check_range(self, offset, size)
        return read_runs(self._file, self._runs(offset, offset + size))

    def _runs(self, offset: int, end: int) -> Iterator[FileRun]:
        block_size = self.info.block_size
        while offset < end:
            block, inner = divmod(offset, block_size)
            length = min(block_size - inner, end - offset)
            number = self._map[block]
            if number >= _NEVER_WRITTEN:
                yield None, length
            else:
                at = self.info.data_offset + number * block_size + inner
                if at + length > self._file.size:
                    raise ParseError(
                        Place(self.name, offset=offset),
                        f"a block inside the file wanted, byte {at} found, it ends at {self._file.size}: truncated",
                    )
                yield at, length
            offset += length


def _fail(file: Source, offset: int, message: str) -> ParseError:
    return ParseError(Place(file.name, offset=offset), message)


def _check(file: Source, head: Any) -> None:
    if head.signature != SIGNATURE:
        raise _fail(file, 64, f"{SIGNATURE:#010x} wanted, {head.signature:#010x} found")
    if head.version != 0x0001_0001:
        raise _fail(file, 68, f"VDI version 1.1 wanted, {head.version >> 16}.{head.version & 0xFFFF} found")
    kind = _KINDS.get(head.kind)
    if kind not in ("dynamic", "fixed"):
        parent = uuid.UUID(bytes_le=head.parent_id)
        raise _fail(file, 76, f"refused: a dynamic or fixed disk wanted, {kind or head.kind} found, parent {parent}")
    if head.sector_size != SECTOR or head.block_extra:
        found = f"{head.sector_size} and {head.block_extra}"
        raise _fail(file, 360, f"sectors of 512 bytes, blocks without extra data wanted, {found} found")
    if not SECTOR <= head.block_size <= MAX_BLOCK or head.block_size % SECTOR:
        raise _fail(file, 376, f"blocks of 512 bytes to 256 MiB in sectors wanted, {head.block_size} found")
    if not head.disk_size or head.disk_size % SECTOR:
        raise _fail(file, 368, f"a size in sectors of 512 wanted, {head.disk_size} bytes found")
    blocks = -(-head.disk_size // head.block_size)
    if blocks > head.blocks or blocks > MAX_BLOCKS:
        raise _fail(file, 384, f"{blocks} blocks wanted for {head.disk_size} bytes, {head.blocks} found")
    if head.map_offset < HEADER_LENGTH - 64 or head.data_offset < head.map_offset + blocks * 4:
        raise _fail(file, 340, f"the block map before the data wanted, {head.map_offset}, {head.data_offset} found")
    if head.map_offset + blocks * 4 > file.size:
        raise _fail(file, 340, f"the block map ends behind the file's end, {file.size}: truncated")


def _flaws(file: Source, head: Any, blocks: int) -> Iterator[Problem]:
    room = (file.size - head.data_offset) // head.block_size
    outside = 0
    for words in WordTable(file, head.map_offset, blocks, 4, "little").scan(MAX_SCANNED):
        outside += sum(room <= word < _NEVER_WRITTEN for word in words)
    if outside:
        message = f"{outside} blocks lie behind the end of the file: truncated"
        yield Problem(Place(file.name, offset=head.map_offset), message)
