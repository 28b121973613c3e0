"""A folder of the host as a guest: for tests that compare with a program which reads that folder."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.guest import Guest
from tests.memory_tree import Dir, File, Link, Node, guest_of


def guest_of_folder(root: Path, *below: str) -> Guest:
    """Copy the folders `below` (guest paths; everything without them) of `root` into memory, as a guest."""
    files: dict[str, Node] = {}
    for top in below or ("/",):
        start = root / top.lstrip("/")
        for folder, names, leaves in os.walk(start):
            for name in names + leaves:
                path = Path(folder, name)
                files["/" + str(path.relative_to(root))] = _node(path)
    return guest_of(files)


def _node(path: Path) -> Node:
    if path.is_symlink():
        return Link(str(path.readlink()))
    mode = path.stat().st_mode & 0o7777
    if path.is_dir():
        return Dir(mode)
    return File(path.read_bytes() if path.is_file() else b"", mode)
