"""The disks of the releases of Windows, each made once in a session, whoever asks for it."""

from __future__ import annotations

import fcntl
import functools
import os
from pathlib import Path

import pytest

from fixtures.files import Files
from fixtures.windows.disk import can_build
from fixtures.windows.guest import RELEASES, build_guest
from tests.corpus import corpus
from tests.windows import hive, other_hives


@functools.cache
def hives() -> Files:
    """Return the hives of a machine besides SYSTEM and SOFTWARE; SAM and the user's are real ones.

    The real SECURITY at hand was copied while Windows ran, without its logs, which a good guest's was not.
    """
    return {
        **other_hives(),
        "/Users/Administrator/NTUSER.DAT": corpus("known/hives/hv-rp-NTUSER.DAT.hive.xz").read_bytes(),
    }


def windows_disk(name: str, factory: pytest.TempPathFactory) -> Path:
    """Return the raw disk of a release; skip where such disks cannot be made."""
    if reason := can_build():
        pytest.skip(reason)
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "windows-disks"
    folder.mkdir(exist_ok=True)
    disk = folder / f"{name}.raw"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not disk.exists():
            build_guest(RELEASES[name], folder / f"{name}.part", hive, hives()).rename(disk)
    return disk
