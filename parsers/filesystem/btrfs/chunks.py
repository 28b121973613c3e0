"""Chunks: where logical addresses lie on the devices.

Specification: btrfs on-disk format, "CHUNK_ITEM"; mkfs.btrfs(8), "Profiles". Stripes are 64 KiB long. RAID5 and
RAID6 are read from their data stripes alone; nothing is worked out from parity, so that a device which is missing
or broken leaves holes that cannot be read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import IntFlag
from struct import Struct
from typing import Final
from uuid import UUID

import msgspec

STRIPE: Final = 64 << 10
_ITEM = Struct("<QQQQIIIHH")
_STRIPE = Struct("<QQ16s")
_LAST: Final = 1 << 64


class Group(IntFlag):
    """What a chunk holds, and its profile."""

    DATA = 1 << 0
    SYSTEM = 1 << 1
    METADATA = 1 << 2
    RAID0 = 1 << 3
    RAID1 = 1 << 4
    DUP = 1 << 5
    RAID10 = 1 << 6
    RAID5 = 1 << 7
    RAID6 = 1 << 8
    RAID1C3 = 1 << 9
    RAID1C4 = 1 << 10


KINDS: Final = int(Group.DATA | Group.SYSTEM | Group.METADATA)
_PROFILES: Final = {
    0: "single",
    int(Group.RAID0): "RAID0",
    int(Group.RAID1): "RAID1",
    int(Group.DUP): "DUP",
    int(Group.RAID10): "RAID10",
    int(Group.RAID5): "RAID5",
    int(Group.RAID6): "RAID6",
    int(Group.RAID1C3): "RAID1C3",
    int(Group.RAID1C4): "RAID1C4",
}
_KNOWN: Final = KINDS | sum(_PROFILES)
# How many copies; of RAID5 and RAID6 and of those not named here there is one.
_COPIES: Final = {"RAID1": 2, "DUP": 2, "RAID10": 2, "RAID1C3": 3, "RAID1C4": 4}
_PARITY: Final = {"RAID5": 1, "RAID6": 2}


class ChunkError(Exception):
    """A chunk item that is broken."""


class Stripe(msgspec.Struct, frozen=True):
    """A part of a chunk on one device; `offset` in bytes on it."""

    device: int
    offset: int
    uuid: UUID


class Chunk(msgspec.Struct, frozen=True):
    """A range of logical addresses and its stripes."""

    start: int
    length: int
    type: int
    profile: str
    copies: int
    stripes: tuple[Stripe, ...]

    @property
    def end(self) -> int:
        """The first logical address behind it."""
        return self.start + self.length

    def locate(self, logical: int, copy: int) -> tuple[Stripe, int, int]:
        """Return the stripe of one copy, the offset on its device, and how many bytes lie there in one run."""
        within = logical - self.start
        profile = self.profile
        if profile not in ("RAID0", "RAID10", "RAID5", "RAID6"):
            stripe = self.stripes[copy]
            return stripe, stripe.offset + within, self.length - within
        number, rest = divmod(within, STRIPE)
        count = len(self.stripes)
        if profile == "RAID0":
            row, index = divmod(number, count)
        elif profile == "RAID10":
            row, index = divmod(number, count // 2)
            index = index * 2 + copy
        else:
            row, index = divmod(number, count - _PARITY[profile])
            index = (row + index) % count
        stripe = self.stripes[index]
        return stripe, stripe.offset + row * STRIPE + rest, min(STRIPE - rest, self.length - within)


def parse_chunk(data: bytes, start: int, sector_size: int) -> Chunk:
    """Parse a chunk item, which may be followed by others; raise `ChunkError`."""
    if len(data) < _ITEM.size:
        raise ChunkError(f"a chunk of {_ITEM.size} bytes wanted, {len(data)} found")
    length, _, stripe_length, kind, _, _, _, count, sub = _ITEM.unpack_from(data)
    profile = _PROFILES.get(kind & ~KINDS)
    if profile is None or not kind & KINDS or kind & ~_KNOWN:
        raise ChunkError(f"a chunk of a known type wanted, {kind:#x} found")
    if not length or start + length > _LAST or length % sector_size or start % sector_size:
        raise ChunkError(f"a chunk in sectors of {sector_size} bytes wanted, {length} bytes at {start} found")
    if stripe_length != STRIPE:
        raise ChunkError(f"stripes of {STRIPE} bytes wanted, {stripe_length} found")
    _check_count(profile, count, sub)
    if len(data) < chunk_size(count):
        raise ChunkError(f"{count} stripes wanted, {len(data)} bytes found")
    stripes = tuple(
        Stripe(device, offset, UUID(bytes=uuid))
        for device, offset, uuid in _STRIPE.iter_unpack(data[_ITEM.size : chunk_size(count)])
    )
    return Chunk(start, length, kind, profile, _COPIES.get(profile, 1), stripes)


def chunk_size(stripes: int) -> int:
    """Bytes of a chunk item with so many stripes."""
    return _ITEM.size + stripes * _STRIPE.size


def _check_count(profile: str, count: int, sub: int) -> None:
    exact = 1 if profile == "single" else _COPIES.get(profile)
    least = {"RAID5": 2, "RAID6": 3}.get(profile, 1)
    if profile == "RAID10":
        right = count >= 2 and count % 2 == 0 and sub == 2
    else:
        right = count == exact if exact else count >= least
    if not right:
        raise ChunkError(f"stripes as {profile} has them wanted, {count} in groups of {sub} found")


class Chunks:
    """All chunks of a file system, none of which overlaps another."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = sorted(chunks, key=lambda chunk: chunk.start)
        self._starts = [chunk.start for chunk in self._chunks]
        for one, two in zip(self._chunks, self._chunks[1:], strict=False):
            if one.end > two.start:
                raise ChunkError(f"chunks apart wanted, {one.start} to {one.end} and one at {two.start} found")

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self._chunks)

    def __len__(self) -> int:
        return len(self._chunks)

    def find(self, logical: int) -> Chunk | None:
        """Return the chunk that an address lies in."""
        at = bisect_right(self._starts, logical) - 1
        if at < 0:
            return None
        chunk = self._chunks[at]
        return chunk if logical < chunk.end else None
