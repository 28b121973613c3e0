"""qcow2's guest bytes, held against qemu-img and qemu-io; and hand-made files for what QEMU would not write."""

from __future__ import annotations

import contextlib
import hashlib
import random
import struct
import subprocess
import time
import zlib
from pathlib import Path

import pytest

from parsers.container import qcow2
from parsers.container.qcow2 import Qcow2Disk, open_qcow2
from parsers.place import ParseError
from parsers.source import Memory, check_range
from tests.corpus import corpus, entries
from tests.oracles import needs
from tests.qcow2_builder import Qcow2Builder, packed

qemu = needs("qemu-img", "qemu-io")
KNOWN = [e["file"] for e in entries("known") if "virtual_disk" in e.get("expected", {})]
HOSTILE = [e for e in entries("hostile") if "/cr-q-" in e["file"]]
EXPECTED = {e["file"]: e["expected"] for e in entries("known") if e["file"] in KNOWN}


class Counted(Memory):
    """Memory that lists what was read of it."""

    def __init__(self, data: bytes, name: str = "disk.qcow2") -> None:
        super().__init__(data, name)
        self.reads: list[tuple[int, int]] = []

    def read_at(self, offset: int, size: int) -> bytes:
        self.reads.append((offset, size))
        return super().read_at(offset, size)


class HugeFile:
    """A source that claims any size and holds only its beginning."""

    def __init__(self, data: bytes, size: int) -> None:
        self.name = "huge.qcow2"
        self.size = size
        self._data = data

    def read_at(self, offset: int, size: int) -> bytes:
        check_range(self, offset, size)
        return self._data[offset : offset + size].ljust(size, b"\0")


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def random_writes(image: Path, size: int, seed: int, cluster: int) -> None:
    """Let qemu-io write, zero, discard and compress at random places."""
    chance = random.Random(seed)
    commands = []
    for number in range(60):
        kind = chance.choice(["data", "data", "data", "zero", "unmap", "discard", "packed"])
        length = chance.choice([512, 1024, 3584, 4096, 12288, 65536, 200704])
        offset = chance.randrange(0, size - length) // 512 * 512
        whole = f"{chance.randrange(0, size // cluster) * cluster} {cluster}"
        command = {
            "data": f"write -q -P {number % 250 + 1} {offset} {length}",
            "zero": f"write -q -z {offset} {length}",
            "unmap": f"write -q -z -u {whole}",
            "discard": f"discard -q {whole}",
            "packed": f"write -q -c -P {number % 250 + 1} {whole}",
        }[kind]
        commands += ["-c", command]
    # A compressed write onto a cluster in use is refused; the others go on.
    subprocess.run(["qemu-io", "-f", "qcow2", *commands, image], check=False, capture_output=True)


def reference(image: Path) -> bytes:
    raw = image.with_suffix(".ref")
    run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image, raw)
    return raw.read_bytes()


def check_reads(image: Path, seed: int) -> Qcow2Disk:
    wanted = reference(image)
    disk = open_qcow2(Memory(image.read_bytes(), "disk.qcow2"))
    assert disk.size == len(wanted)
    assert disk.read_at(0, disk.size) == wanted
    chance = random.Random(seed)
    again = open_qcow2(Memory(image.read_bytes()))
    for _ in range(300):
        offset = chance.randrange(disk.size)
        length = min(chance.choice([1, 511, 512, 4096, 70000, 300000]), disk.size - offset)
        assert again.read_at(offset, length) == wanted[offset : offset + length]
    return disk


@qemu
@pytest.mark.parametrize("bits", range(9, 22))
def test_random_writes_read_back_for_each_cluster_size(tmp_path: Path, bits: int) -> None:
    size = 4 << 20 if bits < 18 else 24 << 20
    image = tmp_path / "disk.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"cluster_size={1 << bits}", image, str(size + 512 * bits))
    random_writes(image, size, bits, 1 << bits)
    check_reads(image, bits)


@qemu
@pytest.mark.parametrize("bits", range(14, 22))
@pytest.mark.parametrize("compression", ["zlib", "zstd"])
def test_extended_l2_with_mixed_subclusters(tmp_path: Path, bits: int, compression: str) -> None:
    size = 8 << 20
    image = tmp_path / "disk.qcow2"
    options = f"extended_l2=on,cluster_size={1 << bits},compression_type={compression}"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, image, str(size))
    random_writes(image, size, bits * 7, 1 << bits)
    disk = check_reads(image, bits)
    assert disk.info.extended_l2
    assert disk.info.compression == compression


@qemu
@pytest.mark.parametrize(
    "options",
    [
        "compat=0.10",
        "compat=0.10,cluster_size=512",
        "lazy_refcounts=on",
        "preallocation=metadata",
        "preallocation=falloc",
        "preallocation=full",
        "preallocation=metadata,extended_l2=on",
        "refcount_bits=1",
        "refcount_bits=64",
        "compression_type=zstd,cluster_size=4k",
        "compression_type=zstd,cluster_size=2M",
    ],
)
def test_flavours_of_create_read_back(tmp_path: Path, options: str) -> None:
    image = tmp_path / "disk.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, image, "6M")
    random_writes(image, 6 << 20, len(options), 2 << 20 if "2M" in options else 65536)
    disk = check_reads(image, 3)
    assert not disk.info.problems


@qemu
@pytest.mark.parametrize("options", ["cluster_size=512", "cluster_size=64k", "cluster_size=2M"])
@pytest.mark.parametrize("compression", ["zlib", "zstd"])
def test_compressed_images_read_back(tmp_path: Path, options: str, compression: str) -> None:
    chance = random.Random(5)
    raw = tmp_path / "disk.raw"
    pieces = [chance.randbytes(40_000) + bytes(30_000) + b"text and text " * 9000 for _ in range(12)]
    raw.write_bytes(b"".join(pieces)[: 2 << 20])
    image = tmp_path / "disk.qcow2"
    run("qemu-img", "convert", "-c", "-O", "qcow2", "-o", f"{options},compression_type={compression}", raw, image)
    check_reads(image, 9)
    assert open_qcow2(Memory(image.read_bytes())).read_at(0, raw.stat().st_size) == raw.read_bytes()


@qemu
def test_snapshots_are_listed_and_the_active_state_is_read(tmp_path: Path) -> None:
    image = tmp_path / "disk.qcow2"
    run("qemu-img", "create", "-q", "-f", "qcow2", image, "4M")
    random_writes(image, 4 << 20, 1, 65536)
    run("qemu-img", "snapshot", "-c", "before upgrade", image)
    random_writes(image, 4 << 20, 2, 65536)
    run("qemu-img", "snapshot", "-c", "ä", image)
    random_writes(image, 4 << 20, 3, 65536)
    disk = check_reads(image, 4)
    assert [snapshot.name for snapshot in disk.info.snapshots] == ["before upgrade", "ä"]
    assert disk.info.snapshots[0].disk_size == 4 << 20


@pytest.mark.corpus
@pytest.mark.parametrize("name", KNOWN)
def test_known_images_have_the_recorded_content(name: str) -> None:
    disk = open_qcow2(Memory(corpus(f"known/{name}").read_bytes()))
    recorded = EXPECTED[name]["virtual_disk"]
    assert disk.size == recorded["size"]
    assert hashlib.sha256(disk.read_at(0, disk.size)).hexdigest() == recorded["sha256"]


@pytest.mark.corpus
@pytest.mark.parametrize("entry", HOSTILE, ids=lambda entry: entry["file"])
def test_hostile_images_are_refused_or_read_within_bounds(entry: dict[str, str]) -> None:
    started = time.process_time()
    refused = False
    try:
        disk = open_qcow2(Memory(corpus(f"hostile/{entry['file']}").read_bytes()))
        disk.read_at(0, min(disk.size, 4 << 20))
    except ParseError:
        refused = True
    assert refused or entry["outcome"] != "refuse"
    assert time.process_time() - started < 30


def test_a_compressed_cluster_may_be_followed_by_the_next_one() -> None:
    """The stored length is in sectors, so that it reaches into the next cluster's data."""
    from backports import zstd

    first, second = (bytes([n]) * 65536 for n in (1, 2))
    for compression, pack in ((1, zstd.compress), (0, raw_deflate)):
        one, two = pack(first), pack(second)
        builder = Qcow2Builder(compression=compression, incompatible=8 * compression)
        at = builder.data_offset
        builder.data = one + two + b"rubbish behind the last cluster"
        builder.entries = [(packed(at, len(one), 16), 0), (packed(at + len(one), len(two), 16), 0)]
        disk = open_qcow2(Memory(builder.build()))
        assert disk.read_at(0, 131072) == first + second


def test_a_zstd_cluster_may_consist_of_several_frames() -> None:
    from backports import zstd

    content = random.Random(0).randbytes(65536)
    data = zstd.compress(content[:1000]) + zstd.compress(content[1000:]) + zstd.compress(b"next")
    builder = Qcow2Builder(compression=1, incompatible=8, data=data)
    builder.entries = [(packed(builder.data_offset, len(data), 16), 0)]
    assert open_qcow2(Memory(builder.build())).read_at(0, 65536) == content


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize("compression", [0, 1])
@pytest.mark.parametrize("content", [b"", b"\xff" * 600, bytes(600)], ids=["empty", "ones", "zeros"])
def test_broken_compressed_data_is_an_error(compression: int, content: bytes) -> None:
    builder = Qcow2Builder(compression=compression, incompatible=8 * compression, data=content)
    builder.entries = [(packed(builder.data_offset, 512, 16), 0)]
    disk = open_qcow2(Memory(builder.build()))
    with pytest.raises(ParseError):
        disk.read_at(0, 1)


def test_a_short_deflate_stream_is_an_error() -> None:
    builder = Qcow2Builder(data=raw_deflate(b"too short"))
    builder.entries = [(packed(builder.data_offset, len(builder.data), 16), 0)]
    with pytest.raises(ParseError, match="65536 bytes of a cluster wanted"):
        open_qcow2(Memory(builder.build())).read_at(0, 1)


def test_a_bomb_gives_one_cluster_only() -> None:
    data = raw_deflate(bytes(16 << 20))
    builder = Qcow2Builder(data=data)
    builder.entries = [(packed(builder.data_offset, len(data), 16), 0)]
    assert open_qcow2(Memory(builder.build())).read_at(0, 65536) == bytes(65536)


def test_zero_clusters_of_both_kinds() -> None:
    builder = Qcow2Builder(data=b"\x11" * 65536)
    at = builder.data_offset
    builder.entries = [(at, 0), (at | 1, 0), (1, 0), (0, 0)]
    content = open_qcow2(Memory(builder.build())).read_at(0, 4 * 65536)
    assert content == b"\x11" * 65536 + bytes(3 * 65536)


def test_version_2_has_no_zero_clusters() -> None:
    builder = Qcow2Builder(version=2, entries=[(1, 0)])
    with pytest.raises(ParseError, match="version 3"):
        open_qcow2(Memory(builder.build())).read_at(0, 1)


def test_subclusters_allocated_zero_and_absent_in_one_cluster() -> None:
    builder = Qcow2Builder(incompatible=16, data=b"\x22" * 65536)
    at = builder.data_offset
    builder.entries = [(at, 0b101 | 1 << 33), (0, 1 << 32)]
    content = open_qcow2(Memory(builder.build())).read_at(0, 2 * 65536)
    assert content[:2048] == b"\x22" * 2048
    assert content[2048:4096] == bytes(2048)
    assert content[4096:6144] == b"\x22" * 2048
    assert content[6144:] == bytes(2 * 65536 - 6144)


@pytest.mark.parametrize(
    ("entry", "bitmap"), [(4 * 65536, 1 | 1 << 32), (0, 1)], ids=["both allocated and zero", "allocated nowhere"]
)
def test_a_bitmap_that_contradicts_itself_is_an_error(entry: int, bitmap: int) -> None:
    builder = Qcow2Builder(incompatible=16, data=bytes(65536), entries=[(entry, bitmap)])
    with pytest.raises(ParseError, match="contradicts itself"):
        open_qcow2(Memory(builder.build())).read_at(0, 1)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (4 * 65536 + 512, "cluster boundary"),
        (400 * 65536, "truncated"),
        (packed(400 * 65536, 512, 16), "truncated"),
    ],
)
def test_a_cluster_outside_the_file_is_an_error_where_it_is_read(entry: int, message: str) -> None:
    builder = Qcow2Builder(data=b"\x33" * 65536)
    builder.entries = [(builder.data_offset, 0), (entry, 0)]
    disk = open_qcow2(Memory(builder.build()))
    assert disk.read_at(0, 65536) == b"\x33" * 65536
    with pytest.raises(ParseError, match=message):
        disk.read_at(65536, 1)
    with pytest.raises(ParseError, match=message):
        disk.read_at(0, 131072)


def test_the_last_cluster_may_end_with_the_file() -> None:
    builder = Qcow2Builder(data=b"\x44" * 5000)
    builder.entries = [(builder.data_offset, 0)]
    assert open_qcow2(Memory(builder.build())).read_at(0, 65536) == b"\x44" * 5000 + bytes(60536)


def test_neighbouring_clusters_are_read_at_once() -> None:
    builder = Qcow2Builder(data=random.Random(1).randbytes(16 * 65536))
    builder.entries = [(builder.data_offset + n * 65536, 0) for n in range(16)]
    file = Counted(builder.build())
    disk = open_qcow2(file)
    disk.read_at(0, 1)
    file.reads.clear()
    assert disk.read_at(100, 1_000_000) == builder.data[100:1_000_100]
    assert file.reads == [(builder.data_offset + 100, 1_000_000)]


def test_opening_reads_little_and_the_caches_are_bounded() -> None:
    builder = Qcow2Builder(data=raw_deflate(bytes(65536)))
    builder.entries = [(packed(builder.data_offset, len(builder.data), 16), 0)] * 8192
    builder.size = 8192 * 65536
    file = Counted(builder.build())
    disk = open_qcow2(file)
    assert sum(size for _, size in file.reads) < 16384
    for cluster in range(0, 8192, 3):
        disk.read_at(cluster * 65536 + 7, 100)
    assert sum(map(len, disk._clusters.values())) <= qcow2.CLUSTER_CACHE_BYTES
    assert sum(len(table) * 8 for table in disk._slices.values()) <= qcow2.TABLE_CACHE_BYTES


def test_a_table_cache_that_is_full_forgets_the_oldest() -> None:
    builder = Qcow2Builder(cluster_bits=9, size=64 * 512, data=b"\x55" * 512)
    builder.entries = [(builder.data_offset, 0)] * 64
    builder.header = {"size": 512 * 64 * 40_000, "l1_size": 40_000, "l1_table_offset": 512 * 100}
    image = bytearray(builder.build().ljust(512 * 100, b"\0"))
    image += struct.pack(">Q", 3 * 512) * 40_000
    disk = open_qcow2(Memory(bytes(image)))
    for table in range(0, 40_000, 3):
        assert disk.read_at(table * 512 * 64, 4) == b"\x55" * 4
    assert len(disk._slices) <= disk._max_slices
    assert sum(len(table) * 8 for table in disk._l1_slices.values()) <= qcow2.TABLE_CACHE_BYTES


def test_reading_past_the_end_is_an_error() -> None:
    disk = open_qcow2(Memory(Qcow2Builder().build()))
    for offset, size in ((1 << 20, 1), (-1, 1), (0, (1 << 20) + 1), (0, -1)):
        with pytest.raises(ParseError):
            disk.read_at(offset, size)
    assert disk.read_at(1 << 20, 0) == b""


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (Qcow2Builder(backing=b"/etc/passwd"), "refused: the image has a backing file, '/etc/passwd'"),
        (Qcow2Builder(backing=b'json:{"driver":"nbd"}\x1b[2J'), r"\\x1b\[2J"),
        (Qcow2Builder(incompatible=4), "external data file"),
        (Qcow2Builder(incompatible=32), "bit 5"),
        (Qcow2Builder(incompatible=1 << 63), "bit 63"),
    ],
)
def test_what_leads_elsewhere_is_refused(builder: Qcow2Builder, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        open_qcow2(Memory(builder.build()))


def test_a_backing_file_that_the_caller_gives_is_read() -> None:
    builder = Qcow2Builder(backing=b"base.raw", data=b"\x66" * 65536)
    builder.entries = [(builder.data_offset, 0), (0, 0), (1, 0)]
    base = Memory(b"\x77" * (65536 * 4 - 1000))
    content = open_qcow2(Memory(builder.build()), backing=base).read_at(0, 65536 * 5)
    assert content[:65536] == b"\x66" * 65536
    assert content[65536:131072] == b"\x77" * 65536
    assert content[131072:196608] == bytes(65536)
    assert content[196608:] == b"\x77" * (65536 - 1000) + bytes(65536 + 1000)


def test_an_external_data_file_that_the_caller_gives_is_read() -> None:
    builder = Qcow2Builder(incompatible=4, entries=[(1 << 63, 0), (65536, 0)])
    data = Memory(b"\x01" * 65536 + b"\x02" * 65536)
    assert open_qcow2(Memory(builder.build()), data_file=data).read_at(65530, 12) == b"\x01" * 6 + b"\x02" * 6


@pytest.mark.parametrize(("method", "name"), [(1, "aes"), (2, "luks")])
def test_encryption_is_reported_and_nothing_is_read(method: int, name: str) -> None:
    disk = open_qcow2(Memory(Qcow2Builder(header={"crypt_method": method}).build()))
    assert disk.info.encryption == name
    with pytest.raises(ParseError, match=f"encrypted \\({name}\\)"):
        disk.read_at(0, 512)


def test_a_large_l1_table_is_read_in_slices() -> None:
    builder = Qcow2Builder(header={"size": 1 << 50, "l1_size": 1 << 21})
    file = HugeFile(builder.build(), 1 << 40)
    disk = open_qcow2(file)
    assert disk.read_at(disk.size - 512, 512) == bytes(512)


def bases() -> list[bytes]:
    """Small images whose every structure a mutation may hit."""
    plain = Qcow2Builder(cluster_bits=9, size=40 * 512, data=random.Random(3).randbytes(40 * 512))
    plain.entries = [(plain.data_offset + n * 512, 0) for n in range(40)]
    pieces = [raw_deflate(bytes([n]) * 4096) for n in range(10)]
    squeezed = Qcow2Builder(cluster_bits=12, size=40960, data=b"".join(pieces))
    at = squeezed.data_offset
    for piece in pieces:
        squeezed.entries.append((packed(at, len(piece), 12), 0))
        at += len(piece)
    extended = Qcow2Builder(cluster_bits=14, size=10 << 14, incompatible=16, data=bytes(10 << 14))
    extended.entries = [(extended.data_offset + (n << 14), 0x0F0F_0000_0000_F0F0) for n in range(10)]
    return [plain.build(), squeezed.build(), extended.build()]


def mutated(chance: random.Random, base: bytes, cluster: int) -> bytes:
    data = bytearray(base)
    for _ in range(chance.choice([1, 1, 2, 5])):
        region = chance.choice(
            [(0, 112), (2 * cluster, 2 * cluster + 8), (3 * cluster, 3 * cluster + 320), (0, len(data))]
        )
        at = chance.randrange(*region)
        data[at] = chance.choice([0, 0xFF, data[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    if chance.random() < 0.15:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


@pytest.mark.parametrize("seed", range(300))
def test_mutated_images_end_in_content_or_in_one_error(seed: int) -> None:
    chance = random.Random(seed)
    base = chance.choice(bases())
    data = mutated(chance, base, 1 << base[23])
    with contextlib.suppress(ParseError):
        disk = open_qcow2(Memory(data))
        for offset in range(0, min(disk.size, 1 << 19), 20_000):
            assert len(disk.read_at(offset, min(20_000, disk.size - offset))) == min(20_000, disk.size - offset)
