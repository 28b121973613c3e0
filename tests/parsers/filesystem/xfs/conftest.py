"""Volumes that the tests damage: some that mkfs.xfs fills, and one that the kernel fills."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.parsers.filesystem.ext4.files import FileSource
from tests.parsers.filesystem.ext4.reference import mounted
from tests.parsers.filesystem.xfs.reference import fill_forms, make, prototype

VARIANTS = {
    "version 5": ("-b", "size=1024"),
    "version 4": ("-m", "crc=0", "-b", "size=512", "-n", "size=4096"),
    "large directory blocks": ("-n", "size=65536"),
}
CAN_MOUNT = os.geteuid() == 0 and Path("/dev/loop-control").exists()


@pytest.fixture(scope="session", params=VARIANTS.values(), ids=list(VARIANTS))
def volume(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FileSource:
    top = tmp_path_factory.mktemp("xfs")
    return FileSource(make(top / "x.img", "300M", *request.param, "-p", str(prototype(top))))


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> FileSource:
    """A volume with b-trees of extents and attributes of every form, which only the kernel makes."""
    if not CAN_MOUNT:
        pytest.skip("the kernel makes what is damaged here: mounting needs root and loop devices")
    image = make(tmp_path_factory.mktemp("xfs") / "x.img", "300M", "-b", "size=1024")
    with mounted(image, kind="xfs") as top:
        fill_forms(top, names=1500, extents=300)
    return FileSource(image)
