from __future__ import annotations

from parsers.filesystem.subvolume import has_subvolumes
from tests.memory_tree import MemoryTree
from tests.subvolume_tree import SubvolumeTree


def test_a_tree_with_subvolumes_is_told_by_its_type() -> None:
    assert has_subvolumes(SubvolumeTree({"@": {}}))
    assert not has_subvolumes(MemoryTree({}))
