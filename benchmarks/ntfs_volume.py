"""An NTFS volume with the names and sizes of the guest's files, written by ntfs-3g."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from fixtures.guest.layout import MBR, MIB
from inspector.image_file import open_file
from parsers.filesystem.ext4 import open_ext4
from parsers.filesystem.tree import FileType
from parsers.source import Window

_SIZE: Final = 1000 * MIB
_LARGEST: Final = 20_000  # bytes that are written of a file: the walk reads none of them


def make_volume(guest: Path, target: Path) -> bool:
    """Write the volume unless it is there; False where ntfs-3g cannot be used here."""
    if target.is_file():
        return True
    if os.geteuid() != 0 or not Path("/dev/fuse").exists() or not (shutil.which("ntfs-3g") and shutil.which("mkntfs")):
        return False
    partial = target.with_suffix(".partial")
    with partial.open("wb") as file:
        file.truncate(_SIZE)
    subprocess.run(["mkntfs", "-q", "-F", "-f", str(partial)], check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as folder:
        driver = subprocess.Popen(["ntfs-3g", "-o", "no_detach", str(partial), folder], stderr=subprocess.DEVNULL)
        while not Path(folder).is_mount():
            if driver.poll() is not None:
                return False
            time.sleep(0.02)
        try:
            _copy(guest, Path(folder))
        finally:
            subprocess.run(["umount", folder], check=True)
            driver.wait()
    partial.rename(target)
    return True


def _copy(guest: Path, top: Path) -> None:
    root = MBR.root
    tree = open_ext4(Window(open_file(guest), root.start * MIB, root.size * MIB))
    waiting = [(tree.root, top)]
    while waiting:
        directory, folder = waiting.pop()
        for entry in tree.entries(directory):
            stat, path = tree.stat(entry.inode), folder / entry.name
            if stat.type is FileType.DIRECTORY:
                path.mkdir(exist_ok=True)
                waiting.append((entry.inode, path))
            elif stat.type is FileType.FILE:
                path.write_bytes(bytes(min(stat.size, _LARGEST)))
