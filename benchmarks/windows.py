"""Windows guests to be checked, one with a real SYSTEM hive, and a disk with another that is asked for one value."""

from __future__ import annotations

import lzma
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from fixtures.guest.layout import MIB
from fixtures.windows.disk import Part, build_windows_disk, can_build
from fixtures.windows.guest import build_guest
from fixtures.windows.hive import Keys, merged
from fixtures.windows.release import RELEASES
from fixtures.windows.system_drive import system_drive
from tests.inspector import test_real_windows_disk as real_disk
from tests.samples import SYSTEM_HIVE, archive
from tests.windows_disk import hives

HIVES: Final = Path(__file__).resolve().parents[2] / "shared" / "corpus" / "known" / "hives"
CONFIG: Final = "/Windows/System32/config"
RELEASE: Final = "server-2022"
_DRIVE: Final = 64


def make_disks(folder: Path) -> tuple[Path, Path] | None:
    """Return the qcow2 disks of the guest and of the hive, made anew by their recipes; None where they cannot be."""
    guest, registry = folder / "windows.qcow2", folder / "windows-registry.qcow2"
    if can_build() or not HIVES.is_dir():
        return None
    raw = folder / "windows.partial"
    others = {f"{CONFIG}/SAM": real("rp-SAM"), f"{CONFIG}/SECURITY": hive({"Policy": {}})}
    build_guest(RELEASES[RELEASE], raw, hive, {**others, f"{CONFIG}/DEFAULT": hive({"Console": {}})})
    _convert(raw, guest)
    build_windows_disk(raw, [Part("ntfs", _DRIVE, {f"{CONFIG}/SYSTEM": real("rp-SYSTEM")}, active=True)])
    _convert(raw, registry)
    raw.unlink()
    return guest, registry


def make_real_disk(folder: Path) -> Path | str:
    """Return the qcow2 disk of a Windows 10 with a SYSTEM hive of a real machine, made anew, or why it cannot be.

    Each service of that hive has its program.
    """
    disk = folder / "windows-real.qcow2"
    if not archive(SYSTEM_HIVE).is_file():
        return f"{archive(SYSTEM_HIVE).name} was not fetched (make samples)"
    if reason := can_build():
        return reason
    if not HIVES.is_dir():
        return "../shared/corpus is absent"
    release = real_disk.RELEASE
    with tempfile.TemporaryDirectory() as temporary:
        content = real_disk.prepared(Path(temporary, "SYSTEM"), release)
    raw = folder / "windows-real.partial"
    programs = real_disk.programs(content, system_drive(release))
    build_guest(release, raw, hive, {**hives(), f"{CONFIG}/SYSTEM": content}, programs)
    _convert(raw, disk)
    raw.unlink()
    return disk


@cache
def real(name: str) -> bytes:
    """Return a hive of the shared corpus."""
    return lzma.decompress((HIVES / f"hv-{name}.hive.xz").read_bytes())


def hive(keys: Keys) -> bytes:
    """Return a hive with these keys, written by hivex."""
    return merged(real("hx-minimal"), keys)


def size_of_hive() -> float:
    """Return the size of the real hive in MiB."""
    return len(real("rp-SYSTEM")) / MIB


def _convert(raw: Path, target: Path) -> None:
    partial = target.with_suffix(".converting")
    subprocess.run(["qemu-img", "convert", "-c", "-O", "qcow2", os.fspath(raw), os.fspath(partial)], check=True)
    partial.rename(target)
