"""The tree over what the appliance answers: paths behind inodes, and answers that no sane kernel gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from inspector.backends.guestfs.messages import (
    MAX_READ,
    ListNames,
    Read,
    ReadFlags,
    ReadLink,
    ReadUsage,
    ReadXattrs,
    Request,
    Space,
    StatNames,
    StatPath,
    Status,
)
from inspector.backends.guestfs.session import Session
from inspector.backends.guestfs.tree import GuestfsTree
from parsers.filesystem.mount_state import MountState
from parsers.filesystem.tree import FileType, FlagReading, SelfReporting
from parsers.place import ParseError

DIRECTORY, FILE, LINK, FIFO, DEVICE = 0x41ED, 0x81A4, 0xA1FF, 0x11A4, 0x61A4


def status(inode: int, mode: int = FILE, size: int = 0, device: int = 5) -> Status:
    return Status(device, inode, mode, 1, 1000, 100, 0x801, size, (1, 2), (-3, 4), (5, 6))


DATA = bytes(range(251)) * 9000
NODES = {
    b"": status(2, DIRECTORY),
    b"etc": status(11, DIRECTORY),
    b"etc/no\xff": status(12, size=len(DATA)),
    b"etc/link": status(13, LINK, 4),
    b"etc/fifo": status(14, FIFO),
    b"etc/disk": status(15, DEVICE),
    b"sub": status(2, DIRECTORY, device=6),
    b"sub/file": status(12, size=1, device=6),
}


CLEAN = MountState()


class Answers:
    """Stands for a session: answers from `NODES`, but for what `changed` says."""

    def __init__(self, **changed: Callable[[Any], Any]) -> None:
        self.changed = changed
        self.asked: list[Request] = []

    def ask(self, request: Request, _kind: object, _name: str) -> Any:
        self.asked.append(request)
        change = self.changed.get(type(request).__name__)
        return change(request) if change else self.answer(request)

    def answer(self, request: Request) -> Any:
        match request:
            case StatPath(path=path):
                return NODES.get(path)
            case ListNames(path=path):
                inside = path + b"/" if path else b""
                return [p[len(inside) :] for p in NODES if p and p.startswith(inside) and b"/" not in p[len(inside) :]]
            case StatNames(path=path, names=names):
                return [NODES.get(path + b"/" + name if path else name) for name in names]
            case Read(offset=offset, size=size):
                return DATA[offset : offset + size]
            case ReadLink():
                return b"no\xfewhere"
            case ReadFlags():
                return "Vaei"
            case ReadXattrs():
                return {b"user.\xff": b"\0", b"security.selinux": b"label"}
            case ReadUsage():
                return Space(4096, 100, 30, 20, 0, 0)
        raise AssertionError


def tree_of(state: MountState = CLEAN, *, has_flags: bool = True, **changed: Callable[[Any], Any]) -> GuestfsTree:
    return GuestfsTree(cast("Session", Answers(**changed)), 3, "sda1", state, has_flags=has_flags)


def find(tree: GuestfsTree, path: str) -> int:
    inode = tree.root
    for name in path.split("/"):
        found = tree.lookup(inode, name)
        assert found is not None
        inode = found
    return inode


def test_a_path_leads_to_metadata() -> None:
    tree = tree_of()
    stat = tree.stat(find(tree, "etc/no\udcff"))
    assert (stat.inode, stat.type, stat.mode, stat.uid, stat.gid, stat.size) == (
        12,
        FileType.FILE,
        0o644,
        1000,
        100,
        len(DATA),
    )
    assert (stat.mtime, stat.btime, stat.rdev, stat.flags) == (-2_999_999_996, None, None, None)
    assert tree.stat(find(tree, "etc/disk")).rdev == (8, 1)
    assert tree.lookup(tree.root, "absent") is None


def test_a_listing_brings_the_metadata() -> None:
    tree = tree_of()
    entries = list(tree.entries(find(tree, "etc")))
    assert {entry.name: entry.type for entry in entries} == {
        "no\udcff": FileType.FILE, "link": FileType.SYMLINK, "fifo": FileType.FIFO, "disk": FileType.BLOCK,
    }  # fmt: skip
    asked = cast("Answers", tree._session).asked
    before = len(asked)
    for entry in entries:
        tree.stat(entry.inode)
        assert tree.lookup(11, entry.name) == entry.inode
    assert len(asked) == before


def test_inodes_of_a_subvolume_are_told_apart() -> None:
    tree = tree_of()
    assert find(tree, "sub") not in {2, tree.root}
    assert find(tree, "sub/file") != find(tree, "etc/no\udcff")
    assert find(tree, "sub/file") == find(tree, "sub/file")
    assert tree.stat(find(tree, "sub/file")).size == 1


def test_content_is_read_in_pieces() -> None:
    tree = tree_of()
    source = tree.open(find(tree, "etc/no\udcff"))
    assert source.read_at(0, len(DATA)) == DATA
    for offset, size in ((0, 1), (262_143, 2), (1_000_000, 300_000), (len(DATA) - 1, 1), (5, 0), (3, MAX_READ + 5)):
        assert source.read_at(offset, size) == DATA[offset : offset + size]
    with pytest.raises(ParseError):
        source.read_at(len(DATA), 1)


def test_links_attributes_usage_and_flags() -> None:
    tree = tree_of()
    inode = find(tree, "etc/no\udcff")
    assert tree.readlink(find(tree, "etc/link")) == "no\udcfewhere"
    assert tree.xattrs(inode) == {"user.\udcff": b"\0", "security.selinux": b"label"}
    assert (tree.usage.total, tree.usage.free, tree.usage.available, tree.usage.inodes) == (409600, 122880, 81920, None)
    assert isinstance(tree, FlagReading)
    assert tree.flags(inode) == ("append", "immutable", "verity")
    assert tree.flags(find(tree, "etc/fifo")) == ()
    assert tree_of(has_flags=False).stat(2).flags == ()


def test_the_state_is_told() -> None:
    tree = tree_of(MountState("torn", stale=True, errors=("one",)))
    assert isinstance(tree, SelfReporting)
    assert tree.unreplayed_journal
    assert [problem.message for problem in tree.problems] == ["one", "torn"]
    assert tree.unclean is not None
    assert tree_of().problems == ()


HOSTILE: dict[str, dict[str, Callable[[Any], Any]]] = {
    "a path for a name": {"ListNames": lambda _: [b"../x"]},
    "a name with an end": {"ListNames": lambda _: [b"a\0b"]},
    "the directory itself": {"ListNames": lambda _: [b".."]},
    "fewer metadata": {"StatNames": lambda _: []},
    "more metadata": {"StatNames": lambda request: [status(9)] * (len(request.names) + 1)},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_listing_that_is_none_is_an_error(what: str) -> None:
    tree = GuestfsTree(cast("Session", Answers(**HOSTILE[what])), 0, "sda1", CLEAN)
    with pytest.raises(ParseError):
        list(tree.entries(tree.root))


def test_one_file_without_metadata_does_not_hide_the_others() -> None:
    tree = tree_of(StatNames=lambda request: [None, *(status(20 + n) for n in range(len(request.names) - 1))])
    entries = list(tree.entries(tree.root))
    assert entries[0].type is FileType.UNKNOWN
    assert tree.stat(entries[1].inode).inode == 20
    broken = tree_of(
        StatNames=lambda request: [None] * len(request.names),
        StatPath=lambda request: None if b"/" in request.path else NODES.get(request.path),
    )
    with pytest.raises(ParseError, match="it is named in its directory, but not there"):
        broken.stat(next(iter(broken.entries(find(broken, "etc")))).inode)


@pytest.mark.parametrize("answer", [b"", b"x", b"x" * 300_000])
def test_content_of_another_length_is_an_error(answer: bytes) -> None:
    tree = tree_of(Read=lambda _: answer)
    with pytest.raises(ParseError):
        tree.open(find(tree, "etc/no\udcff")).read_at(0, 10)


@pytest.mark.parametrize("path", ["etc/fifo", "etc/disk", "etc/link", "etc"])
def test_only_regular_files_are_opened(path: str) -> None:
    """The appliance would wait at a FIFO for somebody to write to it."""
    tree = tree_of()
    with pytest.raises(ParseError, match="a regular file wanted"):
        tree.open(find(tree, path))


def test_a_directory_that_is_its_own_child_ends() -> None:
    tree = tree_of(ListNames=lambda _: [b"loop"], StatNames=lambda _: [status(11, DIRECTORY)])
    (entry,) = tree.entries(tree.root)
    (inner,) = tree.entries(entry.inode)
    assert inner.inode == entry.inode
    assert tree._path(inner.inode) == b"loop"


def test_an_inode_that_was_not_given_out_is_an_error() -> None:
    with pytest.raises(ParseError, match="no path leads to inode 77"):
        tree_of().stat(77)


def test_a_file_system_without_a_root_is_none() -> None:
    with pytest.raises(ParseError, match="a root directory wanted"):
        tree_of(StatPath=lambda _: None)


def test_a_path_that_no_kernel_takes_is_not_asked_for() -> None:
    numbers = iter(range(100, 10_000))
    tree = tree_of(ListNames=lambda _: [b"d" * 250], StatNames=lambda _: [status(next(numbers), DIRECTORY)])

    def descend() -> None:
        inode = tree.root
        while True:
            (entry,) = tree.entries(inode)
            inode = entry.inode

    with pytest.raises(ParseError, match="paths of at most 4000 bytes wanted"):
        descend()
