"""The write-ahead log by itself; test_sqlite.py compares what comes of it with SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from parsers.database.sqlite_log import MAX_SIZE, WriteAheadLog
from parsers.place import ParseError
from parsers.source import Memory


class Long:
    """A log that is as long as it likes to be."""

    name = "log"
    size = MAX_SIZE + 1

    def read_at(self, offset: int, size: int) -> bytes:  # noqa: ARG002 - the protocol's signature
        raise AssertionError("nothing of it is read")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("log") / "db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma page_size = 512")
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table a (x)")
    connection.execute("insert into a values (1)")
    data = Path(f"{path}-wal").read_bytes()
    connection.close()
    return data


def test_the_last_content_of_each_page_counts(log: bytes) -> None:
    found = WriteAheadLog(Memory(log))
    assert (found.page_size, found.pages) == (512, 2)
    assert set(found.frames) == {1, 2}
    assert found.frames[2] == len(log) - 512
    assert found.page(found.frames[1])[:16] == b"SQLite format 3\0"


@pytest.mark.parametrize("end", [0, 10, 32, 32 + 24 + 511])
def test_a_log_without_a_commit_is_empty(log: bytes, end: int) -> None:
    found = WriteAheadLog(Memory(log[:end]))
    assert (found.frames, found.pages) == ({}, 0)


def test_a_log_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(ParseError, match="a log of at most 268435456 bytes wanted"):
        WriteAheadLog(Long())
