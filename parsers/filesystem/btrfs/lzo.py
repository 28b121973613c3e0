"""LZO1X decompression of one block.

Specification: Linux Documentation/staging/lzo.rst ("LZO stream format as understood by Linux's LZO
decompressor"), bitstream version 0, the one that btrfs uses; the run-length extension of version 1 is not read.
"""

from __future__ import annotations

from typing import Final

_MAX_ZEROS: Final = 1 << 10  # of a run length: 255 KiB, twice what an extent may hold
_FAR: Final = 16384


class LzoError(Exception):
    """A block that is no LZO1X stream, or that expands to more than is allowed."""


def decompress_lzo1x(data: bytes, limit: int) -> bytes:
    """Return what a block expands to; raise `LzoError` where it is broken, or that is more than `limit` bytes."""
    return _Decoder(data, limit).run()


class _Decoder:
    def __init__(self, data: bytes, limit: int) -> None:
        self._data = data
        self._limit = limit
        self._at = 0
        self._out = bytearray()

    def run(self) -> bytes:
        """Follow the instructions; `state` is how many literals the last one copied, 4 standing for more."""
        state = self._first()
        while True:
            code = self._byte()
            if code < 16 and state == 0:
                self._literals(self._length(code, 15) + 3)
                state = 4
                continue
            distance, length, state = self._match(code, state)
            if distance == _FAR and 16 <= code < 32:
                return self._end(length)
            self._copy(distance, length)
            self._literals(state)

    def _first(self) -> int:
        code = self._data[0] if self._data else 0
        if code < 18:
            return 0
        self._at = 1
        self._literals(code - 17)
        return min(code - 17, 4)

    def _match(self, code: int, state: int) -> tuple[int, int, int]:
        """Return distance and length of a match, and how many literals follow it."""
        if code >= 128:
            return (self._byte() << 3) + (code >> 2 & 7) + 1, 5 + (code >> 5 & 3), code & 3
        if code >= 64:
            return (self._byte() << 3) + (code >> 2 & 7) + 1, 3 + (code >> 5 & 1), code & 3
        if code >= 32:
            length = self._length(code & 31, 31) + 2
            word = self._word()
            return (word >> 2) + 1, length, word & 3
        if code >= 16:
            length = self._length(code & 7, 7) + 2
            word = self._word()
            return _FAR + ((code & 8) << 11) + (word >> 2), length, word & 3
        near = (self._byte() << 2) + (code >> 2)
        return (near + 2049, 3, code & 3) if state == 4 else (near + 1, 2, code & 3)

    def _length(self, length: int, most: int) -> int:
        if length:
            return length
        zeros = 0
        while not (byte := self._byte()):
            zeros += 1
            if zeros > _MAX_ZEROS:
                raise LzoError(f"a run of at most {_MAX_ZEROS * 255} bytes wanted, a longer one found")
        return most + zeros * 255 + byte

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise LzoError(f"an end marker wanted, the end found after {len(self._data)} bytes")
        self._at += 1
        return self._data[self._at - 1]

    def _word(self) -> int:
        return self._byte() | self._byte() << 8

    def _literals(self, count: int) -> None:
        self._check(count)
        piece = self._data[self._at : self._at + count]
        if len(piece) < count:
            raise LzoError(f"{count} literals wanted, {len(piece)} bytes found")
        self._out += piece
        self._at += count

    def _copy(self, distance: int, length: int) -> None:
        out = self._out
        start = len(out) - distance
        if start < 0:
            raise LzoError(f"a distance of at most {len(out)} wanted, {distance} found")
        self._check(length)
        if distance >= length:
            out += out[start : start + length]
        else:  # the match overlaps what it makes: a repetition
            piece = bytes(out[start:])
            out += (piece * (length // distance + 1))[:length]

    def _check(self, more: int) -> None:
        if len(self._out) + more > self._limit:
            raise LzoError(f"at most {self._limit} bytes wanted, {len(self._out) + more} found")

    def _end(self, length: int) -> bytes:
        if length != 3:
            raise LzoError(f"an end marker of length 3 wanted, {length} found")
        return bytes(self._out)
