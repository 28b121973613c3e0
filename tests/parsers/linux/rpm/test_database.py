"""rpm's database in its three shapes: real ones, and against what rpm itself lists."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.rpm import Blob, header, initialise, ndb, query, record, recorded, rpmbuild, write_berkeley, write_sqlite
from parsers.linux.package import PackageList
from parsers.linux.rpm.database import parse_rpm_berkeley, parse_rpm_ndb, parse_rpm_sqlite
from parsers.place import ParseError
from parsers.source import Memory, Source
from tests.corpus import corpus
from tests.oracles import needs

FORM = "%{NAME}\\t%{EPOCH}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\n"
SPEC = """\
Name: first
Version: 1
Release: 1
Summary: The first
License: MIT
BuildArch: noarch
%description
Text.
%package second
Summary: The second
%description second
Text.
%package third
Summary: The third
%description third
Text.
%files
%files second
%files third
"""
Parser = Callable[[Source], PackageList]


def blobs(count: int = 60) -> list[Blob]:
    """Packages of every kind: several kernels, several keys, with and without an epoch, long and short."""
    chance = random.Random(1)
    made = [
        (number, header(name=f"package-{number}", version=f"{number}.0", release="1.el9", architecture="x86_64",
                        epoch=number % 3, summary="x" * chance.randrange(9000), install_time=number))
        for number in range(1, count)
    ]  # fmt: skip
    kernels = [
        (500 + n, header(name="kernel", version="5.14.0", release=f"{n}.el9", architecture="x86_64")) for n in range(3)
    ]
    keys = [(600 + n, header(name="gpg-pubkey", version=f"8483c65{n}", release="5ccc5b19")) for n in range(6)]
    return made + kernels + keys


def listed(found: PackageList) -> list[str]:
    """The packages as `FORM` prints them."""
    lines = [(p.name, p.epoch, p.version, p.release, p.architecture or None) for p in found.packages]
    return sorted("\t".join("(none)" if item is None else str(item) for item in line) for line in lines)


def memory(path: Path) -> Memory:
    return Memory(path.read_bytes(), path.name)


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "parse"),
    [
        ("mariner2-rpmdb.sqlite", parse_rpm_sqlite),
        ("sle15-Packages.db", parse_rpm_ndb),
        ("bdb-Packages", parse_rpm_berkeley),
    ],
    ids=["sqlite", "ndb", "berkeley"],
)
def test_real_databases_hold_what_rpm_lists(name: str, parse: Parser) -> None:
    found = parse(memory(corpus(f"rpm/{name}.xz")))
    expected = corpus(f"rpm/{name}.expected.tsv").read_text().splitlines()
    lines = [(p.name, p.epoch, p.version, p.release, p.architecture or "(none)") for p in found.packages]
    assert sorted("\t".join("" if item is None else str(item) for item in line) for line in lines) == sorted(expected)
    assert found.problems == ()


@needs("rpm")
def test_rpm_lists_the_same_from_sqlite(tmp_path: Path) -> None:
    initialise(tmp_path)
    write_sqlite(tmp_path / "rpmdb.sqlite", blobs())
    theirs = sorted(query(tmp_path, FORM))
    assert len(theirs) == 68
    assert listed(parse_rpm_sqlite(memory(tmp_path / "rpmdb.sqlite"))) == theirs


@needs("rpm", "rpmbuild")
def test_what_rpm_has_written_to_the_log_alone_is_read(tmp_path: Path) -> None:
    packages = rpmbuild(SPEC, tmp_path)
    database, copy = tmp_path / "db", tmp_path / "copy"
    record(database, packages[:1])
    reader = sqlite3.connect(database / "rpmdb.sqlite")
    reader.execute("begin").execute("select count(*) from Packages").fetchone()  # keeps rpm from clearing the log
    record(database, packages[1:])
    shutil.copytree(database, copy)
    reader.close()
    log = memory(copy / "rpmdb.sqlite-wal")
    assert len(parse_rpm_sqlite(memory(copy / "rpmdb.sqlite")).packages) == 1
    found = parse_rpm_sqlite(memory(copy / "rpmdb.sqlite"), log)
    assert listed(found) == sorted(query(copy, FORM))
    assert (len(found.packages), found.problems) == (3, ())


@needs("rpm", "db_load")
@pytest.mark.parametrize("page_size", [512, 4096, 32768])
@pytest.mark.parametrize("big_endian", [False, True])
def test_rpm_lists_the_same_from_berkeley_db(tmp_path: Path, big_endian: bool, page_size: int) -> None:
    write_berkeley(tmp_path / "Packages", blobs(), big_endian=big_endian, page_size=page_size)
    found = parse_rpm_berkeley(memory(tmp_path / "Packages"))
    assert listed(found) == sorted(query(tmp_path, FORM, "_db_backend bdb_ro"))
    assert found.problems == ()
    assert [package.place.key for package in found.packages[:3]] == ["package 1", "package 2", "package 3"]


def test_every_shape_gives_the_same(tmp_path: Path) -> None:
    write_sqlite(tmp_path / "rpmdb.sqlite", blobs(), page_size=1024)
    from_sqlite = parse_rpm_sqlite(memory(tmp_path / "rpmdb.sqlite"))
    assert listed(from_sqlite) == listed(parse_rpm_ndb(Memory(ndb(blobs()), "Packages.db")))
    assert len(from_sqlite.packages) == 68


def test_a_damaged_header_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    made = blobs(5)
    broken = made[2][1].replace(b"package-3", b"package-X")
    made[2] = (3, broken)
    write_sqlite(tmp_path / "rpmdb.sqlite", made)
    found = parse_rpm_sqlite(memory(tmp_path / "rpmdb.sqlite"))
    assert [package.name for package in found.packages][:3] == ["package-1", "package-2", "package-4"]
    (problem,) = found.problems
    assert str(problem).startswith("rpmdb.sqlite package 3: sha256 ")


def test_a_database_of_a_fresh_system_is_empty(tmp_path: Path) -> None:
    write_sqlite(tmp_path / "rpmdb.sqlite", [])
    assert parse_rpm_sqlite(memory(tmp_path / "rpmdb.sqlite")) == PackageList(())
    assert parse_rpm_ndb(Memory(ndb([]), "Packages.db")) == PackageList(())


@needs("db_load")
def test_pairs_that_berkeley_db_lost_are_a_problem(tmp_path: Path) -> None:
    write_berkeley(tmp_path / "Packages", blobs(5), page_size=512)
    data = bytearray((tmp_path / "Packages").read_bytes())
    page = next(at for at in range(512, len(data), 512) if data[at + 25] == 13 and data[at + 20])
    data[page : page + 512] = bytes(512)
    found = parse_rpm_berkeley(Memory(bytes(data), "Packages"))
    assert [problem.message.split(",")[0] for problem in found.problems] == ["14 pairs wanted"]


@needs("rpm", "rpmbuild")
def test_a_transaction_of_rpm_that_was_interrupted_is_taken_back(tmp_path: Path) -> None:
    packages = rpmbuild(SPEC, tmp_path)
    database, copy = tmp_path / "db", tmp_path / "copy"
    record(database, packages[:1])
    connection = sqlite3.connect(database / "rpmdb.sqlite", isolation_level=None)
    connection.execute("pragma journal_mode = delete")
    connection.execute("pragma cache_size = 1")
    connection.execute("begin")
    connection.executemany("insert or ignore into Packages values (?, ?)", blobs(400))
    shutil.copytree(database, copy)
    connection.close()
    journal = memory(copy / "rpmdb.sqlite-journal")
    found = parse_rpm_sqlite(memory(copy / "rpmdb.sqlite"), None, journal)
    recorded(copy)  # SQLite takes it back, which rpm, that only reads, may not
    assert listed(found) == sorted(query(copy, FORM))
    assert len(found.packages) == 1


@pytest.mark.parametrize(
    "parse", [parse_rpm_sqlite, parse_rpm_ndb, parse_rpm_berkeley], ids=["sqlite", "ndb", "berkeley"]
)
@pytest.mark.parametrize("data", [b"", b"x", bytes(8192)], ids=["empty", "short", "zeros"])
def test_what_is_no_database_is_an_error(parse: Parser, data: bytes) -> None:
    with pytest.raises(ParseError):
        parse(Memory(data, "db"))


def test_columns_of_another_kind_are_an_error(tmp_path: Path) -> None:
    write_sqlite(tmp_path / "rpmdb.sqlite", [(1, "text")])  # type: ignore[list-item]  # what is wrong with it
    with pytest.raises(ParseError, match="package 1: a header wanted, none found"):
        parse_rpm_sqlite(memory(tmp_path / "rpmdb.sqlite"))
