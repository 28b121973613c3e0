"""Volumes that the tests damage: an empty one, and one that ntfs-3g fills."""

from __future__ import annotations

import pytest

from tests.parsers.filesystem.ext4.files import FileSource
from tests.parsers.filesystem.ntfs.reference import MKNTFS, fill, fill_compressed, make, mounted, needs_ntfs_3g


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> FileSource:
    """A volume as mkntfs leaves it."""
    if not MKNTFS:
        pytest.skip("mkntfs makes the volumes, and is absent")
    return FileSource(make(tmp_path_factory.mktemp("ntfs") / "n.img", "8M", "-L", "Träger"))


@pytest.fixture(scope="session", params=[(), ("-c", "512"), ("-s", "4096")], ids=["4 KiB", "512 bytes", "sectors"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FileSource:
    """A volume with files of every form."""
    if needs_ntfs_3g.args[0]:
        pytest.skip("ntfs-3g fills what is damaged here: it needs root and FUSE")
    image = make(tmp_path_factory.mktemp("ntfs") / "n.img", "48M", *request.param)
    with mounted(image, "compression") as top:
        fill(top)
        fill_compressed(top)
    return FileSource(image)
