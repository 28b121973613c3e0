"""Interrupted transactions, taken back as SQLite itself takes them back."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
from contextlib import closing, suppress
from pathlib import Path

import pytest

from parsers.database.sqlite import Database, Row
from parsers.database.sqlite_journal import MAX_SIZE, is_hot_journal, roll_back
from parsers.place import ParseError
from parsers.source import Memory

HEAD = bytes.fromhex("d9d505f920a163d7")


def interrupted(folder: Path, page_size: int, *pragmas: str, cache: int = 2) -> Path:
    """Return a copy of a database made in the middle of a transaction that had to write pages before its end."""
    live, copy = folder / "live", folder / "copy"
    live.mkdir(parents=True)
    chance = random.Random(page_size)
    with closing(sqlite3.connect(live / "db", isolation_level=None)) as connection:
        for pragma in (f"page_size = {page_size}", "journal_mode = delete", f"cache_size = {cache}", *pragmas):
            connection.execute(f"pragma {pragma}")
        connection.execute("create table Packages (hnum integer primary key, blob blob)")
        connection.execute("create table Other (x)")
        connection.execute("begin")
        rows = ((number, chance.randbytes(chance.choice([3, 300, 2000]))) for number in range(300))
        connection.executemany("insert into Packages values (?, ?)", rows)
        connection.execute("commit")
        connection.execute("begin")
        connection.execute("delete from Packages where hnum % 3 = 0")
        connection.executemany("insert into Packages values (?, ?)", ((1000 + n, bytes(700)) for n in range(300)))
        connection.execute("update Packages set blob = x'00' where hnum % 7 = 1")
        connection.execute("insert into Other select blob from Packages")
        shutil.copytree(live, copy)
    return copy / "db"


def ours(path: Path) -> list[Row]:
    journal = path.with_name("db-journal")
    return list(Database(Memory(path.read_bytes(), "db"), None, Memory(journal.read_bytes(), "j")).rows("Packages"))


def theirs(path: Path, folder: Path) -> list[Row]:
    """What SQLite reads of a copy, which it changes."""
    folder.mkdir(parents=True)
    for name in ("db", "db-journal"):
        shutil.copy(path.with_name(name), folder)
    with closing(sqlite3.connect(folder / "db")) as connection:
        return [(row[0], (None, row[1])) for row in connection.execute("select * from Packages order by hnum")]


@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65536])
@pytest.mark.parametrize(
    "pragmas", [(), ("synchronous = off",), ("auto_vacuum = full",)], ids=["full", "off", "vacuum"]
)
def test_an_interrupted_transaction_is_taken_back(tmp_path: Path, page_size: int, pragmas: tuple[str, ...]) -> None:
    path = interrupted(tmp_path, page_size, *pragmas)
    assert is_hot_journal(Memory(path.with_name("db-journal").read_bytes()))
    found = ours(path)
    assert found == theirs(path, tmp_path / "theirs")
    assert [row[0] for row in found] == list(range(300))
    if page_size < 65536:  # what was written before the interruption is there
        with suppress(ParseError):
            assert list(Database(Memory(path.read_bytes())).rows("Packages")) != found


def test_a_file_that_was_lengthened_has_its_length_again(tmp_path: Path) -> None:
    path = interrupted(tmp_path, 512)
    file, journal = Memory(path.read_bytes(), "db"), Memory(path.with_name("db-journal").read_bytes(), "j")
    rolled = roll_back(file, journal)
    theirs(path, tmp_path / "theirs")
    assert rolled.size < file.size
    assert rolled.read_at(0, rolled.size) == (tmp_path / "theirs/db").read_bytes()
    chance = random.Random(1)
    for _ in range(50):
        at = chance.randrange(rolled.size)
        size = chance.randrange(min(2000, rolled.size - at))
        assert rolled.read_at(at, size) == rolled.read_at(0, rolled.size)[at : at + size]
    with pytest.raises(ParseError, match="wanted, the source ends at"):
        rolled.read_at(rolled.size, 1)


def test_a_damaged_journal_counts_as_far_as_for_sqlite(tmp_path: Path) -> None:
    path = interrupted(tmp_path, 512)
    journal = path.with_name("db-journal").read_bytes()
    chance = random.Random(8)
    same = 0
    for number in range(60):
        damaged = bytearray(journal)
        if number % 2:
            damaged = damaged[: chance.randrange(len(journal))]
        else:
            at = chance.choice([chance.randrange(28), chance.randrange(len(journal))])
            damaged[at] ^= 1 << chance.randrange(8)
        path.with_name("db-journal").write_bytes(damaged)
        try:
            expected: list[Row] | None = theirs(path, tmp_path / f"t{number}")
        except sqlite3.DatabaseError:
            expected = None
        try:
            found: list[Row] | None = ours(path)
        except ParseError:
            found = None
        if found is not None:  # what we refuse and SQLite reads is no false list
            assert found == expected, number
        same += found == expected
    assert same >= 50


def test_what_was_committed_is_not_taken_back() -> None:
    file = Memory(bytes(512), "db")
    assert roll_back(file, Memory(b"")) is file
    assert roll_back(file, Memory(bytes(512))) is file
    assert roll_back(file, Memory(HEAD)) is file
    empty = Memory(b"", "db")
    assert roll_back(empty, Memory(HEAD + bytes(504))) is empty


@pytest.mark.parametrize(
    ("journal", "message"),
    [
        (HEAD + struct.pack(">5I", 0, 0, 1, 512, 513), "a power of 2 from 512 to 65536 wanted, 513 found"),
        (HEAD + struct.pack(">5I", 0, 0, 1, 0, 512), "a power of 2 from 32 to 65536 wanted, 0 found"),
        (HEAD + struct.pack(">5I", 0, 0, 1, 512, 512) + bytes(484) + HEAD, "on one database wanted, one on several"),
    ],
)
def test_what_is_not_read_is_refused(journal: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        roll_back(Memory(bytes(512), "db"), Memory(journal, "j"))


class Long:
    """A journal that is as long as it likes to be."""

    name = "j"
    size = MAX_SIZE + 1

    def read_at(self, offset: int, size: int) -> bytes:  # noqa: ARG002 - the protocol's signature
        return HEAD[:size]


def test_a_journal_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(ParseError, match="a journal of at most 268435456 bytes wanted"):
        roll_back(Memory(bytes(512)), Long())
