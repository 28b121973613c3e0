"""The btrfs images of the corpus: the kernel's listings where they are sound, no crash where they are not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from parsers.filesystem.btrfs import open_btrfs
from parsers.place import ParseError
from tests.corpus import corpus, entries, need_corpus
from tests.parsers.filesystem.ext4.files import FileSource, exhaust
from tests.parsers.filesystem.listing import differences, listings
from tests.volumes import storage_at

pytestmark = pytest.mark.corpus
KNOWN = [entry for entry in entries("known") if listings(entry, "btrfs")]
# The kernel replays the log tree before it lists anything.
LOGGED = ("bt-052-seed-dirty-log-dirty_log", "bt-065-valid-log-tree-already-present")


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_the_kernel_sees_the_same(entry: dict[str, Any]) -> None:
    volume = storage_at(corpus(f"known/{entry['file']}")).volumes[0]
    (listing,) = listings(entry, "btrfs")
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
    path = corpus(f"hostile/{name}")
    started = time.process_time()
    source = FileSource(path) if path.suffix == ".raw" else storage_at(path).volumes[0].source
    for verify_data in (False, True):
        try:
            tree = open_btrfs(source, verify_data=verify_data)
            exhaust(tree)
            assert len(tree.subvolumes) < 1000
        except ParseError:
            continue
    assert time.process_time() - started < 60


def test_there_are_hostile_images() -> None:
    need_corpus()
    assert len(HOSTILE) >= 55
