"""Is a qcow2 file whole? A few cheap looks at its tables, before anything of the guest is read.

A file that was cut short still has a perfect header. What gives it away: an L2 table past the end; and refcounts
of clusters past the end. A crash can leave such refcounts too (leaked clusters), so that then the L2 tables are
searched for a guest cluster that lies there. At most `MAX_SEARCH` bytes of tables are read, and only in that case.
Not done: a check of every refcount, as `qemu-img check` does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from parsers.place import Place, Problem
from parsers.source import Source

if TYPE_CHECKING:
    from parsers.container.qcow2_header import Qcow2

MAX_L1_CHECKED: Final = 8192
MAX_REPORTED: Final = 8
MAX_SEARCH: Final = 16 << 20
_NEXT_REFCOUNTS: Final = 4096  # bytes of refcounts looked at behind the end: a cut usually takes the next cluster
_OFFSET_MASK: Final = 0x00FF_FFFF_FFFF_FE00
_COMPRESSED: Final = 1 << 62


def consistency(file: Source, info: Qcow2) -> tuple[tuple[Problem, ...], bool]:
    """Return what is wrong with the tables, and whether guest data or its tables lie past the end of the file."""
    tables = _l2_tables(file, info)
    problems = list(_l1_problems(file, info, tables))
    truncated = any(offset + info.cluster_size > file.size for _, offset in tables)
    end = _refcounts_past_end(file, info)
    if end is not None and not truncated:
        truncated = _guest_data_past_end(file, info, tables)
        where = "guest data lies there: truncated" if truncated else "no guest data was found there: leaked clusters"
        problems.append(
            Problem(Place(file.name, offset=end), f"clusters are in use past the end of the file, {file.size}; {where}")
        )
    return tuple(problems), truncated


def _l2_tables(file: Source, info: Qcow2) -> list[tuple[int, int]]:
    """Return (L1 index, file offset) of the L2 tables named by the first entries of the L1 table."""
    count = min(info.l1_entries, MAX_L1_CHECKED)
    words = struct.unpack(f">{count}Q", file.read_at(info.l1_offset, count * 8)) if count else ()
    return [(index, word & _OFFSET_MASK) for index, word in enumerate(words) if word & _OFFSET_MASK]


def _l1_problems(file: Source, info: Qcow2, tables: list[tuple[int, int]]) -> Iterator[Problem]:
    reported = 0
    for index, offset in tables:
        if offset % info.cluster_size:
            flaw = f"an L2 table on a cluster boundary wanted, file offset {offset} found"
        elif offset + info.cluster_size > file.size:
            flaw = f"an L2 table at byte {offset} wanted, the file ends at byte {file.size}: truncated"
        else:
            continue
        yield Problem(Place(file.name, offset=info.l1_offset + index * 8), flaw)
        reported += 1
        if reported == MAX_REPORTED:
            return


def _refcounts_past_end(file: Source, info: Qcow2) -> int | None:
    """Return the first byte past the end that refcounts call used, as far as they were looked at."""
    entries = info.refcount_table_clusters * info.cluster_size // 8
    per_block = info.cluster_size * 8 // info.refcount_bits
    first = -(-file.size // info.cluster_size)
    block, inner = divmod(first, per_block)
    at = info.refcount_table_offset + block * 8
    if block >= entries or at % 8 or at + 8 > file.size:
        return None
    offset = int.from_bytes(file.read_at(at, 8), "big") & _OFFSET_MASK
    if offset == 0:
        return None
    start = offset + inner * info.refcount_bits // 8
    stop = min(start + _NEXT_REFCOUNTS, offset + info.cluster_size, file.size)
    if start >= stop:
        return None
    counts = bytearray(file.read_at(start, stop - start))
    counts[0] &= 0xFF << (inner * info.refcount_bits & 7) & 0xFF  # counts narrower than a byte, lowest bits first
    used = len(counts) - len(counts.lstrip(b"\0"))
    if used == len(counts):
        return None
    return (first + used * 8 // info.refcount_bits) * info.cluster_size


def _guest_data_past_end(file: Source, info: Qcow2, tables: list[tuple[int, int]]) -> bool:
    if info.external_data:
        return False
    step = 2 if info.extended_l2 else 1
    compressed_mask = (1 << 62 - (info.cluster_bits - 8)) - 1
    left = MAX_SEARCH
    # What was written last tends to lie last, in the file and on the disk.
    for _, offset in reversed(tables):
        left -= info.cluster_size
        if left < 0:
            return False
        if offset % info.cluster_size:
            continue
        words = struct.unpack(f">{info.cluster_size // 8}Q", file.read_at(offset, info.cluster_size))
        for word in words[::step]:
            host = word & (compressed_mask if word & _COMPRESSED else _OFFSET_MASK)
            if host >= file.size:
                return True
    return False
