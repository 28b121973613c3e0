"""The compressions that the Linux kernel takes for an initramfs, as streams.

Magic numbers: Linux kernel, lib/decompress.c. LZ4 is the legacy frame of `lz4 -l` (magic 0x184C2102, blocks of at
most 8 MiB, each behind its length) and the modern frame. The decompressors are imported when one is needed.

Deliberately not done: LZO is named, not read; no maintained library reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from parsers.place import ParseError, Place
from parsers.source import Source

FIRST_READ: Final = 8 * 1024
READ_SIZE: Final = 256 * 1024
OUTPUT_SIZE: Final = 1024 * 1024
MEMORY_LIMIT: Final = 128 * 1024 * 1024
MAX_PADDING: Final = 64 * 1024 * 1024

_LZ4_LEGACY: Final = 0x184C2102
_LZ4_BLOCK: Final = 8 * 1024 * 1024
_LZ4_BOUND: Final = _LZ4_BLOCK + _LZ4_BLOCK // 255 + 16

_MAGICS: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"\x1f\x9e", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x02\x21\x4c\x18", "lz4-legacy"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x89LZO", "lzo"),
    (b"\x5d\x00\x00", "lzma"),
)


class _Decompressor(Protocol):
    eof: bool
    needs_input: bool
    unused_data: bytes | None

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Input:
    """A source that is read from front to back, in large pieces and only where it is looked at."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._buffer = b""
        self._buffer_start = 0
        self._ahead = FIRST_READ
        self.position = 0

    @property
    def place(self) -> Place:
        """Where the reading is now."""
        return Place(self._source.name, offset=self.position)

    def ended(self) -> bool:
        """Tell whether nothing is left."""
        return self.position >= self._source.size

    def peek(self, size: int) -> bytes:
        """Return up to `size` of the next bytes, without going past them."""
        start = self.position - self._buffer_start
        if not 0 <= start <= start + size <= len(self._buffer):
            self._fill(size)
            start = 0
        return self._buffer[start : start + size]

    def _fill(self, size: int) -> None:
        """Read from here on: more and more where the reading goes straight on, little behind a jump."""
        straight = self._buffer_start <= self.position <= self._buffer_start + len(self._buffer)
        self._ahead = min(self._ahead * 2, READ_SIZE) if straight else FIRST_READ
        length = min(max(size, self._ahead), self._source.size - self.position)
        self._buffer = self._source.read_at(self.position, length)
        self._buffer_start = self.position

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        self._check(size)
        start = self.position - self._buffer_start
        if size <= READ_SIZE or not 0 <= start < len(self._buffer):
            data = self.peek(size)
        else:  # what is at hand is not read again
            data = self._buffer[start : start + size]
            data += self._source.read_at(self.position + len(data), size - len(data))
        self.position += size
        return data

    def skip(self, size: int) -> None:
        """Go past `size` bytes without reading them."""
        self._check(size)
        self.position += size

    def piece(self) -> bytes:
        """Return the next bytes, as many as are at hand; empty at the end."""
        if not 0 <= self.position - self._buffer_start < len(self._buffer):
            self._fill(0)
        start = self.position - self._buffer_start
        data = self._buffer[start:] if start else self._buffer
        self.position += len(data)
        return data

    def unread(self, size: int) -> None:
        """Go back by `size` bytes."""
        self.position -= size

    def skip_nuls(self) -> None:
        """Go past NUL bytes; at most `MAX_PADDING` of them are bearable."""
        start = self.position
        while data := self.piece():
            if self.position - start > MAX_PADDING:
                raise ParseError(self.place, f"at most {MAX_PADDING} NUL bytes wanted, more found")
            rest = len(data.lstrip(b"\0"))
            if rest:
                self.unread(rest)
                return

    def _check(self, size: int) -> None:
        if size > self._source.size - self.position:
            raise ParseError(self.place, f"{size} more bytes wanted, the file ends at byte {self._source.size}")


class Output:
    """What a decompressor gives, as a stream. `limit` bounds it in bytes."""

    def __init__(self, pieces: Iterator[bytes], place: Callable[[], Place], limit: int) -> None:
        self._pieces = pieces
        self._place = place
        self._limit = limit
        self._piece = b""
        self._at = 0
        self._before = 0

    @property
    def position(self) -> int:
        """How many decompressed bytes are behind."""
        return self._before + self._at

    @property
    def place(self) -> Place:
        """Where the compressed file is being read."""
        return self._place()

    def _next(self) -> bool:
        """Go on to the next piece; False at the end."""
        self._before += len(self._piece)
        self._at = 0
        self._piece = next((piece for piece in self._pieces if piece), b"")
        if self._before + len(self._piece) > self._limit:
            raise ParseError(self.place, f"at most {self._limit} decompressed bytes wanted, more found")
        return bool(self._piece)

    def ended(self) -> bool:
        """Tell whether nothing is left."""
        return self._at >= len(self._piece) and not self._next()

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        end = self._at + size
        if end <= len(self._piece):
            data = self._piece[self._at : end]
            self._at = end
            return data
        parts, wanted = [], size
        while wanted:
            if self.ended():
                raise ParseError(self.place, f"{wanted} more bytes wanted, the compressed data end")
            part = self._piece[self._at : self._at + wanted]
            parts.append(part)
            self._at += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Go past `size` bytes."""
        left = len(self._piece) - self._at
        while size > left:
            size -= left
            self._at = len(self._piece)
            if not self._next():
                raise ParseError(self.place, f"{size} more bytes wanted, the compressed data end")
            left = len(self._piece)
        self._at += size

    def skip_nuls(self) -> None:
        """Go past NUL bytes."""
        while not self.ended():
            rest = self._piece[self._at :].lstrip(b"\0")
            self._at = len(self._piece) - len(rest)
            if rest:
                return

    def piece(self) -> bytes:
        """Return the next bytes, as many as are at hand; empty at the end."""
        if self.ended():
            return b""
        data = self._piece[self._at :]
        self._at = len(self._piece)
        return data

    def drain(self) -> None:
        """Go to the end, so that the compressed data are read up to theirs."""
        while self._next():
            pass


def compression_of(head: bytes) -> str | None:
    """Return the name of the compression whose data begin with `head` (six bytes), or None."""
    return next((name for magic, name in _MAGICS if head.startswith(magic)), None)


def decompressed(data: Input, compression: str, limit: int) -> Output:
    """Return what the compressed data that begin here hold; when it has ended, `data` is behind them."""
    if compression == "lzo":
        raise ParseError(data.place, "gzip, xz, lzma, bzip2, zstd or lz4 wanted, lzo found, which is not read")
    legacy = compression == "lz4-legacy"
    pieces = _lz4_legacy(data) if legacy else _pieces(data, *_OPENERS[compression](), compression)
    return Output(pieces, lambda: data.place, limit)


def _pieces(
    data: Input, decompressor: _Decompressor, errors: tuple[type[Exception], ...], compression: str
) -> Iterator[bytes]:
    while not decompressor.eof:
        piece = data.piece() if decompressor.needs_input else b""
        if decompressor.needs_input and not piece:
            raise ParseError(data.place, f"the end of the {compression} data wanted, the end of the file found")
        try:
            output = decompressor.decompress(piece, OUTPUT_SIZE)
        except errors as error:
            raise ParseError(data.place, f"{compression} data wanted, broken ones found: {error}") from None
        if decompressor.eof:
            data.unread(len(decompressor.unused_data or b""))  # lz4 says None for nothing
        yield output


def _lz4_legacy(data: Input) -> Iterator[bytes]:
    import lz4.block

    data.skip(4)
    while not data.ended():
        head = data.peek(4)
        size = int.from_bytes(head, "little")
        if size == _LZ4_LEGACY:
            data.skip(4)
            continue
        if len(head) < 4 or not 0 < size <= _LZ4_BOUND:
            return  # what follows is no block: filling, or another archive
        data.skip(4)
        try:
            yield lz4.block.decompress(data.take(size), uncompressed_size=_LZ4_BLOCK)
        except (lz4.block.LZ4BlockError, ValueError, OverflowError) as error:
            raise ParseError(data.place, f"an lz4 block wanted, a broken one found: {error}") from None


def _gzip() -> tuple[Any, tuple[type[Exception], ...]]:
    from isal import igzip_lib

    decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    error: Any = igzip_lib.IsalError  # its stub declares an instance, not the class that it is
    return decompressor, (error, ValueError, EOFError, OverflowError)


def _xz() -> tuple[Any, tuple[type[Exception], ...]]:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY_LIMIT), (lzma.LZMAError, EOFError, MemoryError)


def _lzma() -> tuple[Any, tuple[type[Exception], ...]]:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MEMORY_LIMIT), (lzma.LZMAError, EOFError, MemoryError)


def _bzip2() -> tuple[Any, tuple[type[Exception], ...]]:
    import bz2

    return bz2.BZ2Decompressor(), (OSError, ValueError, EOFError)


def _zstd() -> tuple[Any, tuple[type[Exception], ...]]:
    import sys

    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 27}
    return zstd.ZstdDecompressor(options=options), (zstd.ZstdError, EOFError, MemoryError)


def _lz4_frame() -> tuple[Any, tuple[type[Exception], ...]]:
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor(), (RuntimeError, EOFError, MemoryError)


_OPENERS: Final[dict[str, Callable[[], tuple[Any, tuple[type[Exception], ...]]]]] = {
    "gzip": _gzip,
    "xz": _xz,
    "lzma": _lzma,
    "bzip2": _bzip2,
    "zstd": _zstd,
    "lz4": _lz4_frame,
}
