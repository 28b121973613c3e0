"""Volumes that Windows itself wrote: every path as ntfs-3g and libfsntfs read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parsers.filesystem.ntfs import open_ntfs
from tests.parsers.filesystem.ext4.files import FileSource, walk
from tests.parsers.filesystem.ntfs import libfsntfs
from tests.parsers.filesystem.ntfs.reference import differences, forms, mounted, needs_ntfs_3g
from tests.samples import NTFS, NTFS_OF_CLOUD_FILES, sample

pytestmark = [needs_ntfs_3g, pytest.mark.slow]

_FOOTER = 512


def test_compressed_and_sparse_files_and_a_thousand_names(tmp_path: Path) -> None:
    image = sample(NTFS, tmp_path / "n.raw")
    os.truncate(image, image.stat().st_size - _FOOTER)
    tree = open_ntfs(FileSource(image))
    with mounted(image, "ro") as top:
        assert differences(tree, top) == []
    assert libfsntfs.differences(tree, FileSource(image)).keys() == {"metadata file"}
    assert forms(tree) >= {"compressed", "sparse", "directory of several levels"}
    assert len(dict(walk(tree))) > 1000
    assert tree.problems == ()


def test_a_folder_that_is_kept_in_a_cloud(tmp_path: Path) -> None:
    source = FileSource(sample(NTFS_OF_CLOUD_FILES, tmp_path / "n.raw"))
    tree = open_ntfs(source)
    unlike = libfsntfs.differences(tree, source)
    assert unlike.keys() == {"metadata file", "cloud file"}
    assert unlike["cloud file"] == ["/OneDrive/created-online.txt"]
    assert tree.unreplayed_journal
