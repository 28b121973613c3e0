"""The journal (jbd2): what is in it, and its replay in memory.

Specification: Linux Documentation/filesystems/ext4, "Journal (jbd2)". All numbers are big-endian. Replay reads the
log as the kernel does when it mounts: transactions are good up to the first commit that is missing or whose checksum
is wrong; blocks that a later transaction revokes are left alone. Nothing is written: the outcome is where in the
log the newest copy of each block lies. Deliberately not done: fast commits (they are said to be there), and journals
on other devices.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from struct import Struct
from typing import Final

import msgspec

from parsers.checksum import crc32c
from parsers.place import ParseError, Place
from parsers.source import Source

MAGIC: Final = 0xC03B3998
_HEADER = Struct(">3I")
_DESCRIPTOR, _COMMIT, _SUPERBLOCK_V1, _SUPERBLOCK_V2, _REVOKE = 1, 2, 3, 4, 5
_COMPAT_CHECKSUM: Final = 0x1
_WIDE, _CSUM_V2, _CSUM_V3, _FAST_COMMIT = 0x2, 0x8, 0x10, 0x20
_KNOWN_INCOMPAT: Final = 0x3F  # these, revokes (0x1) and asynchronous commits (0x4)
_ESCAPED, _SAME_UUID, _LAST_TAG = 0x1, 0x2, 0x8
_CRC32_TYPE: Final = 1
_FC_HEAD: Final = 9
_FC_DEFAULT_BLOCKS: Final = 256
_ONES: Final = 0xFFFFFFFF
_MAX_REFERENCES: Final = 400_000  # of some 160 bytes each: 64 MiB
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class JournalSuperblock(msgspec.Struct, frozen=True):
    """Block 0 of a journal. `start` is the first block of the log, 0 where it is empty; `error` aborted it."""

    block_size: int
    blocks: int
    first: int
    sequence: int
    start: int
    error: int
    compat: int
    incompat: int
    uuid: bytes
    fast_commit_blocks: int

    @property
    def end(self) -> int:
        """First block behind the log."""
        return self.blocks - self.fast_commit_blocks

    @property
    def checksums(self) -> bool:
        """Whether descriptors, revokes and commits carry CRC-32C."""
        return bool(self.incompat & (_CSUM_V2 | _CSUM_V3))


class Replay(msgspec.Struct):
    """The outcome: for each block of the volume, its block in the journal and whether its magic was escaped.

    `flaws` say why a replay is not complete; empty where it is what the kernel would have done.
    """

    blocks: dict[int, tuple[int, bool]] = msgspec.field(default_factory=dict)
    transactions: int = 0
    flaws: list[str] = msgspec.field(default_factory=list)


class _Tag(msgspec.Struct, frozen=True):
    block: int
    flags: int
    checksum: int


def parse_journal_superblock(journal: Source) -> JournalSuperblock:
    """Decode block 0 of a journal; raise `ParseError` where it is none."""
    raw = journal.read_at(0, 1024)
    magic, kind, _ = _HEADER.unpack_from(raw)
    if magic != MAGIC or kind not in (_SUPERBLOCK_V1, _SUPERBLOCK_V2):
        raise ParseError(Place(journal.name, offset=0), f"journal magic {MAGIC:x} wanted, {magic:x} found")
    block_size, blocks, first, sequence, start, error = Struct(">5Ii").unpack_from(raw, 12)
    compat, incompat = Struct(">II").unpack_from(raw, 0x24) if kind == _SUPERBLOCK_V2 else (0, 0)
    fast = 0
    if incompat & _FAST_COMMIT:
        fast = int.from_bytes(raw[0x54:0x58], "big") or _FC_DEFAULT_BLOCKS
    found = JournalSuperblock(block_size, blocks, first, sequence, start, error, compat, incompat, raw[0x30:0x40], fast)
    if block_size & (block_size - 1) or not 1024 <= block_size <= 65536 or blocks * block_size > journal.size:
        raise ParseError(
            Place(journal.name, offset=12),
            f"a journal of {journal.size} bytes wanted, {blocks} blocks of {block_size} bytes found",
        )
    if not 1 <= first < found.end or (start and not first <= start < found.end):
        raise ParseError(
            Place(journal.name, offset=20),
            f"a log within blocks 1 to {found.end - 1} wanted, {first} and {start} found",
        )
    if incompat & ~_KNOWN_INCOMPAT:
        raise ParseError(Place(journal.name, offset=0x28), f"known features wanted, {incompat:#x} found")
    return found


def replay_journal(journal: Source, block_size: int, blocks: int) -> Replay:
    """Work out what replaying a journal does to a volume of `blocks` blocks; raise `ParseError` where it is none."""
    superblock = parse_journal_superblock(journal)
    if superblock.block_size != block_size:
        raise ParseError(
            Place(journal.name, offset=12), f"blocks of {block_size} bytes wanted, {superblock.block_size} found"
        )
    return _Log(journal, superblock, blocks).replay() if superblock.start else Replay()


class _Log:
    """The log of one journal."""

    def __init__(self, journal: Source, superblock: JournalSuperblock, blocks: int) -> None:
        self._journal = journal
        self._superblock = superblock
        self._blocks = blocks
        self._seed = crc32c(_ONES, superblock.uuid) if superblock.checksums else 0
        self._wide = bool(superblock.incompat & _WIDE)

    def replay(self) -> Replay:
        outcome = Replay()
        end, clean = self._scan()
        if self._superblock.incompat & _FAST_COMMIT and self._has_fast_commit(end):
            # They were made on top of the transactions; half of the way is a state that never was.
            outcome.flaws.append("fast commits follow the last transaction, so that nothing was applied")
            return outcome
        outcome.transactions = (end - self._superblock.sequence) & _ONES
        if not clean:
            outcome.flaws.append(f"transaction {end} and what follows it have wrong checksums")
        revoked = self._revoked(end, outcome)
        for sequence, at, data in self._records(end):
            if Struct(">I").unpack_from(data, 4)[0] == _DESCRIPTOR:
                self._apply(sequence, at, data, revoked, outcome)
        return outcome

    # -- walking the log -----------------------------------------------------------------------------------------------

    def _block(self, number: int) -> bytes:
        return self._journal.read_at(number * self._superblock.block_size, self._superblock.block_size)

    def _after(self, number: int, count: int = 1) -> int:
        superblock = self._superblock
        return superblock.first + (number + count - superblock.first) % (superblock.end - superblock.first)

    def _records(self, end: int | None) -> Iterator[tuple[int, int, bytes]]:
        """Give (sequence, block, data) of descriptors, revokes and commits before transaction `end`, once around."""
        at, sequence = self._superblock.start, self._superblock.sequence
        left = self._superblock.end - self._superblock.first
        while left > 0 and sequence != end:
            data = self._block(at)
            magic, kind, found = _HEADER.unpack_from(data)
            if magic != MAGIC or found != sequence or kind not in (_DESCRIPTOR, _COMMIT, _REVOKE):
                return
            yield sequence, at, data
            count = 1
            if kind == _DESCRIPTOR:
                count += sum(1 for _ in self._tags(data))
            elif kind == _COMMIT:
                sequence = (sequence + 1) & _ONES
            at = self._after(at, count)
            left -= count

    def _scan(self) -> tuple[int, bool]:
        """Return the first transaction that is not to be replayed, and whether the log merely ends there."""
        sequence, doubtful, last_time = self._superblock.sequence, False, 0
        chain = _ONES
        for found, at, data in self._records(None):
            kind = int.from_bytes(data[4:8], "big")
            if kind == _COMMIT:
                time = int.from_bytes(data[0x30:0x38], "big")
                if doubtful or not self._commit_holds(data, chain):
                    # What is older than its predecessor is a left-over of an earlier round of the log.
                    return found, time < last_time
                last_time, chain = time, _ONES
                sequence = (found + 1) & _ONES
                continue
            if self._superblock.checksums and not self._tail_holds(data):
                doubtful = True
            if kind == _DESCRIPTOR and self._superblock.compat & _COMPAT_CHECKSUM:
                chain = self._chain(chain, at, data)
        return sequence, True

    # -- checksums -----------------------------------------------------------------------------------------------------

    def _tail_holds(self, data: bytes) -> bool:
        return crc32c(self._seed, data[:-4] + bytes(4)) == int.from_bytes(data[-4:], "big")

    def _commit_holds(self, data: bytes, chain: int) -> bool:
        found = int.from_bytes(data[0x10:0x14], "big")
        if self._superblock.checksums:
            return crc32c(self._seed, data[:0x10] + bytes(4) + data[0x14:]) == found
        if self._superblock.compat & _COMPAT_CHECKSUM:
            kind, size = data[12], data[13]
            return (kind, size, found) in ((_CRC32_TYPE, 4, chain), (0, 0, 0))
        return True

    def _chain(self, chain: int, at: int, data: bytes) -> int:
        """Continue the big-endian CRC-32 of version 1, which runs over the descriptor and its blocks."""
        chain = _crc32_be(chain, data)
        for index, _ in enumerate(self._tags(data), start=1):
            chain = _crc32_be(chain, self._block(self._after(at, index)))
        return chain

    # -- what the records say ------------------------------------------------------------------------------------------

    def _tags(self, data: bytes) -> Iterator[_Tag]:
        """Give the tags of a descriptor."""
        third = bool(self._superblock.incompat & _CSUM_V3)
        size = 16 if third else 8 + 4 * self._wide + 2 * bool(self._superblock.incompat & _CSUM_V2)
        end = len(data) - (4 if self._superblock.checksums else 0)
        at = _HEADER.size
        while at + size <= end:
            tag = self._tag(data, at, third=third)
            yield tag
            at += size + (0 if tag.flags & _SAME_UUID else 16)
            if tag.flags & _LAST_TAG:
                return

    def _tag(self, data: bytes, at: int, *, third: bool) -> _Tag:
        if third:
            low, flags, high, checksum = Struct(">4I").unpack_from(data, at)
        else:
            low, checksum, flags = Struct(">IHH").unpack_from(data, at)
            high = int.from_bytes(data[at + 8 : at + 12], "big") if self._wide else 0
        return _Tag(low | (high << 32 if self._wide else 0), flags, checksum)

    def _revoked(self, end: int, outcome: Replay) -> dict[int, int]:
        """Return for each revoked block how many transactions from the start on its revocation concerns."""
        revoked: dict[int, int] = {}
        size = 8 if self._wide else 4
        for sequence, _, data in self._records(end):
            if int.from_bytes(data[4:8], "big") != _REVOKE:
                continue
            used = min(int.from_bytes(data[12:16], "big"), len(data) - (4 if self._superblock.checksums else 0))
            age = (sequence - self._superblock.sequence) & _ONES
            for at in range(16, used - size + 1, size):
                revoked[int.from_bytes(data[at : at + size], "big")] = age
            if len(revoked) > _MAX_REFERENCES:
                outcome.flaws.append(f"more than {_MAX_REFERENCES} blocks are revoked")
                break
        return revoked

    def _apply(self, sequence: int, at: int, data: bytes, revoked: dict[int, int], outcome: Replay) -> None:
        """Note the blocks of one descriptor."""
        age = (sequence - self._superblock.sequence) & _ONES
        for index, tag in enumerate(self._tags(data), start=1):
            if revoked.get(tag.block, -1) >= age:
                continue
            source = self._after(at, index)
            if tag.block >= self._blocks or len(outcome.blocks) >= _MAX_REFERENCES:
                self._flaw(outcome, f"block {tag.block} of transaction {sequence} is out of bounds")
            elif not self._data_holds(sequence, tag, source):
                self._flaw(outcome, f"the copy of block {tag.block} in transaction {sequence} has a wrong checksum")
            else:
                outcome.blocks[tag.block] = (source, bool(tag.flags & _ESCAPED))

    def _flaw(self, outcome: Replay, text: str) -> None:
        if len(outcome.flaws) < 20:
            outcome.flaws.append(text)

    def _data_holds(self, sequence: int, tag: _Tag, source: int) -> bool:
        if not self._superblock.checksums:
            return True
        found = crc32c(crc32c(self._seed, sequence.to_bytes(4, "big")), self._block(source))
        return (found if self._superblock.incompat & _CSUM_V3 else found & 0xFFFF) == tag.checksum

    def _has_fast_commit(self, end: int) -> bool:
        first = self._superblock.end + 1  # the kernel leaves out one block
        if first >= self._superblock.blocks:
            return False
        head = self._block(first)
        kind, _, _, transaction = Struct("<HHII").unpack_from(head)
        return bool(kind == _FC_HEAD and transaction == end)


def _crc32_be(crc: int, data: bytes) -> int:
    """Continue a raw CRC-32 whose bits run the other way than those of zlib."""
    mirrored = int(f"{crc:032b}"[::-1], 2)
    mirrored = zlib.crc32(data.translate(_REVERSED), mirrored ^ _ONES) ^ _ONES
    return int(f"{mirrored:032b}"[::-1], 2)
