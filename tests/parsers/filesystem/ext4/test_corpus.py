"""The ext images of the corpus: the kernel's listings where they are sound, no crash where they are not."""

from __future__ import annotations

from typing import Any

import pytest

from parsers.filesystem.ext4 import open_ext4
from parsers.filesystem.tree import Tree
from parsers.place import ParseError
from tests.corpus import corpus, entries, need_corpus
from tests.parsers.filesystem.ext4.files import FileSource, exhaust
from tests.parsers.filesystem.listing import differences, listings, usage_differs
from tests.volumes import storage_at

pytestmark = pytest.mark.corpus


KNOWN = [entry for entry in entries("known") if listings(entry, "ext")]


def opened(entry: dict[str, Any], device: str) -> Tree:
    volume = storage_at(corpus(f"known/{entry['file']}")).volume(device.replace("disk", "sda"))
    assert volume
    return open_ext4(volume.source)


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_the_kernel_sees_the_same(entry: dict[str, Any]) -> None:
    by_device: dict[str, list[list[str]]] = {}
    for listing in listings(entry, "ext"):
        tree = opened(entry, listing["dev"])
        wrong = differences(tree, listing) + usage_differs(tree, listing)
        by_device.setdefault(listing["dev"], []).append(wrong)
        if entry["category"] == "dirty":
            assert tree.unreplayed_journal or tree.problems
    for answers in by_device.values():
        assert [] in answers, answers


def test_there_are_listings() -> None:
    need_corpus()
    assert len(KNOWN) >= 30


HOSTILE = [
    entry["file"]
    for entry in entries("hostile")
    if entry["file"].split("/")[-1].startswith(("e2-", "cr-x-", "cr-g-")) and ".raw" in entry["file"]
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_ends_in_an_answer_or_a_parse_error(name: str) -> None:
    source = FileSource(corpus(f"hostile/{name}"))
    try:
        tree = open_ext4(source)
    except ParseError:
        return
    exhaust(tree)
    assert source.read < 1 << 30
