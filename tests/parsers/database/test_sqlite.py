"""Tables of SQLite, against SQLite itself."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from parsers.database.sqlite import Database, Row
from parsers.place import ParseError
from parsers.source import Memory

QUERY = "select rowid, * from Packages order by rowid"


def filled(path: Path, page_size: int = 4096, rows: int = 300, *pragmas: str) -> Path:
    chance = random.Random(page_size)
    with closing(sqlite3.connect(path)) as connection:
        for pragma in (f"page_size = {page_size}", *pragmas):
            connection.execute(f"pragma {pragma}")
        connection.execute("create table Other (x)")
        connection.execute("create table Packages (hnum integer primary key, blob blob, note, price)")
        connection.execute("create index Notes on Packages(note)")
        for number in range(rows):
            blob = chance.randbytes(chance.choice([0, 1, 40, 300, 470, 500, 4000, 9000]))
            note = chance.choice([None, 0, 1, -1, 127, -129, 1 << 20, -(1 << 40), 1 << 62, "wörd", b"x", 2.5])
            connection.execute("insert into Packages values (?, ?, ?, ?)", (number * 7 - 50, blob, note, 1.0))
            connection.execute("insert into Other values (?)", (blob,))
        connection.execute("delete from Packages where hnum % 5 = 0")
        connection.commit()
    return path


def theirs(path: Path) -> list[Row]:
    with closing(sqlite3.connect(path)) as connection:
        return [(row[0], (None, *row[2:])) for row in connection.execute(QUERY)]


def ours(path: Path, table: str = "Packages") -> list[Row]:
    log = path.with_name(path.name + "-wal")
    return list(
        Database(Memory(path.read_bytes(), "db"), Memory(log.read_bytes(), "log") if log.exists() else None).rows(table)
    )


@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65536])
def test_rows_are_those_that_sqlite_gives(tmp_path: Path, page_size: int) -> None:
    path = filled(tmp_path / "db", page_size)
    assert ours(path) == theirs(path)


@pytest.mark.parametrize("pragma", ["encoding = 'UTF-16le'", "encoding = 'UTF-16be'", "auto_vacuum = full"])
def test_other_encodings_and_layouts(tmp_path: Path, pragma: str) -> None:
    path = filled(tmp_path / "db", 1024, 100, pragma)
    assert ours(path) == theirs(path)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    path = filled(tmp_path / "db", rows=1)
    with pytest.raises(ParseError, match="db: a table Gone wanted, none found"):
        ours(path, "Gone")


def test_a_view_of_the_name_is_no_table(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "db")) as connection:
        connection.execute(
            "create view Packages as with recursive t(x) as (select 1 union all select 1) select x from t"
        )
        connection.commit()
    with pytest.raises(ParseError, match="a table Packages wanted"):
        ours(tmp_path / "db")


# -- the write-ahead log


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose last transactions lie in its log, the last of them not committed."""
    folder = tmp_path_factory.mktemp("logged")
    (folder / "live").mkdir()
    path = filled(folder / "live/db", 1024, 60)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma wal_autocheckpoint = 0")
    for number in range(1000, 1006):
        connection.execute("begin")
        connection.execute("insert into Packages values (?, ?, 'new', 0)", (number, bytes(3000)))
        connection.execute("delete from Packages where hnum = ?", ((number - 1000) * 7 - 49,))
        connection.execute("update Packages set note = ? where hnum = 13", (number,))
        connection.execute("commit")
    copy = folder / "copy"
    shutil.copytree(folder / "live", copy)
    connection.close()
    (copy / "db-shm").unlink()
    return copy / "db"


def copied(path: Path, folder: Path) -> Path:
    folder.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(path.with_name(path.name + suffix), folder)
    return folder / path.name


def test_the_log_is_taken_into_account_and_nothing_is_written(logged: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in logged.parent.iterdir()}
    found = ours(logged)
    assert {path.name: path.read_bytes() for path in logged.parent.iterdir()} == before
    assert found == theirs(copied(logged, tmp_path / "a"))
    assert [row[0] for row in found][-6:] == list(range(1000, 1006))
    without = list(Database(Memory(before["db"])).rows("Packages"))
    assert without != found


def test_a_torn_log_counts_up_to_the_last_commit_as_for_sqlite(logged: Path, tmp_path: Path) -> None:
    log = logged.with_name("db-wal").read_bytes()
    chance = random.Random(3)
    sizes = [0, 1, 31, 32, 33, len(log) - 1, *(chance.randrange(len(log)) for _ in range(25))]
    seen = set()
    for number, size in enumerate(sizes):
        path = copied(logged, tmp_path / f"torn{number}")
        path.with_name("db-wal").write_bytes(log[:size])
        found = ours(path)
        assert found == theirs(path), size
        seen.add(len(found))
    assert len(seen) > 1


def test_a_damaged_log_counts_up_to_the_damage_as_for_sqlite(logged: Path, tmp_path: Path) -> None:
    log = logged.with_name("db-wal").read_bytes()
    chance = random.Random(4)
    for number in range(30):
        damaged = bytearray(log)
        damaged[chance.randrange(32 if number < 8 else len(log))] ^= 1 << chance.randrange(8)
        path = copied(logged, tmp_path / f"bad{number}")
        path.with_name("db-wal").write_bytes(damaged)
        try:
            expected: list[Row] | None = theirs(path)
        except sqlite3.DatabaseError:
            expected = None
        try:
            found: list[Row] | None = ours(path)
        except ParseError:
            found = None
        assert found == expected


# -- damage


def walked(data: bytes) -> int:
    rows = 0
    for _, _ in Database(Memory(data, "db")).rows("Packages"):
        rows += 1
    return rows


def leaves(data: bytearray, page_size: int) -> Iterator[int]:
    return (at for at in range(page_size, len(data), page_size) if data[at] == 13)


def test_a_loop_of_pages_ends(tmp_path: Path) -> None:
    path = filled(tmp_path / "db", 512, 200)
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("select rootpage from sqlite_schema where name = 'Packages'").fetchone()
    data = bytearray(path.read_bytes())
    struct.pack_into(">I", data, (root - 1) * 512 + 8, root)
    with pytest.raises(ParseError, match=r"a page that is used once wanted, one that is used twice found"):
        walked(bytes(data))


def test_cells_that_lie_over_one_another_are_not_read_without_end(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma page_size = 65536")
        connection.execute("create table Packages (hnum integer primary key, blob blob)")
        connection.execute("insert into Packages values (1, zeroblob(40000))")
        connection.commit()
    data = bytearray(path.read_bytes())
    leaf = next(leaves(data, 65536))
    (cell,) = struct.unpack_from(">H", data, leaf + 8)
    count = (cell - 8) // 2
    struct.pack_into(">H", data, leaf + 3, count)
    struct.pack_into(f">{count}H", data, leaf + 8, *[cell] * count)
    with pytest.raises(ParseError, match="rows that fit into the file wanted, more found"):
        walked(bytes(data))


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, b"x", "the magic string of SQLite 3 wanted"),
        (16, b"\x03\x00", "a page size of 512 to 65536 bytes wanted, 768 found"),
        (20, b"\xff", "at least 480 usable bytes in a page wanted, 257 found"),
        (56, b"\0\0\0\x09", "a text encoding of 1 to 3 wanted, 9 found"),
        (100, b"\x02", "a page of a table"),
        (103, b"\xff\xff", "cells wanted, 65535 found"),
    ],
)
def test_a_broken_header_is_named(tmp_path: Path, offset: int, value: bytes, message: str) -> None:
    data = bytearray(filled(tmp_path / "db", 512, 3).read_bytes())
    data[offset : offset + len(value)] = value
    with pytest.raises(ParseError, match=message):
        walked(bytes(data))


def test_damage_raises_nothing_but_parse_errors(tmp_path: Path) -> None:
    data = filled(tmp_path / "db", 512, 60).read_bytes()
    chance = random.Random(5)
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 1, 3])):
            at = chance.randrange(len(damaged))
            if chance.random() < 0.7:  # where the structure is: heads of pages and what points to cells
                at = at // 512 * 512 + chance.randrange(60)
            damaged[at] = chance.randrange(256)
        size = chance.choice([len(data), len(data), chance.randrange(len(data))])
        with suppress(ParseError):
            assert walked(bytes(damaged[:size])) <= 60
