"""CompactOS files, which Windows' overlay filter (WOF) compresses behind the back of NTFS.

The file's own content is sparse, and says how long it is; the stream `WofCompressedData` holds the compressed chunks.
It begins with where each chunk but the first one starts, counted from behind these numbers (of 4 bytes, or 8 where
the file is longer than 4 GiB). A chunk that did not shrink is stored as it is. Layout: libfsntfs' documentation of
the format, "Windows Overlay Filter"; wimlib's documentation of resources, which are alike. Files whose content lies
in a Windows image (WIMBoot) are not read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parsers.filesystem.ntfs.content import Pieced
from parsers.filesystem.ntfs.lznt1 import CompressionError
from parsers.filesystem.ntfs.lzx import decompress_lzx
from parsers.filesystem.ntfs.xpress import decompress_xpress
from parsers.place import ParseError, Place, UnsupportedError
from parsers.source import Source

STREAM: Final = "WofCompressedData"

_ALGORITHMS: Final[dict[int, tuple[int, Callable[[bytes, int], bytes]]]] = {
    0: (4 << 10, decompress_xpress),
    1: (32 << 10, decompress_lzx),
    2: (8 << 10, decompress_xpress),
    3: (16 << 10, decompress_xpress),
}


def expand(compressed: Source, algorithm: int | None, size: int, name: str) -> Source:
    """Return the `size` bytes that the stream `compressed` holds."""
    if algorithm not in _ALGORITHMS:
        raise UnsupportedError(Place(name), f"a file of WOF's algorithms 0 to 3 wanted, {algorithm} found")
    chunk, decompress = _ALGORITHMS[algorithm]
    chunks = -(-size // chunk)
    width = 4 if size < 1 << 32 else 8
    table = max(chunks - 1, 0) * width
    if table > compressed.size:
        raise ParseError(Place(name), f"a table of {table} bytes wanted, a stream of {compressed.size} found")

    def start(index: int) -> int:
        if index == 0:
            return table
        if index == chunks:
            return compressed.size
        return table + int.from_bytes(compressed.read_at((index - 1) * width, width), "little")

    def get(index: int) -> bytes:
        at, end = start(index), start(index + 1)
        wanted = min(chunk, size - index * chunk)
        if not 0 < end - at <= wanted or end > compressed.size:
            raise ParseError(Place(name), f"chunk {index} of up to {wanted} bytes wanted, {end - at} at {at} found")
        data = compressed.read_at(at, end - at)
        if len(data) == wanted:
            return data
        try:
            return decompress(data, wanted)
        except CompressionError as error:
            raise ParseError(Place(name), f"chunk {index}: {error}") from None

    return Pieced(name, size, chunk, get)
