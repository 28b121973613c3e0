from __future__ import annotations

import os

import pytest

from parsers.boot.decompress import READ_SIZE, Input, compression_of, decompressed
from parsers.place import ParseError
from parsers.source import Memory
from tests.parsers.boot.archives import COMPRESSORS, compress

DATA = b"".join(bytes([value % 251]) * 7919 for value in range(400)) + os.urandom(300_000)


@pytest.mark.parametrize("compression", [name for name in COMPRESSORS if name != "none"])
def test_the_tools_of_debian_agree(compression: str) -> None:
    packed = compress(DATA, compression)
    assert compression_of(packed[:6]) == compression
    data = Input(Memory(b"front" + packed + b"\0\0\0\0behind"))
    data.skip(5)
    stream = decompressed(data, compression, 1 << 30)
    assert stream.take(10) == DATA[:10]
    stream.skip(3_000_000)
    assert stream.position == 3_000_010
    assert stream.take(len(DATA) - 3_000_010) == DATA[3_000_010:]
    assert stream.ended()
    data.skip_nuls()
    assert data.take(6) == b"behind"


@pytest.mark.parametrize("compression", [name for name in COMPRESSORS if name != "none"])
def test_no_more_than_what_is_there_can_be_taken(compression: str) -> None:
    for ask in ("take", "skip"):
        stream = decompressed(Input(Memory(compress(b"abc", compression))), compression, 1 << 30)
        with pytest.raises(ParseError, match="more bytes wanted, the compressed data end"):
            getattr(stream, ask)(4)


def test_an_input_reads_pieces_and_goes_back() -> None:
    content = os.urandom(3 * READ_SIZE + 5)
    data = Input(Memory(content))
    assert data.peek(4) == content[:4]
    assert data.take(READ_SIZE + 7) == content[: READ_SIZE + 7]
    piece = data.piece()
    assert content[READ_SIZE + 7 :].startswith(piece)
    data.unread(len(piece) - 1)
    assert data.take(2 * READ_SIZE - 10) == content[READ_SIZE + 8 : 3 * READ_SIZE - 2]
    data.skip(7)
    assert data.ended()
    assert data.piece() == data.peek(1) == b""
    with pytest.raises(ParseError, match="1 more bytes wanted"):
        data.take(1)


def test_unknown_heads_have_no_compression() -> None:
    assert compression_of(b"070701") is None
    assert compression_of(b"") is None
    assert compression_of(b"\x89LZO\0\r") == "lzo"
