from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from parsers.boot.cpio import members
from parsers.boot.decompress import Input
from parsers.place import ParseError
from parsers.source import Memory
from tests.parsers.boot.archives import cpio, listed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/empty").touch()
    (tmp_path / "etc/one").write_bytes(b"1")
    (tmp_path / "etc/four").write_bytes(b"1234")
    (tmp_path / "link").symlink_to("etc/one")
    (tmp_path / "big").write_bytes(os.urandom(100_001))
    os.link(tmp_path / "big", tmp_path / "zz-linked")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / ("x" * 200)).touch()
    (tmp_path / "n\udcffm\xe4").touch()
    return tmp_path


def names(archive: bytes) -> list[str]:
    return [member.name.decode("utf-8", "surrogateescape") for member in members(Input(Memory(archive)))]


@pytest.mark.parametrize("kind", ["newc", "crc"])
def test_cpio_lists_the_same_names(folder: Path, kind: str) -> None:
    archive = cpio(folder, kind=kind)
    assert names(archive) == listed(archive)


def test_types_sizes_and_content_are_those_of_the_files(folder: Path) -> None:
    for member in members(Input(Memory(cpio(folder)))):
        path = folder / os.fsdecode(member.name)
        stat = path.lstat()
        assert member.mode == stat.st_mode
        assert (member.is_file, member.is_directory, member.is_symlink) == (
            path.is_file() and not path.is_symlink(), path.is_dir(), path.is_symlink(),
        )  # fmt: skip
        if member.is_symlink:
            assert member.read(4096) == os.fsencode(path.readlink())
        elif member.is_file and member.links == 1:
            assert member.read(1 << 20) == path.read_bytes()


def test_one_of_the_links_carries_the_content(folder: Path) -> None:
    linked = [(m.name, m.size, m.inode) for m in members(Input(Memory(cpio(folder)))) if m.links == 2 and m.is_file]
    assert sorted(size for _, size, _ in linked) == [0, 100_001]
    assert len({inode for _, _, inode in linked}) == 1


def test_what_was_read_once_or_is_too_long_is_refused(folder: Path) -> None:
    stream = members(Input(Memory(cpio(folder, ["etc/four", "etc/one"]))))
    member = next(stream)
    with pytest.raises(ParseError, match="at most 3 bytes wanted in a member, 4 found"):
        member.read(3)
    member.read(4)
    with pytest.raises(ValueError, match="once"):
        member.read(4)
    assert next(stream).name == b"etc/one"


def test_the_stream_is_left_behind_the_archive(folder: Path) -> None:
    first = cpio(folder, ["etc/one"])
    stream = Input(Memory(first + b"behind"))
    assert [member.name for member in members(stream)] == [b"etc/one"]
    stream.skip_nuls()
    assert stream.peek(6) == b"behind"


HEADER = b"070701" + b"%08X" * 13


def entry(**fields: int) -> bytes:
    wanted = {"namesize": 2, "nlink": 1, "mode": 0o100644} | fields
    keys = (
        "ino",
        "mode",
        "uid",
        "gid",
        "nlink",
        "mtime",
        "filesize",
        "maj",
        "min",
        "rmaj",
        "rmin",
        "namesize",
        "check",
    )
    return HEADER % tuple(wanted.get(key, 0) for key in keys)


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (entry()[:50], "110 more bytes wanted"),
        (b"070707" + bytes(200), "a newc cpio header wanted"),
        (entry().replace(b"0", b" ", 7) + b"a\0", "a newc cpio header wanted"),
        (entry()[:54] + b"ZZZZZZZZ" + entry()[62:] + b"a\0", "hexadecimal digits wanted"),
        (entry()[:54] + b"+0000001" + entry()[62:] + b"a\0", "a newc cpio header wanted"),
        (entry(namesize=0), "a name of 1 to 4096 bytes wanted, 0 found"),
        (entry(namesize=0xFFFFFFFF), "a name of 1 to 4096 bytes wanted"),
        (entry(namesize=4096) + b"a", "4096 more bytes wanted"),
        (entry(filesize=0xFFFFFFFF) + b"a\0", "more bytes wanted"),
    ],
)
def test_broken_archives_are_one_error(archive: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        list(members(Input(Memory(archive))))


def test_damage_is_never_more_than_one_error(folder: Path) -> None:
    archive = cpio(folder, ["etc/one", "etc/four", "link", "etc/empty", "fifo"])
    chance = random.Random(5)
    for _ in range(400):
        damaged = bytearray(archive[: chance.randrange(1, len(archive))])
        for _ in range(chance.randrange(4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            list(members(Input(Memory(bytes(damaged)))))
        except ParseError as error:
            assert error.message  # noqa: PT017 - either outcome is good
