"""The disks of the releases of Windows, each made once in a session, whoever asks for it."""

from __future__ import annotations

import fcntl
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from fixtures.files import Files
from fixtures.windows.disk import can_build
from fixtures.windows.guest import build_guest
from fixtures.windows.release import EIGHT_ONE, OTHERS, RELEASES
from tests.corpus import corpus
from tests.windows import hive, other_hives

Disk = Callable[[str], Path]
USER: Final = "/Users/Administrator"
CLASSES: Final = "AppData/Local/Microsoft/Windows/UsrClass.dat"


@functools.cache
def hives() -> Files:
    """Return the hives of a machine besides SYSTEM and SOFTWARE; SAM and those of users are real ones.

    The real SECURITY at hand was copied while Windows ran, without its logs, which a good guest's was not; a real
    UsrClass is not at hand.
    """
    classes, service = hive({"Local Settings": {}}), hive({"Environment": {}})
    return {
        **other_hives(),
        f"{USER}/NTUSER.DAT": corpus("known/hives/hv-rp-NTUSER.DAT.hive.xz").read_bytes(),
        f"{USER}/{CLASSES}": classes,
        "/Users/Default/NTUSER.DAT": corpus("known/hives/hv-pl-regf_NTUSER.DAT.hive.xz").read_bytes(),
        "/Windows/ServiceProfiles/LocalService/NTUSER.DAT": service,
        "/Windows/ServiceProfiles/NetworkService/NTUSER.DAT": service,
    }


@functools.cache
def dirty_hive() -> Files:
    """Return the hive of a user whose last writes stand in its logs, a real one with logs as since Windows 8.1."""
    base = "known/hives/hv-rp-transactions_NTUSER.DAT"
    logs = {f".LOG{number}": f".transactions_ntuser.dat.log{number}.log" for number in (1, 2)}
    return {
        f"{USER}/NTUSER.DAT{suffix}": corpus(f"{base}{name}.xz").read_bytes()
        for suffix, name in {"": ".hive", **logs}.items()
    }


def windows_disk(name: str, factory: pytest.TempPathFactory) -> Path:
    """Return the raw disk of a release; skip where such disks cannot be made."""
    if reason := can_build():
        pytest.skip(reason)
    release = {**RELEASES, **OTHERS}[name]
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "windows-disks"
    folder.mkdir(exist_ok=True)
    disk = folder / f"{name}.raw"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not disk.exists():
            others = {**hives(), **(dirty_hive() if release.interrupted and release.version >= EIGHT_ONE else {})}
            build_guest(release, folder / f"{name}.part", hive, others).rename(disk)
    return disk
