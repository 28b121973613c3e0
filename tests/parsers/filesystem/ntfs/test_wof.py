"""CompactOS files: wimlib is the compressor, ntfs-3g the writer of the volume, and what was compressed the answer."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest

from fixtures.windows.wim import resources
from parsers.filesystem.ntfs import open_ntfs
from parsers.filesystem.ntfs.wof import expand
from parsers.place import ParseError, UnsupportedError
from parsers.source import Memory
from tests.oracles import needs
from tests.parsers.filesystem.ext4.files import FileSource
from tests.parsers.filesystem.ntfs import libfsntfs
from tests.parsers.filesystem.ntfs.reference import WOF, find, make, mounted, needs_ntfs_3g, set_reparse

ALGORITHMS = {0: ("XPRESS", 4096), 1: ("LZX", 32768), 2: ("XPRESS", 8192), 3: ("XPRESS", 16384)}


def samples() -> dict[str, bytes]:
    """Return files of text, code, repetition and noise, with sizes around those of chunks."""
    dice = random.Random(1)
    text = b"".join(b"%d green bottles hanging on the wall, " % number for number in range(3000))
    return {
        "code": Path("/bin/bash").read_bytes()[:300_000],
        "text": text,
        "small": b"abc" * 500,
        "zeros": bytes(200_001),
        "calls": b"".join(b"\xe8" + dice.randbytes(2) + b"\0\0" + b"\x90" * 3 for _ in range(9000)),
        "mixed": b"".join(dice.choice((dice.randbytes(7000), b"hello world " * 500, bytes(9000))) for _ in range(40)),
        "one chunk": text[:32768],
        "one more": text[:32769],
        "noise at the end": text[:16384] + dice.randbytes(100),
    }


@needs("wimlib-imagex")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_wimlib_compressed(algorithm: int) -> None:
    files = samples()
    packed = resources(files.values(), *ALGORITHMS[algorithm])
    assert packed.keys() == set(files.values())
    for name, wanted in files.items():
        data = packed[wanted]
        content = expand(Memory(data), algorithm, len(wanted), name)
        assert content.read_at(0, len(wanted)) == wanted
        middle = len(wanted) // 2
        assert expand(Memory(data), algorithm, len(wanted), name).read_at(middle, 500) == wanted[middle : middle + 500]


@needs_ntfs_3g
@needs("wimlib-imagex")
@pytest.mark.slow
def test_files_on_a_volume(tmp_path: Path) -> None:
    files = samples()
    image = make(tmp_path / "n.img", "64M")
    with mounted(image, "streams_interface=windows") as top:
        for algorithm, (kind, chunk) in ALGORITHMS.items():
            packed = resources(files.values(), kind, chunk)
            for name, content in files.items():
                path = top / f"{name} {algorithm}"
                path.touch()
                os.truncate(path, len(content))
                Path(f"{path}:WofCompressedData").write_bytes(packed[content])
                set_reparse(path, WOF, struct.pack("<IIII", 1, 2, 1, algorithm))
    tree = open_ntfs(FileSource(image))
    for algorithm in ALGORITHMS:
        for name, wanted in files.items():
            inode = find(tree, f"/{name} {algorithm}")
            assert tree.stat(inode).size == len(wanted)
            assert tree.open(inode).read_at(0, len(wanted)) == wanted
            assert tree.xattrs(inode) == {}  # Windows hides the stream
            point = tree.reparse_point(inode)
            assert point
            assert point.algorithm == algorithm
    unlike = libfsntfs.differences(tree, FileSource(image))
    assert unlike.keys() == {"metadata file", "CompactOS stream", "LZX"}
    assert len(unlike["CompactOS stream"]) == len(files) * len(ALGORITHMS)
    assert unlike["LZX"] == ["/calls 1"]  # all the others libfsntfs expands to the same
    assert tree.problems == ()


@pytest.mark.parametrize("algorithm", [None, 4, 77])
def test_an_unknown_algorithm_is_named(algorithm: int | None) -> None:
    with pytest.raises(UnsupportedError, match="algorithms 0 to 3 wanted"):
        expand(Memory(b""), algorithm, 10, "x")


@pytest.mark.parametrize(
    ("stream", "size"),
    [
        (b"", 5000),
        (b"\xff\xff\xff\xff" + bytes(100), 5000),
        (bytes(4), 5000),
        (bytes(3), 5000),
        (b"\1\0\0\0" + bytes(5000), 5000),
        (bytes(100), 1 << 50),
    ],
)
def test_tables_that_cannot_be(stream: bytes, size: int) -> None:
    with pytest.raises(ParseError):
        expand(Memory(stream), 0, size, "x").read_at(0, 1)


def test_chunks_that_are_stored_and_a_table_of_eight_bytes() -> None:
    first, last = bytes(range(256)) * 16, b"the last one"
    assert expand(Memory(struct.pack("<I", 4096) + first + last), 0, 4108, "x").read_at(4090, 18) == first[-6:] + last
    size = (1 << 32) + 12
    table = b"".join(struct.pack("<Q", 4096 * min(index, 1)) for index in range(1, (size - 1) // 4096 + 1))
    assert expand(Memory(table + first + last), 0, size, "x").read_at(4, 8) == first[4:12]
