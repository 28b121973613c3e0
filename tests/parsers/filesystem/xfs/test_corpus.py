"""The XFS images of the corpus: the kernel's listings where they are sound, no crash where they are not."""

from __future__ import annotations

from typing import Any

import pytest

from parsers.filesystem.tree import Tree
from parsers.filesystem.xfs import open_xfs
from parsers.place import ParseError
from tests.corpus import corpus, entries, need_corpus
from tests.parsers.filesystem.ext4.files import FileSource, exhaust
from tests.parsers.filesystem.listing import FORMATS, differences, listings, usage_differs
from tests.volumes import storage_at

pytestmark = pytest.mark.corpus
KNOWN = [entry for entry in entries("known") if entry.get("format") in FORMATS and listings(entry, "xfs")]


def opened(entry: dict[str, Any], device: str) -> Tree:
    volume = storage_at(corpus(f"known/{entry['file']}")).volume(device.replace("disk", "sda"))
    assert volume
    assert volume.tree
    return open_xfs(volume.source)


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_the_kernel_sees_the_same(entry: dict[str, Any]) -> None:
    for listing in listings(entry, "xfs"):
        tree = opened(entry, listing["dev"])
        assert differences(tree, listing) == []
        assert usage_differs(tree, listing) == []
        assert tree.problems == ()


def test_there_are_listings() -> None:
    need_corpus()
    assert len(KNOWN) >= 10


HOSTILE = [
    entry["file"]
    for entry in entries("hostile")
    if entry["file"].split("/")[-1].startswith("cr-s-") and ".raw" in entry["file"]
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_ends_in_an_answer_or_a_parse_error(name: str) -> None:
    source = FileSource(corpus(f"hostile/{name}"))
    try:
        tree = open_xfs(source)
    except ParseError:
        return
    exhaust(tree)
    assert source.read < 1 << 30
