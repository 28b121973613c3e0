"""The log of a VHDX, replayed in memory, compared with what qemu-img makes of it."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.image_file import open_file
from parsers.container.vhdx import open_vhdx
from parsers.container.vhdx_log import MAX_ZEROS, Replayed
from parsers.place import ParseError
from parsers.source import Memory
from tests.disk_images import MIB, as_raw, assert_same, assert_survives, random_image
from tests.oracles import needs
from tests.vhdx_log_builder import Data, Zero, entry, log_place, with_log

qemu = needs("qemu-img", "qemu-io")
Entries = list[tuple[int, bytes]]
Operations = list[Data | Zero]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("vhdx") / "disk.vhdx"
    random_image(path, "vhdx", "block_size=1M,log_size=1M", 8 * MIB)
    return path.read_bytes()


def payload(data: bytes, block: int = 0) -> int:
    """Where a block's bytes are in the file."""
    return open_vhdx(Memory(data))._table[block] & ~(MIB - 1)


def some(seed: int) -> bytes:
    return random.Random(seed).randbytes(4096)


def one(data: bytes) -> Entries:
    at = payload(data)
    operations: Operations = [Data(at, some(1)), Data(at + 8192, some(2))]
    return [(0, entry(7, 0, operations, flushed=len(data)))]


def zeros_and_data(data: bytes) -> Entries:
    at = payload(data)
    operations: Operations = [Data(at, some(1)), Zero(at, 65536), Data(at + 4096, some(3)), Zero(at + MIB // 2, 8192)]
    return [(8192, entry(1 << 33, 8192, operations, flushed=len(data)))]


def chain(data: bytes) -> Entries:
    """Three entries, the tail the second of them; an older sequence and one of another log beside them."""
    at = payload(data)
    first = entry(100, 0, [Data(at, some(1))], flushed=len(data))
    second = entry(101, 8192, [Data(at, some(2)), Data(at + 4096, some(3))], flushed=len(data))
    third = entry(102, 8192, [Data(at + 4096, some(4))], flushed=len(data))
    old = entry(50, 65536, [Data(at + 12288, some(5))], flushed=len(data))
    foreign = entry(900, 131072, [Data(at + 12288, some(6))], flushed=len(data), guid=bytes(15) + b"\7")
    return [(0, first), (8192, second), (8192 + len(second), third), (65536, old), (131072, foreign)]


def round_the_ring(data: bytes) -> Entries:
    at = payload(data)
    length = log_place(data)[1]
    first = entry(5, length - 8192, [Data(at, some(1))], flushed=len(data))
    second = entry(6, length - 8192, [Data(at + 4096, some(2))], flushed=len(data))
    return [(length - 8192, first), (0, second)]


def an_entry_across_the_end(data: bytes) -> Entries:
    at = payload(data)
    length = log_place(data)[1]
    operations: Operations = [Data(at + 4096 * n, some(n)) for n in range(4)]
    return [(length - 8192, entry(9, length - 8192, operations, flushed=len(data)))]


def block_moved(data: bytes) -> Entries:
    """The table itself is in the log: two blocks change places."""
    disk = open_vhdx(Memory(data))
    at = disk._table.offset
    sector = data[at : at + 4096]
    return [(0, entry(3, 0, [Data(at, sector[8:16] + sector[:8] + sector[16:])], flushed=len(data)))]


def block_appended(data: bytes) -> Entries:
    """The file ends before a block that the log knows to be there: it is made longer, with zeros."""
    disk = open_vhdx(Memory(data))
    at = disk._table.offset
    sector = bytearray(data[at : at + 4096])
    sector[:8] = (len(data) | 6).to_bytes(8, "little")
    operations: Operations = [Data(at, bytes(sector)), Data(len(data) + 4096, some(5))]
    return [
        (0, entry(3, 0, operations, flushed=len(data), last=len(data) + MIB + 1))
    ]  # QEMU grows no file to whole MiB


CASES = [one, zeros_and_data, chain, an_entry_across_the_end, block_moved, block_appended]


@qemu
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_disk_is_what_qemu_makes_of_it(tmp_path: Path, plain: bytes, case: Callable[[bytes], Entries]) -> None:
    image, theirs = tmp_path / "disk.vhdx", tmp_path / "theirs.vhdx"
    assert len(plain) % MIB == 0
    image.write_bytes(with_log(plain, case(plain)))
    theirs.write_bytes(image.read_bytes())
    subprocess.run(["qemu-img", "check", "-q", "-f", "vhdx", "-r", "all", str(theirs)], check=True)
    disk = open_vhdx(open_file(image))
    assert disk.info.dirty
    assert disk.info.log_entries == (2 if case is chain else 1)
    assert "replayed in memory" in disk.info.problems[-1].message
    assert_same(disk, as_raw(theirs, "vhdx"))
    before = tmp_path / "before.raw"
    before.write_bytes(open_vhdx(Memory(plain)).read_at(0, disk.size))
    assert disk.read_at(0, 2 * MIB) != before.read_bytes()[: 2 * MIB]


@qemu
def test_a_sequence_round_the_ring(plain: bytes) -> None:
    """QEMU 7.2 takes the piece at the log's start alone, whose tail lies outside it, which is no valid sequence."""
    disk = open_vhdx(Memory(bytes(with_log(plain, round_the_ring(plain)))))
    before = open_vhdx(Memory(plain))
    assert disk.info.log_entries == 2
    assert disk.read_at(0, 8192) == some(1) + some(2)
    assert disk.read_at(8192, disk.size - 8192) == before.read_at(8192, disk.size - 8192)


@qemu
def test_logs_that_cannot_be_replayed(plain: bytes) -> None:
    def refused(entries: Entries) -> str:
        with pytest.raises(ParseError) as caught:
            open_vhdx(Memory(bytes(with_log(plain, entries))))
        return caught.value.message

    at = payload(plain)
    good = entry(7, 0, [Data(at, some(1))], flushed=len(plain))
    assert "no whole entry" in refused([])
    assert "no whole entry" in refused([(0, good[:5000] + b"\0\0" + good[5002:])])
    assert "no whole entry" in refused([(0, entry(7, 4096, [Data(at, some(1))], flushed=len(plain)))])
    assert "no whole entry" in refused([(0, entry(0, 0, [Data(at, some(1))], flushed=len(plain)))])
    assert "truncated" in refused([(0, entry(7, 0, [Data(at, some(1))], flushed=len(plain) + MIB))])
    assert "sector of 4 KiB" in refused([(0, entry(7, 0, [Data(at + 512, some(1))], flushed=len(plain)))])
    assert "sectors of 4 KiB" in refused([(0, entry(7, 0, [Zero(at, 100)], flushed=len(plain)))])
    many: Operations = [Zero(at, 4096)] * (MAX_ZEROS + 1)
    assert "runs of zeros" in refused([(0, entry(7, 0, many, flushed=len(plain)))])


@qemu
def test_zeros_over_everything(plain: bytes) -> None:
    """A run of zeros as long as numbers go: the table is gone with it."""
    entries = [(0, entry(7, 0, [Zero(0, 1 << 63)], flushed=len(plain)))]
    with pytest.raises(ParseError):
        open_vhdx(Memory(bytes(with_log(plain, entries))))


@qemu
def test_damaged_logs_are_errors(plain: bytes) -> None:
    data = bytes(with_log(plain, chain(plain)))
    offset, _ = log_place(data)
    assert_survives(data, [(offset, 128), (offset + 8192, 16384), (65536, 80), (131072, 80)], open_vhdx, 100)


def test_what_lies_over_the_file() -> None:
    """Compared with the same done to a piece of memory."""
    chance = random.Random(5)
    base = chance.randbytes(256 << 10)
    model = bytearray(base)
    replayed = Replayed(Memory(base))
    for _ in range(100):
        at = chance.randrange(80) * 4096
        if chance.random() < 0.3:
            length = chance.randrange(1, 10) * 4096
            replayed.put_zeros(at, length)
        else:
            length = 4096
            replayed.put(at, content := chance.randbytes(4096))
        model.extend(bytes(max(0, at + length - len(model))))
        model[at : at + length] = content if length == 4096 and at in replayed._sectors else bytes(length)
    replayed.finish(400 << 10)
    model.extend(bytes((400 << 10) - len(model)))
    assert replayed.size == len(model)
    for _ in range(500):
        at = chance.randrange(len(model))
        length = chance.randrange(min(20_000, len(model) - at + 1))
        assert replayed.read_at(at, length) == model[at : at + length]
