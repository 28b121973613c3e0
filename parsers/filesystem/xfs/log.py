"""The log: whether the file system was unmounted, which is what its last record says.

Specification: "XFS Algorithms & Data Structures", "Journaling Log". The log is a ring of sectors of 512 bytes, each
of which begins with the number of the cycle in which it was written (in a record's header this stands behind the
magic). The head is where the numbers fall; the record that ends there is the last one. An unmount record leaves
nothing to replay; anything else does, also on a frozen snapshot, whose log is dirty by design.

Records that were written in part are passed over, as the kernel does, by their length but not by their checksum.
Deliberately not done: the replay.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from parsers.filesystem.xfs.volume import Volume
from parsers.place import ParseError

_SECTOR: Final = 512
_MAGIC: Final = 0xFEEDBABE
_HEADER = Struct(">IIIIQQIII")  # magic, cycle, version, length, its place, the tail's place, checksum, previous, count
_FLIGHT: Final = 8 * (256 << 10) // _SECTOR  # sectors of records that may be on their way to the disk at once
_UNMOUNT: Final = 0x20
_FLAGS_AT: Final = 9
_MAX_TORN: Final = 9
_UNIT_AT: Final = 320
_CYCLE_DATA: Final = 32 << 10  # bytes of a record for which one header holds the words that the cycles displaced


class Log:
    """The log of a volume as a ring of sectors."""

    def __init__(self, volume: Volume) -> None:
        superblock = volume.superblock
        self._volume = volume
        if not superblock.log_start:
            raise volume.error(48, "a log on the same device wanted, one on another device found")
        if not 0 < superblock.log_blocks <= superblock.agblocks:
            wanted = f"a log of 1 to {superblock.agblocks} blocks wanted"
            raise volume.error(96, f"{wanted}, {superblock.log_blocks} found")
        first = volume.linear(superblock.log_start, superblock.log_blocks)
        self.offset = first * volume.block_size
        self.sectors = superblock.log_blocks * volume.block_size // _SECTOR

    def is_clean(self) -> bool:
        """Tell whether nothing has to be replayed; raise `ParseError` where that cannot be found out."""
        head = self._head()
        if head is None:
            return True
        for _ in range(_MAX_TORN):
            start, header = self._last_record(head)
            body = self._after_header(header)
            length = body + -(-header[3] // _SECTOR)
            if (start + length - head) % self.sectors == 0:
                return header[8] == 1 and self._is_unmount((start + body) % self.sectors)
            head = start  # written in part: the one before it is the last
        raise self._volume.error(
            self.offset, f"a whole record among the last {_MAX_TORN} of the log wanted, none found"
        )

    def _head(self) -> int | None:
        """Return the sector behind the last record; None where the log was never written."""
        first, last = self._cycle(0), self._cycle(self.sectors - 1)
        if not first:
            return None
        if not last:
            if first != 1:
                raise self._volume.error(self.offset, f"cycle 1 in a log not yet filled wanted, {first} found")
            return self._verified(self._first(lambda cycle: cycle == 0), 0)
        if first == last:
            return self._verified(self.sectors, last - 1)
        return self._verified(self._first(lambda cycle: cycle == last), last)

    def _first(self, is_old: Callable[[int], bool]) -> int:
        """Return the first sector of the old cycle, by halving; the last sector is of it."""
        low, high = 0, self.sectors - 1
        while high - low > 1:
            middle = (low + high) // 2
            if is_old(self._cycle(middle)):
                high = middle
            else:
                low = middle
        return high

    def _verified(self, head: int, old: int) -> int:
        """Return the first sector of the old cycle among those that may have been written out of order."""
        start = max(0, head - _FLIGHT)
        for at, cycle in enumerate(self._cycles(start, head - start), start):
            if cycle == old:
                return at
        return head

    def _last_record(self, head: int) -> tuple[int, tuple[int, ...]]:
        """Return the header of the last record that begins before `head`, and its sector."""
        for count, end in ((min(head, _FLIGHT), head), (min(self.sectors - head, _FLIGHT), self.sectors)):
            data = self._read(end - count, count)
            at = data.rfind(_MAGIC.to_bytes(4, "big"))
            while at > 0 and at % _SECTOR:
                at = data.rfind(_MAGIC.to_bytes(4, "big"), 0, at)
            if at >= 0 and at % _SECTOR == 0:
                sector = data[at : at + _SECTOR]
                unit = int.from_bytes(sector[_UNIT_AT : _UNIT_AT + 4], "big")
                return end - count + at // _SECTOR, (*_HEADER.unpack_from(sector), unit)
        raise self._volume.error(self.offset + head * _SECTOR, "the header of a log record wanted, none found")

    def _after_header(self, header: tuple[int, ...]) -> int:
        """Return how many sectors the header takes: more than one where the log buffers are large."""
        version, unit = header[2], header[9]
        return -(-unit // _CYCLE_DATA) if version & 2 and _CYCLE_DATA < unit <= 256 << 10 else 1

    def _is_unmount(self, sector: int) -> bool:
        return bool(self._read(sector, 1)[_FLAGS_AT] & _UNMOUNT)

    def _cycle(self, sector: int) -> int:
        return self._cycles(sector, 1)[0]

    def _cycles(self, sector: int, count: int) -> list[int]:
        words = Struct(">" + "II504x" * count).unpack(self._read(sector, count))
        pairs = zip(words[::2], words[1::2], strict=True)
        return [second if first == _MAGIC else first for first, second in pairs]

    def _read(self, sector: int, count: int) -> bytes:
        return self._volume.source.read_at(self.offset + sector * _SECTOR, count * _SECTOR)


def log_trouble(volume: Volume) -> ParseError | None:
    """Return why the log has to be replayed first, or why that is not known; None where it has not."""
    try:
        log = Log(volume)
        if log.is_clean():
            return None
    except ParseError as error:
        return error
    message = "the log has to be replayed: an unmount record at its end wanted (a frozen snapshot has none), none found"
    return volume.error(log.offset, message)
