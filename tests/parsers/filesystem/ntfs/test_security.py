"""Security descriptors of files, against those that ntfs-3g gives (`system.ntfs_acl`)."""

from __future__ import annotations

import ctypes
import os
import random
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from parsers.filesystem.ntfs import NtfsTree, open_ntfs, security
from parsers.filesystem.ntfs.attribute import Runs, Type
from parsers.filesystem.tree import SecurityDescribing
from parsers.place import ParseError, Place
from parsers.windows.security_descriptor import parse_security_descriptor
from tests.corpus import corpus
from tests.parsers.filesystem.ext4.files import FileSource, Patched
from tests.parsers.filesystem.ntfs.reference import find, make, mounted, needs_mkntfs, needs_ntfs_3g
from tests.volumes import storage_at

SYSTEM, EVERYONE = bytes.fromhex("010100000000000512000000"), bytes.fromhex("010100000000000100000000")


def descriptor(mask: int, sid: bytes = EVERYONE) -> bytes:
    """Return a descriptor that SYSTEM owns, with one entry."""
    ace = struct.pack("<BBHI", 0, 3, 8 + len(sid), mask) + sid
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(ace), 1, 0) + ace
    owner = 20
    return struct.pack("<BBHIIII", 1, 0, 0x8004, owner, owner, 0, owner + len(SYSTEM)) + SYSTEM + acl


def given(path: Path) -> bytes:
    """Return what ntfs-3g gives, which fails for the short buffer that os.getxattr begins with."""
    buffer = ctypes.create_string_buffer(1 << 16)
    size = ctypes.CDLL(None, use_errno=True).getxattr(os.fsencode(path), b"system.ntfs_acl", buffer, len(buffer))
    assert size > 0, os.strerror(ctypes.get_errno())
    return buffer.raw[:size]


def sddl(tree: NtfsTree, path: str) -> str:
    return parse_security_descriptor(tree.security_descriptor(find(tree, path)), Place(path)).sddl()


@needs_mkntfs
def test_the_root_of_a_new_volume(empty: FileSource) -> None:
    tree = open_ntfs(empty)
    assert isinstance(tree, SecurityDescribing)
    assert "(A;;FA;;;SY)" in parse_security_descriptor(tree.security_descriptor(tree.root), Place("/")).sddl()


@needs_ntfs_3g
@pytest.mark.parametrize("permissions", [(), ("permissions",)], ids=["own", "$Secure"])
def test_ntfs_3g_gives_the_same(permissions: tuple[str, ...], tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "32M")
    with mounted(image, *permissions) as top:
        for number in range(60):
            folder = top / f"d{number}"
            folder.mkdir()
            os.setxattr(folder, "system.ntfs_acl", descriptor(0x1F01FF - number))
        (top / "file").write_text("x")
        names = ["file", *(f"d{number}" for number in range(60))]
        wanted = {name: given(top / name) for name in names}
        root = given(top)
    tree = open_ntfs(FileSource(image))
    assert {name: tree.security_descriptor(find(tree, f"/{name}")) for name in names} == wanted
    assert tree.security_descriptor(tree.root) == root
    assert sddl(tree, "/d0") == "O:SYG:SYD:(A;OICI;FA;;;WD)"
    numbers = {name: number_of(tree, find(tree, f"/{name}")) for name in names}
    assert all(numbers.values()) == bool(permissions)


def number_of(tree: NtfsTree, inode: int) -> int:
    """Return the number of a file's descriptor; 0 where it has one of its own."""
    information = tree._records.get(inode).find(Type.STANDARD_INFORMATION)
    assert information
    value = information.data[24:]
    return int.from_bytes(value[52:56], "little") if len(value) >= 72 else 0


@needs_ntfs_3g
def test_what_is_not_in_the_stream(tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "32M")
    with mounted(image, "permissions") as top:
        (top / "d").mkdir()
        os.setxattr(top / "d", "system.ntfs_acl", descriptor(0x1F01FF))
    source = FileSource(image)
    tree = open_ntfs(source)
    number = number_of(tree, find(tree, "/d"))
    stream = tree._records.get(9).find(Type.DATA, "$SDS")
    assert stream
    cluster, _ = Runs(tree._volume, stream).find(0)
    assert cluster
    start = cluster * tree.boot.cluster_size
    entries = source.read_at(start, 4096)
    at = next(at for at in range(0, 4096, 16) if entries[at + 4 : at + 8] == struct.pack("<I", number))
    for patch in ({at + 4: b"\xff\xff"}, {at + 8: b"\xff"}, {at + 16: b"\3\0\0\0"}, {at + 16: b"\xff\xff\xff\x7f"}):
        broken = open_ntfs(Patched(source, {start + offset: data for offset, data in patch.items()}))
        with pytest.raises(ParseError, match=f"security descriptor {number} wanted, it is not in"):
            broken.security_descriptor(find(broken, "/d"))


@needs_mkntfs
def test_a_descriptor_that_is_too_long(empty: FileSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "_MAX_DESCRIPTOR", 100)
    tree = open_ntfs(empty)
    with pytest.raises(ParseError, match="of up to 100 bytes wanted, 4140 found"):
        tree.security_descriptor(tree.root)


@needs_mkntfs
def test_a_file_without_a_descriptor(empty: FileSource) -> None:
    attribute = open_ntfs(empty)._records.get(5).find(0x50)
    assert attribute
    tree = open_ntfs(Patched(empty, {attribute.place: b"\x51"}))
    with pytest.raises(ParseError, match="record 5: a security descriptor wanted, none found"):
        tree.security_descriptor(5)


@needs_mkntfs
def test_damage_raises_nothing_else(empty: FileSource) -> None:
    records = open_ntfs(empty)._records
    places = [records.get(number).record.offset for number in (5, 9)]
    information = records.get(5).find(Type.STANDARD_INFORMATION)
    assert information
    for seed in range(300):
        dice = random.Random(seed)
        patches = {place + dice.randrange(48, 500): dice.randbytes(dice.choice((1, 2, 4))) for place in places}
        patches[information.place + 24 + 52] = bytes((dice.choice((0, 1)), dice.choice((0, 1))))
        with suppress(ParseError):
            tree = open_ntfs(Patched(empty, patches))
            parse_security_descriptor(tree.security_descriptor(tree.root), Place("/"))


@pytest.mark.corpus
def test_the_root_of_a_volume_that_windows_made() -> None:
    volume = storage_at(corpus("known/images/dn/dn-ntfs_index.raw.xz")).volumes[0]
    tree = volume.tree
    assert isinstance(tree, SecurityDescribing)
    text = parse_security_descriptor(tree.security_descriptor(5), Place("/")).sddl()
    assert text.startswith("O:SYG:SYD:(A;;FA;;;BA)(A;OICIIO;GA;;;BA)(A;;FA;;;SY)(A;OICIIO;GA;;;SY)")
