"""The snapshot table of a qcow2 file."""

from __future__ import annotations

import struct

from parsers.container.qcow2_snapshot import MAX_LISTED, Qcow2Snapshot, snapshots
from parsers.source import Memory


def entry(identity: bytes, name: bytes, extra: bytes = b"") -> bytes:
    head = struct.pack(">QIHHIIQII", 65536, 1, len(identity), len(name), 1_700_000_000, 0, 0, 77, len(extra))
    data = head + extra + identity + name
    return data.ljust(-(-len(data) // 8) * 8, b"\0")


def test_entries_with_and_without_extra_data() -> None:
    table = entry(b"1", b"first") + entry(b"22", b"second one", struct.pack(">QQQ", 1 << 33, 4096, 0))
    found, flaw = snapshots(Memory(bytes(512) + table), 512, 2)
    assert flaw is None
    assert found == (
        Qcow2Snapshot("1", "first", 1_700_000_000, 77, None),
        Qcow2Snapshot("22", "second one", 1_700_000_000, 1 << 33, 4096),
    )


def test_a_table_past_the_end_is_a_problem_after_what_was_read() -> None:
    found, flaw = snapshots(Memory(entry(b"1", b"first")), 0, 3)
    assert [snapshot.name for snapshot in found] == ["first"]
    assert flaw is not None
    assert "3 snapshots wanted, 1 found" in flaw.message


def test_huge_lengths_and_counts_are_bounded() -> None:
    head = struct.pack(">QIHHIIQII", 0, 0, 65535, 65535, 0, 0, 0, 0, 1 << 31)
    found, flaw = snapshots(Memory(head + bytes(4096)), 0, 1)
    assert found == ()
    assert flaw is not None
    many = entry(b"", b"") * 1100
    found, flaw = snapshots(Memory(many), 0, 0xFFFFFFFF)
    assert len(found) == MAX_LISTED
    assert flaw is not None


def test_an_unaligned_table_is_a_problem() -> None:
    assert snapshots(Memory(bytes(4096)), 8, 1)[1] is not None
    assert snapshots(Memory(bytes(4096)), 8, 0) == ((), None)
