"""The NTFS images of the corpus: ntfs-3g's listings where they are sound, no crash where they are not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from inspector.image import open_image
from parsers.filesystem.ntfs import NtfsTree, open_ntfs
from parsers.filesystem.tree import FileType, Stat
from parsers.place import ParseError
from parsers.source import Source
from tests.corpus import corpus, entries, need_corpus
from tests.parsers.filesystem.ext4.files import exhaust, walk
from tests.parsers.filesystem.listing import FORMATS, differences, listings
from tests.parsers.filesystem.ntfs import libfsntfs
from tests.volumes import storage_at

pytestmark = pytest.mark.corpus
KNOWN = [entry for entry in entries("known") if entry.get("format") in FORMATS and listings(entry, "ntfs")]
HOSTILE = [entry for entry in entries("hostile") if entry["file"].startswith("images/nt/")]
_SECONDS = 30


def volume_of(entry: dict[str, Any], device: str) -> Source:
    volume = storage_at(corpus(f"known/{entry['file']}")).volume(device.replace("disk", "sda"))
    assert volume
    assert volume.backend == "native"
    return volume.source


def opened(entry: dict[str, Any], device: str) -> NtfsTree:
    return open_ntfs(volume_of(entry, device))


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_ntfs_3g_sees_the_same(entry: dict[str, Any]) -> None:
    for listing in listings(entry, "ntfs"):
        tree = opened(entry, listing["dev"])
        assert differences(tree, readable(listing)) == []
        assert tree.usage
        wanted = listing["statvfs"]
        assert tree.usage.total == wanted["blocks"] * wanted["bsize"]
        assert tree.usage.free == wanted["bfree"] * wanted["bsize"]
        assert tree.problems == ()


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_libfsntfs_reads_the_same(entry: dict[str, Any]) -> None:
    for listing in listings(entry, "ntfs"):
        source = volume_of(entry, listing["dev"])
        assert libfsntfs.differences(open_ntfs(source), source).keys() <= {"metadata file", "Interix link"}


def readable(listing: dict[str, Any]) -> dict[str, Any]:
    """Take out of a listing what its maker put in: its spelling of names that are no UTF-8, and of absolute links."""
    files = []
    for item in listing["files"]:
        path = item["path"]
        if "\\x" in path:
            path = path.encode("latin-1").decode("unicode-escape").encode("latin-1").decode("utf-8", "surrogateescape")
        files.append({**item, "path": path})
        if item.get("target", "").startswith("unsupported reparse tag"):
            del files[-1]["target"]  # an absolute link to where no drive of Windows is
    return {**listing, "files": files}


def test_there_are_listings() -> None:
    need_corpus()
    assert len(KNOWN) >= 13


def find(tree: NtfsTree, path: str) -> Stat:
    return next(stat for name, stat in walk(tree) if name == path)


def test_an_absolute_link_keeps_the_spelling_of_windows() -> None:
    entry = next(entry for entry in KNOWN if entry["id"] == "sz-ntfs3_0")
    tree = opened(entry, "disk")
    stat = find(tree, "/file0/file1")
    assert stat.type is FileType.SYMLINK
    assert tree.readlink(stat.inode) == r"\tmp\syz-imagegen4253337052\file0\file0"


class Counted:
    """A source that counts what is read of it."""

    def __init__(self, source: Any) -> None:
        self.name, self.size, self.read = "sda", source.size, 0
        self._source = source

    def read_at(self, offset: int, size: int) -> bytes:
        self.read += size
        data: bytes = self._source.read_at(offset, size)
        return data


@pytest.mark.parametrize("entry", HOSTILE, ids=lambda entry: entry["id"])
def test_a_hostile_image_ends_in_an_answer_or_a_parse_error(entry: dict[str, Any]) -> None:
    with open_image(corpus(f"hostile/{entry['file']}")) as image:
        source = Counted(image.source)
        start = time.process_time()
        try:
            tree = open_ntfs(source)
        except ParseError:
            return
        exhaust(tree)
        assert time.process_time() - start < _SECONDS
        assert source.read < 1 << 30
