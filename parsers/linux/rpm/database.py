"""rpm's database, in each of its shapes, as a list of packages.

| file | shape | used by |
|---|---|---|
| rpmdb.sqlite | SQLite, table Packages(hnum, blob) | Fedora 33, Red Hat 9, Amazon Linux 2023 and later |
| Packages.db | rpm's own ndb | SUSE |
| Packages | Berkeley DB hash: package number -> header, 0 -> the last number | everybody before, some of SUSE |

What finds packages by other keys (Name, Index.db, the tables and files of that kind) is made of these, and not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Final

from parsers.database.berkeley_hash import HashFile
from parsers.database.sqlite import Database
from parsers.linux.package import MAX_PACKAGES, Package, PackageList
from parsers.linux.rpm.header import Header
from parsers.linux.rpm.ndb import ndb_headers
from parsers.linux.rpm.package import package_of
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

MAX_SIZE: Final = 2 << 30
"""Bytes of a database; one of 3,000 packages has some 300 MiB."""
Blobs = Iterator[tuple[int, bytes]]
"""The number and the header of each package, in any order."""


def parse_rpm_sqlite(file: Source, log: Source | None = None, journal: Source | None = None) -> PackageList:
    """Read rpmdb.sqlite as rpm finds it: as its write-ahead log (`rpmdb.sqlite-wal`) leaves it.

    A transaction that was interrupted is taken back, by its rollback journal (`rpmdb.sqlite-journal`).
    A header that is broken is a problem, and the others are read; a broken structure raises `ParseError`.
    """
    _check_size(file)
    return _packages(file.name, _sqlite(Database(file, log, journal)))


def parse_rpm_ndb(file: Source) -> PackageList:
    """Read Packages.db; problems and errors as for `parse_rpm_sqlite`."""
    _check_size(file)
    return _packages(file.name, ndb_headers(file))


def parse_rpm_berkeley(file: Source) -> PackageList:
    """Read Packages; problems and errors as for `parse_rpm_sqlite`. Fewer pairs than the file counts is a problem."""
    _check_size(file)
    database = HashFile(file)
    count = 0

    def counted() -> Blobs:
        nonlocal count
        for key, data in database.pairs():
            count += 1
            if len(key) != 4:
                raise ParseError(Place(file.name), f"keys of 4 bytes wanted, one of {len(key)} found")
            number = int.from_bytes(key, "little" if database.byte_order == "<" else "big")
            if number:  # 0 leads to the last number given
                yield number, data

    found = _packages(file.name, counted())
    if count >= database.elements:
        return found
    lost = Problem(Place(file.name), f"{database.elements} pairs wanted, {count} found")
    return PackageList(found.packages, (*found.problems, lost))


def _check_size(file: Source) -> None:
    if file.size > MAX_SIZE:
        raise ParseError(Place(file.name), f"a database of at most {MAX_SIZE} bytes wanted, {file.size} found")


def _sqlite(database: Database) -> Blobs:
    for number, columns in database.rows("Packages"):
        if len(columns) < 2 or not isinstance(columns[1], bytes):
            raise ParseError(Place(database.name, key=f"package {number}"), "a header wanted, none found")
        yield number, columns[1]


def _packages(path: str, blobs: Blobs) -> PackageList:
    packages: list[tuple[int, Package]] = []
    problems: list[Problem] = []
    for number, blob in blobs:
        place = Place(path, key=f"package {number}")
        if len(packages) + len(problems) >= MAX_PACKAGES:
            raise ParseError(place, f"at most {MAX_PACKAGES} packages wanted, more found")
        try:
            packages.append((number, package_of(Header(blob, place))))
        except ParseError as error:
            problems.append(Problem(error.place, error.message))
    packages.sort(key=itemgetter(0))
    return PackageList(tuple(package for _, package in packages), tuple(problems))
