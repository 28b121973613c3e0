"""Files that were cut short, and files that only look so."""

from __future__ import annotations

import random
import struct
import subprocess
from pathlib import Path

import pytest

from parsers.container.qcow2_header import parse_qcow2
from parsers.source import Memory
from tests.oracles import needs
from tests.qcow2_builder import Qcow2Builder, packed


def with_refcounts(builder: Qcow2Builder, clusters: int) -> bytes:
    """The file, with a refcount block that calls its first `clusters` clusters used; it takes the place of data."""
    image = bytearray(builder.build())
    block = builder.data_offset
    image[builder.cluster_size : builder.cluster_size + 8] = struct.pack(">Q", block)
    image[block : block + 2 * clusters] = struct.pack(">H", 1) * clusters
    return bytes(image)


@pytest.mark.parametrize("where", ["standard", "compressed", "extended"])
def test_guest_data_past_the_end_means_truncated(where: str) -> None:
    builder = Qcow2Builder(incompatible=16 if where == "extended" else 0, data=bytes(65536))
    entry = packed(9 * 65536, 600, 16) if where == "compressed" else 9 * 65536
    builder.entries = [(0, 0), (entry, 1)]
    info = parse_qcow2(Memory(with_refcounts(builder, 10)))
    assert info.truncated
    assert "truncated" in info.problems[0].message


def test_refcounts_past_the_end_alone_are_leaked_clusters() -> None:
    info = parse_qcow2(Memory(with_refcounts(Qcow2Builder(data=bytes(65536)), 10)))
    assert not info.truncated
    assert "leaked" in info.problems[0].message


def test_a_whole_file_has_no_problem() -> None:
    info = parse_qcow2(Memory(with_refcounts(Qcow2Builder(data=bytes(65536)), 5)))
    assert (info.problems, info.truncated) == ((), False)


def test_an_l2_table_past_the_end_means_truncated() -> None:
    image = bytearray(Qcow2Builder().build())
    image[2 * 65536 : 2 * 65536 + 8] = struct.pack(">Q", 1 << 63 | 90 << 16)
    info = parse_qcow2(Memory(bytes(image)))
    assert info.truncated
    image[2 * 65536 : 2 * 65536 + 8] = struct.pack(">Q", 65536 + 512)
    (problem,) = parse_qcow2(Memory(bytes(image))).problems
    assert "cluster boundary" in problem.message


def test_problems_are_few_however_many_tables_are_wrong() -> None:
    builder = Qcow2Builder(cluster_bits=9, header={"l1_size": 64, "size": 1 << 20})
    image = bytearray(builder.build())
    image[1024:1536] = struct.pack(">Q", 1 << 40) * 64
    assert len(parse_qcow2(Memory(bytes(image))).problems) <= 8


@needs("qemu-img")
@pytest.mark.parametrize("options", [[], ["-c"], ["-o", "cluster_size=4k"], ["-o", "refcount_bits=1"]])
def test_a_real_image_cut_anywhere_is_noticed(tmp_path: Path, options: list[str]) -> None:
    raw = tmp_path / "disk.raw"
    raw.write_bytes(random.Random(1).randbytes(3 << 20))
    image = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", *options, str(raw), str(image)], check=True)
    whole = image.read_bytes()
    info = parse_qcow2(Memory(whole))
    assert (info.problems, info.truncated) == ((), False)
    for cut in (len(whole) // 2, len(whole) - 70_000, len(whole) - 400_000 & ~0xFFFF):
        assert parse_qcow2(Memory(whole[:cut])).truncated
