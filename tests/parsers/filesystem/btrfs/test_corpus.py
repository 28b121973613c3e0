"""The btrfs images of the corpus: the kernel's listings where they are sound, no crash where they are not."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from parsers.filesystem.btrfs import open_btrfs
from parsers.filesystem.tree import FileType, Tree
from parsers.place import ParseError
from tests.corpus import ROOT, corpus, entries, need_corpus
from tests.parsers.filesystem.ext4.files import FileSource, exhaust, sha256, walk
from tests.volumes import storage_at

pytestmark = pytest.mark.corpus
TYPES = {FileType.DIRECTORY: "dir"}


def listings(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the listings of btrfs that the kernel gave for an image."""
    if entry.get("format") not in ("raw", "qcow2") or not entry.get("detail"):
        return []
    detail = json.loads((ROOT / "known" / entry["detail"]).read_text())
    found = (detail.get("kernel_mount") or {}).get("filesystems", ())
    return [listing for listing in found if listing.get("type") == "btrfs" and "files" in listing]


KNOWN = [entry for entry in entries("known") if listings(entry)]
# The kernel replays the log tree before it lists anything.
LOGGED = ("bt-052-seed-dirty-log-dirty_log", "bt-065-valid-log-tree-already-present")


def differences(tree: Tree, listing: dict[str, Any]) -> list[str]:
    wanted = {item["path"]: item for item in listing["files"]}
    found = dict(walk(tree))
    if "/" not in wanted:  # a listing of the paths below
        del found["/"]
    wrong = sorted(f"only in one: {path}" for path in wanted.keys() ^ found.keys())
    for path in wanted.keys() & found.keys():
        item, stat = wanted[path], found[path]
        if item["type"] == "hardlink":
            continue
        seen: dict[str, Any] = {
            "type": TYPES.get(stat.type, str(stat.type)),
            "mode": oct(stat.mode),
            "uid": stat.uid,
            "gid": stat.gid,
            "mtime": stat.mtime // 10**9,
        }
        if stat.type is FileType.FILE:
            seen["size"] = stat.size
        if "target" in item:
            seen["target"] = tree.readlink(stat.inode)
        if item.get("read_error"):
            with pytest.raises(ParseError):
                sha256(tree.open(stat.inode))
        if item.get("sha256"):
            seen["sha256"] = sha256(tree.open(stat.inode))
        wrong += [
            f"{path}: {key}: {item[key]} wanted, {seen[key]} found"
            for key in seen
            if item.get(key, seen[key]) != seen[key]
        ]
    return wrong


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_the_kernel_sees_the_same(entry: dict[str, Any]) -> None:
    volume = storage_at(corpus(f"known/{entry['file']}")).volumes[0]
    (listing,) = listings(entry)
    tree = open_btrfs(volume.source, verify_data=True)
    if entry["id"] in LOGGED:
        assert tree.unreplayed_journal
        assert tree.unclean in tree.problems
        return
    assert differences(tree, listing) == []
    usage = tree.usage
    assert usage
    assert usage.total == listing["statvfs"]["blocks"] * listing["statvfs"]["bsize"]
    # How much the kernel keeps back for itself is not written down, and differs from version to version.
    assert abs(usage.free - listing["statvfs"]["bfree"] * listing["statvfs"]["bsize"]) <= 8 << 20
    assert not tree.unreplayed_journal


def test_there_are_listings() -> None:
    need_corpus()
    assert len(KNOWN) >= 25


HOSTILE = [entry["file"] for entry in entries("hostile") if "/bt-" in entry["file"] or "/btrfs" in entry["file"]]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_ends_in_an_answer_or_a_parse_error(name: str) -> None:
    started = time.monotonic()
    path = corpus(f"hostile/{name}")
    source = FileSource(path) if path.suffix == ".raw" else storage_at(path).volumes[0].source
    for verify_data in (False, True):
        try:
            tree = open_btrfs(source, verify_data=verify_data)
            exhaust(tree)
            assert len(tree.subvolumes) < 1000
        except ParseError:
            continue
    assert time.monotonic() - started < 30


def test_there_are_hostile_images() -> None:
    need_corpus()
    assert len(HOSTILE) >= 55
