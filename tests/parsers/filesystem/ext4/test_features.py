"""The names of features, compared with those that dumpe2fs prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parsers.filesystem.ext4 import open_ext4
from parsers.filesystem.ext4.features import feature_names
from tests.oracles import needs
from tests.parsers.volume.file_source import FileSource

MORE = "quota,project,inline_data,ea_inode,large_dir,encrypt,casefold,verity,bigalloc,mmp,metadata_csum_seed,meta_bg"


@needs("mke2fs", "dumpe2fs")
@pytest.mark.parametrize(
    "features",
    ["", "^64bit,^metadata_csum,uninit_bg", "^has_journal,sparse_super2,^resize_inode", f"{MORE},^resize_inode"],
)
def test_the_names_are_those_of_dumpe2fs(tmp_path: Path, features: str) -> None:
    image = tmp_path / "image"
    chosen = ["-O", features] if features else []
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", *chosen, str(image), "20m"], check=True, capture_output=True)
    told = subprocess.check_output(["dumpe2fs", "-h", str(image)], text=True, stderr=subprocess.DEVNULL)
    line = next(line for line in told.splitlines() if line.startswith("Filesystem features:"))
    tree = open_ext4(FileSource(image))
    assert tree.features == set(line.split()[2:])
    assert tree.stated_size == 20 << 20


def test_bits_without_a_name_are_left_out() -> None:
    assert feature_names(0x4 | 1 << 30, 0x2 | 1 << 31, 0) == {"has_journal", "filetype"}
