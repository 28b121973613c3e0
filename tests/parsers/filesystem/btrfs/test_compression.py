from __future__ import annotations

import sys
import zlib

import pytest

from parsers.filesystem.btrfs.compression import MAX_EXTENT, CompressionError, decompress

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"some text " * 1000
PIECE = b"\x12x\x11\0\0"  # an lzo stream of one byte


def lzo(*pieces: bytes) -> bytes:
    body = b"".join(len(piece).to_bytes(4, "little") + piece for piece in pieces)
    return (len(body) + 4).to_bytes(4, "little") + body


@pytest.mark.parametrize(("kind", "data"), [(1, zlib.compress(TEXT)), (3, zstd.compress(TEXT))])
def test_streams(kind: int, data: bytes) -> None:
    assert decompress(kind, data, len(TEXT), 4096) == TEXT
    assert decompress(kind, data + bytes(3000), len(TEXT), 4096) == TEXT  # up to the end of the sector
    assert decompress(kind, data, 5000, 4096) == TEXT[:5000]
    assert decompress(kind, data, len(TEXT) + 7, 4096) == TEXT + bytes(7)
    for broken in (b"", data[:-20], b"\xff" + data[1:]):
        with pytest.raises(CompressionError):
            decompress(kind, broken, len(TEXT), 4096)


def test_lzo_pieces() -> None:
    assert decompress(2, lzo(PIECE, PIECE), 2, 4096) == b"xx"
    assert decompress(2, lzo(PIECE), 5, 4096) == b"x\0\0\0\0"
    # three bytes before the end of a sector there is no room for a length
    sector = 4 + 4 + len(PIECE) + 3
    data = (sector + 4 + len(PIECE)).to_bytes(4, "little") + lzo(PIECE)[4:] + bytes(3) + lzo(PIECE)[4:]
    assert decompress(2, data, 2, sector) == b"xx"


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff\xff", lzo(b""), lzo(PIECE)[:-1], lzo(PIECE[:-1]), b"\x03\0\0\0"])
def test_broken_lzo(data: bytes) -> None:
    with pytest.raises(CompressionError):
        decompress(2, data, 100, 4096)


def test_bounds() -> None:
    with pytest.raises(CompressionError, match="at most 131072 bytes"):
        decompress(1, b"x", MAX_EXTENT + 1, 4096)
    with pytest.raises(CompressionError, match="at most 131072 bytes"):
        decompress(1, bytes(MAX_EXTENT + 1), 10, 4096)
    with pytest.raises(CompressionError, match="number 4 found"):
        decompress(4, b"x", 10, 4096)
    bomb = zlib.compress(bytes(10_000_000))
    assert decompress(1, bomb, MAX_EXTENT, 4096) == bytes(MAX_EXTENT)
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 24}
    wide = zstd.compress(b"x" * 20_000_000, options=options)
    with pytest.raises(CompressionError, match="zstd frame wanted"):
        decompress(3, wide, MAX_EXTENT, 4096)
