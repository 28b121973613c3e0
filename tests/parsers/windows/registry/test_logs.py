"""Transaction logs in both formats, replayed over the hives that they belong to."""

from __future__ import annotations

import random

import pytest

from fixtures.windows.hive_log import base_block, changed_pages, dirty, marvin, new_log, old_log, sealed
from parsers.source import Memory
from parsers.windows.registry import Hive, HiveState, open_hive
from parsers.windows.registry.header import BASE_BLOCK_SIZE
from parsers.windows.registry.marvin32 import marvin32
from parsers.windows.registry.replay import Overlay
from tests.parsers.windows.registry.building import Builder, Node, text


def hive_of(number: int, keys: int = 300) -> bytes:
    """Return a hive in which every value is `number`."""
    value = [("Number", 3, bytes([number]) * 100), ("Name", 1, text(f"n{number}"))]
    return Builder().build(Node({f"Key{key}": Node(values=value) for key in range(keys)}))


OLD, NEW, NEWER = hive_of(1), hive_of(2), hive_of(3, 600)
BINS = len(NEW) - BASE_BLOCK_SIZE
SECOND = (8, BINS, changed_pages(OLD, NEW, 4096))
THIRD = (9, len(NEWER) - BASE_BLOCK_SIZE, changed_pages(NEW, NEWER, 4096))


def opened(hive: bytes, *logs: bytes) -> Hive:
    return open_hive(Memory(hive, "SYSTEM"), [Memory(log, f"SYSTEM.LOG{number}") for number, log in enumerate(logs, 1)])


def numbers(hive: Hive) -> dict[int, int]:
    """Return how many values have which number."""
    found: dict[int, int] = {}
    for key in hive.walk():
        if value := key.value("Number"):
            found[value.data[0]] = found.get(value.data[0], 0) + 1
    return found


def test_marvin32_gives_the_published_values() -> None:
    for data, wanted in ((b"", 0x30ED35C100CD3C7D), (b"\xaf", 0x48E73FC77D75DDC1)):
        assert marvin32(data, 0x004FB61A001BDBCC) == marvin(data, 0x004FB61A001BDBCC) == wanted


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 31, 32, 65535, 65536, 65537, 131079])
def test_marvin32_of_any_length(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert marvin32(data) == marvin(data)


def test_a_log_of_windows_7_is_replayed() -> None:
    for sector in (1, 8):
        hive = opened(dirty(OLD, 8, 7), old_log(OLD, NEW, sector=sector))
        assert (hive.state, hive.logs, hive.entries) == (HiveState.REPLAYED, ("SYSTEM.LOG1",), 1)
        assert numbers(hive) == {2: 300}
        assert hive.raw is not None
        assert numbers(hive.raw) == {1: 300}
        assert hive.problems == hive.check_bins() == ()


def test_of_two_old_logs_the_whole_one_of_the_time_counts() -> None:
    torn = old_log(OLD, NEWER, sequences=(9, 8))
    late = sealed(old_log(OLD, NEWER)[:12] + bytes(8) + old_log(OLD, NEWER)[20:])
    hive = opened(dirty(OLD, 8, 7), torn, late)
    assert (hive.state, numbers(hive)) == (HiveState.DIRTY, {1: 300})
    hive = opened(dirty(OLD, 8, 7), torn, old_log(OLD, NEW))
    assert (hive.logs, numbers(hive)) == (("SYSTEM.LOG2",), {2: 300})
    assert [problem.place.path for problem in hive.problems] == ["SYSTEM.LOG1"]


def test_a_log_of_windows_10_is_replayed_entry_by_entry() -> None:
    hive = opened(dirty(OLD, 9, 8), new_log([SECOND, THIRD]))
    assert (hive.state, hive.entries, numbers(hive)) == (HiveState.REPLAYED, 2, {3: 600})
    assert (hive.base.primary_sequence, hive.base.secondary_sequence) == (9, 9)
    assert hive.base.bins_size == len(NEWER) - BASE_BLOCK_SIZE
    assert hive.problems == hive.check_bins() == ()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_entries_follow_each_other_over_both_logs(order: tuple[int, int]) -> None:
    logs = (new_log([SECOND]), new_log([THIRD], sequence=9))
    hive = opened(dirty(OLD, 9, 8), *(logs[number] for number in order))
    assert (hive.entries, numbers(hive)) == (2, {3: 600})
    assert sorted(hive.logs) == ["SYSTEM.LOG1", "SYSTEM.LOG2"]


def test_a_log_that_was_applied_is_passed_over() -> None:
    """The base block of a log has the number of its first entry: less than the hive's, and the log is of the past."""
    stale = (7, BINS, [(0, bytes(4096))])
    hive = opened(dirty(OLD, 9, 8), new_log([stale], sequence=7), new_log([SECOND]))
    assert (hive.logs, numbers(hive)) == (("SYSTEM.LOG2",), {2: 300})


def test_what_does_not_follow_is_not_applied() -> None:
    stale = (6, BINS, [(0, bytes(4096))])
    assert numbers(opened(dirty(OLD, 9, 8), new_log([SECOND, stale]))) == {2: 300}
    assert numbers(opened(dirty(OLD, 9, 8), new_log([SECOND]), new_log([(10, *THIRD[1:])], sequence=10))) == {2: 300}
    for log in (new_log([THIRD]), new_log([stale, SECOND]), new_log([SECOND], sequence=9)):
        hive = opened(dirty(OLD, 9, 8), log)
        assert (hive.state, numbers(hive)) == (HiveState.DIRTY, {1: 300})
        assert any("entry 8 wanted" in problem.message for problem in hive.problems)


def test_a_log_may_begin_behind_the_number_of_the_hive() -> None:
    hive = opened(dirty(OLD, 6, 5), new_log([SECOND]))
    assert (hive.state, numbers(hive)) == (HiveState.REPLAYED, {2: 300})
    assert [str(problem) for problem in hive.problems] == ["SYSTEM.LOG1: entry 5 wanted first in the logs, 8 found"]


def test_entries_that_are_lost_between_two_logs_are_told() -> None:
    hive = opened(dirty(OLD, 9, 8), new_log([SECOND]), new_log([(11, *THIRD[1:])], sequence=11))
    assert (hive.entries, numbers(hive)) == (1, {2: 300})
    assert [str(problem) for problem in hive.problems] == ["SYSTEM.LOG2: entry 9 wanted first in the logs, 11 found"]


@pytest.mark.parametrize("at", [512 + 12, 512 + 16, 512 + 24, 512 + 32, 512 + 44, 512 + 4000])
def test_an_entry_with_a_flaw_ends_the_replay(at: int) -> None:
    log = bytearray(new_log([SECOND, THIRD]))
    log[at] ^= 1
    hive = opened(dirty(OLD, 9, 8), bytes(log))
    assert (hive.state, numbers(hive)) == (HiveState.DIRTY, {1: 300})


def test_a_flaw_in_the_second_entry_leaves_the_first() -> None:
    log = bytearray(new_log([SECOND, THIRD]))
    log[-1000] ^= 1
    assert numbers(opened(dirty(OLD, 9, 8), bytes(log))) == {2: 300}


def test_a_clean_hive_ignores_its_logs() -> None:
    for log in (old_log(OLD, NEW), new_log([SECOND]), b"garbage"):
        hive = opened(OLD, log)
        assert (hive.state, hive.problems, numbers(hive)) == (HiveState.CLEAN, (), {1: 300})


def test_a_wrong_base_block_is_taken_from_the_log() -> None:
    broken = bytearray(dirty(OLD, 8, 7))
    broken[36:40] = b"\xff\xff\xff\x7f"
    for log in (old_log(OLD, NEW), new_log([SECOND])):
        hive = opened(bytes(broken), log)
        assert (hive.state, numbers(hive)) == (HiveState.REPLAYED, {2: 300})


def test_with_a_wrong_base_block_the_latest_log_is_replayed_alone() -> None:
    broken = bytearray(dirty(OLD, 8, 7))
    broken[508] ^= 1
    whole = (9, BINS, changed_pages(OLD, NEW, 4096))
    for logs in ((new_log([(8, BINS, [(0, bytes(4096))])]), new_log([whole], sequence=9)),):
        for order in (logs, logs[::-1]):
            hive = opened(bytes(broken), *order)
            assert (hive.entries, numbers(hive), len(hive.logs)) == (1, {2: 300}, 1)


def test_the_hive_grows_with_its_log() -> None:
    short = dirty(OLD, 9, 8)[: BASE_BLOCK_SIZE + 8192]
    whole = (8, BINS, [(at, NEW[BASE_BLOCK_SIZE + at : BASE_BLOCK_SIZE + at + 4096]) for at in range(0, BINS, 4096)])
    hive = opened(short, new_log([whole]))
    assert (numbers(hive), hive.check_bins()) == ({2: 300}, ())


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (b"", None),
        (b"regf", "512 bytes wanted"),
        (bytes(1024), "regf wanted"),
        (base_block((8, 8), 32, BINS, kind=0), "a transaction log wanted"),
        (base_block((8, 8), 32, BINS, kind=1, sector=3), "sectors of 512 to 4096"),
        (base_block((8, 8), 32, BINS, kind=1), "DIRT wanted"),
        (base_block((8, 8), 32, 0xFFFFF000, kind=1)[:512] + b"DIRT", "wanted, the source ends"),
        (base_block((8, 8), 32, 5000, kind=1)[:512] + b"DIRT", "bins of whole pages wanted"),
        (base_block((8, 8), 32, BINS, kind=6)[:509] + bytes(3), "checksum"),
    ],
)
def test_what_is_no_log_is_said(log: bytes, message: str | None) -> None:
    hive = opened(dirty(OLD, 8, 7), log)
    assert (hive.state, numbers(hive)) == (HiveState.DIRTY, {1: 300})
    assert message is None or any(message in problem.message for problem in hive.problems)


def test_a_page_of_another_bin_spoils_an_old_log() -> None:
    moved = [(offset, data) for offset, data in changed_pages(OLD, NEW, 512)]
    assert moved
    log = bytearray(old_log(bytes(len(NEW)), NEW))
    at = log.index(b"hbin")
    log[at + 4] = 0x10
    hive = opened(dirty(OLD, 8, 7), bytes(log))
    assert (hive.state, numbers(hive)) == (HiveState.DIRTY, {1: 300})


def test_pages_outside_the_bins_are_not_applied() -> None:
    for pages in ([(BINS, bytes(4096))], [(100, bytes(512))], [(0, bytes(100))]):
        assert opened(dirty(OLD, 8, 7), new_log([(8, BINS, pages)])).state is HiveState.DIRTY


def test_an_overlay_is_read_at_any_offset() -> None:
    dice = random.Random(1)
    wanted = bytearray(dice.randbytes(20000) + bytes(5000))
    overlay = Overlay(Memory(bytes(wanted[:20000])))
    for _ in range(8):
        page = dice.randrange(0, 40) * 512
        data = dice.randbytes(512 * dice.randrange(1, 4))[: 25000 - 4096 - page]
        data = data[: len(data) // 512 * 512]
        overlay.put([(page, data)], 25000 - 4096)
        wanted[4096 + page : 4096 + page + len(data)] = data
    for _ in range(500):
        offset = dice.randrange(25000)
        size = dice.randrange(25000 - offset + 1)
        assert overlay.read_at(offset, size) == wanted[offset : offset + size]
