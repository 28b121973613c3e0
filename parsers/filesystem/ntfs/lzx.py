"""LZX, the strongest compression of CompactOS files.

Specification: [MS-PATCH], "LZX DELTA", without what makes it a delta; what differs in files of Windows images is told
by wimlib's documentation: a window of 32 KiB, each chunk on its own, a block's size of one bit or sixteen, and the
calls of x86 code are always translated, with a size of 12,000,000.
"""

from __future__ import annotations

import struct
from typing import Final

from parsers.filesystem.ntfs.huffman import decoding_table
from parsers.filesystem.ntfs.lznt1 import CompressionError, copy_match

MAX_CHUNK: Final = 32 << 10
_SLOTS: Final = 30  # of a window of 32 KiB
_MAIN: Final = 256 + 8 * _SLOTS
_LENGTHS: Final = 249
_EXTRA: Final = tuple(max(slot // 2 - 1, 0) for slot in range(_SLOTS))
_BASE: Final = tuple(sum(1 << _EXTRA[before] for before in range(slot)) for slot in range(_SLOTS))
_VERBATIM, _ALIGNED, _PLAIN = 1, 2, 3
_CALL: Final = 0xE8
_CALL_RANGE: Final = 12_000_000
_NUMBER: Final = struct.Struct("<i")

_Table = tuple[list[int], int]


def decompress_lzx(data: bytes, size: int) -> bytes:
    """Expand a chunk to exactly `size` bytes, 32 KiB at most. Raises `CompressionError`."""
    if size > MAX_CHUNK:
        raise CompressionError(f"a chunk of {MAX_CHUNK} bytes wanted, {size} found")
    return _Chunk(data, size).expand()


class _Chunk:
    """Bits are taken from words of sixteen, the highest first; behind the data there are zeros."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size
        self._at = 0
        self._hold = 0
        self._held = 0
        self._out = bytearray()
        self._recent = [1, 1, 1]
        self._main = bytearray(_MAIN)
        self._lengths = bytearray(_LENGTHS)

    def expand(self) -> bytes:
        out = self._out
        while len(out) < self._size:
            kind = self._bits(3)
            size = MAX_CHUNK if self._bits(1) else self._bits(16)
            stop = len(out) + size
            if not size or stop > self._size:
                raise CompressionError(f"a block of up to {self._size - len(out)} bytes wanted, {size} found")
            if kind == _PLAIN:
                self._plain(size)
            elif kind in (_VERBATIM, _ALIGNED):
                self._block(stop, aligned=kind == _ALIGNED)
            else:
                raise CompressionError(f"a block of type 1 to 3 wanted, {kind} found")
        _untranslate(out)
        return bytes(out)

    def _fill(self) -> None:
        """Hold at least sixteen bits."""
        while self._held < 16:
            if self._at > len(self._data) + 4:
                raise CompressionError(f"{self._size} bytes wanted, data for {len(self._out)} found")
            self._hold = self._hold << 16 | int.from_bytes(self._data[self._at : self._at + 2], "little")
            self._at += 2
            self._held += 16

    def _bits(self, count: int) -> int:
        self._fill()
        self._held -= count
        value = self._hold >> self._held
        self._hold &= (1 << self._held) - 1
        return value

    def _symbol(self, table: _Table) -> int:
        codes, bits = table
        self._fill()
        code = codes[self._hold >> self._held - bits]
        if not code:
            raise CompressionError("a code of the table wanted, none found")
        self._held -= code & 31
        self._hold &= (1 << self._held) - 1
        return code >> 5

    def _plain(self, size: int) -> None:
        """Copy bytes; they begin behind one to sixteen bits of padding and three recent distances."""
        whole, part = divmod(self._held, 16)
        at = self._at - 2 * whole + (0 if part else 2)
        self._hold = self._held = 0
        head = self._data[at : at + 12]
        body = self._data[at + 12 : at + 12 + size]
        if len(head) + len(body) != 12 + size:
            raise CompressionError(f"{size} bytes wanted, {len(body)} found")
        self._recent = [int.from_bytes(head[index : index + 4], "little") for index in (0, 4, 8)]
        self._out += body
        self._at = at + 12 + size + size % 2

    def _block(self, stop: int, *, aligned: bool) -> None:
        low = decoding_table([self._bits(3) for _ in range(8)]) if aligned else None
        self._read_lengths(self._main, 0, 256)
        self._read_lengths(self._main, 256, _MAIN)
        self._read_lengths(self._lengths, 0, _LENGTHS)
        main, lengths = decoding_table(self._main), decoding_table(self._lengths)
        out = self._out
        while len(out) < stop:
            symbol = self._symbol(main)
            if symbol < 256:
                out.append(symbol)
                continue
            length = symbol & 7
            if length == 7:
                length += self._symbol(lengths)
            back = self._distance(symbol - 256 >> 3, low)
            length += 2
            if not 0 < back <= len(out) or length > stop - len(out):
                raise CompressionError(f"a match within {len(out)} and {stop} bytes wanted, {length} {back} back found")
            copy_match(out, back, length)

    def _distance(self, slot: int, low: _Table | None) -> int:
        recent = self._recent
        if slot < 3:
            recent[0], recent[slot] = recent[slot], recent[0]
            return recent[0]
        extra = _EXTRA[slot]
        back = self._bits(extra - 3) << 3 | self._symbol(low) if low and extra >= 3 else self._bits(extra)
        back += _BASE[slot] - 2
        self._recent = [back, *recent[:2]]
        return back

    def _read_lengths(self, lengths: bytearray, at: int, end: int) -> None:
        """Read the lengths of codes, each told by its difference from the last block's, themselves in a code."""
        table = decoding_table([self._bits(4) for _ in range(20)])
        while at < end:
            code = self._symbol(table)
            if code < 17:
                count, value = 1, (lengths[at] - code) % 17
            elif code == 17:
                count, value = self._bits(4) + 4, 0
            elif code == 18:
                count, value = self._bits(5) + 20, 0
            else:
                count = self._bits(1) + 4
                code = self._symbol(table)
                if code > 16:
                    raise CompressionError(f"a length of up to 16 wanted, {code} found")
                value = (lengths[at] - code) % 17
            if at + count > end:
                raise CompressionError(f"{end - at} lengths wanted, {count} found")
            lengths[at : at + count] = bytes([value]) * count
            at += count


def _untranslate(out: bytearray) -> None:
    """Make the targets of calls relative again."""
    last = len(out) - 10
    at = out.find(_CALL)
    while 0 <= at < last:
        (target,) = _NUMBER.unpack_from(out, at + 1)
        if -at <= target < _CALL_RANGE:
            _NUMBER.pack_into(out, at + 1, target - at if target >= 0 else target + _CALL_RANGE)
        at = out.find(_CALL, at + 5)
