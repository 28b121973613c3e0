"""overlayfs: which layer a name comes from, what hides it, what is refused; and the kernel, where it mounts one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from inspector.guest import Guest, Mount
from parsers.filesystem.overlay import OverlayTree
from parsers.filesystem.tree import FileType, Stat, Tree
from parsers.place import ParseError
from tests.memory_tree import Dir, Link, MemoryTree

LOWER: dict[str, Any] = {"/a": "lower a", "/b": "lower b", "/d/x": "lower x", "/d/y": "lower y", "/o/z": "lower z"}
UPPER: dict[str, Any] = {"/a": "upper a", "/b": "WHITEOUT", "/d/x": "upper x", "/o/new": "n", "/e": Link("a")}


class LayerTree(MemoryTree):
    """A layer in memory: files that say WHITEOUT are whiteouts; `marks` are attributes by path."""

    def __init__(self, files: dict[str, Any], marks: dict[str, dict[str, bytes]] | None = None) -> None:
        super().__init__(files)
        self._files = files
        self._marks = marks or {}

    def stat(self, inode: int) -> Stat:
        stat = super().stat(inode)
        if self._files.get(self._paths[inode]) == "WHITEOUT":
            return replace(stat, type=FileType.CHAR, size=0, rdev=(0, 0))
        return stat

    def xattrs(self, inode: int) -> dict[str, bytes]:
        return self._marks.get(self._paths[inode], {})


def overlay(*layers: Tree) -> Guest:
    tree = OverlayTree([(layer, layer.root) for layer in layers])
    return Guest([Mount("/", None, tree, tree.root)])


def test_the_uppermost_layer_counts_and_directories_are_merged() -> None:
    guest = overlay(LayerTree(UPPER, {"/o": {"trusted.overlay.opaque": b"y"}}), LayerTree(LOWER))
    assert [guest.read_text(path) for path in ("/a", "/e", "/d/x", "/d/y")] == [
        "upper a",
        "upper a",
        "upper x",
        "lower y",
    ]
    assert not guest.exists("/b")
    assert not guest.exists("/o/z")
    assert [entry.name for entry in guest.listdir("/")] == ["a", "d", "e", "o"]
    assert [entry.name for entry in guest.listdir("/d")] == ["x", "y"]
    assert [entry.name for entry in guest.listdir("/o")] == ["new"]
    assert guest.xattrs("/o") == {}


def test_a_file_between_directories_ends_the_merging() -> None:
    guest = overlay(LayerTree({"/d/x": "1"}), LayerTree({"/d": "a file"}), LayerTree({"/d/y": "3"}))
    assert [entry.name for entry in guest.listdir("/d")] == ["x"]


@pytest.mark.parametrize("key", ["trusted.overlay.redirect", "trusted.overlay.metacopy"])
def test_what_lies_elsewhere_is_refused(key: str) -> None:
    guest = overlay(LayerTree({"/d": Dir(), "/f": ""}, {"/d": {key: b"x"}, "/f": {key: b""}}), LayerTree(LOWER))
    for path in ("/d/x", "/f"):
        with pytest.raises(ParseError, match="overlay"):
            guest.read_text(path)


def test_a_number_that_nobody_gave_is_refused() -> None:
    tree = OverlayTree([(LayerTree(LOWER), 1)])
    for number in (-1, 0, 99):
        with pytest.raises(ParseError):
            tree.stat(number)
    with pytest.raises(ParseError):
        OverlayTree([])


class LoopTree(LayerTree):
    """Every name leads to the root."""

    def lookup(self, directory: int, name: str) -> int | None:
        return self.root if super().lookup(1, "d") and directory and name else None


def test_a_directory_that_holds_itself_is_walked_once() -> None:
    guest = overlay(LayerTree({"/up": ""}), LoopTree({"/d/x": "", "/e/x": ""}))
    assert len(list(guest.walk("/"))) < 20


def test_the_kernel_sees_the_same(tmp_path: Path) -> None:
    lower, upper, work, top = (tmp_path / name for name in ("lower", "upper", "work", "top"))
    for folder in (lower, upper, work, top):
        folder.mkdir()
    for path, text in LOWER.items():
        (lower / path[1:]).parent.mkdir(exist_ok=True)
        (lower / path[1:]).write_text(text)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mounted = subprocess.run(
        ["mount", "-t", "overlay", "none", "-o", options, str(top)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("the kernel mounts no overlay here: nothing was compared")
    try:
        (top / "a").write_text("upper a")
        (top / "b").unlink()
        (top / "d/x").write_text("upper x")
        (top / "o/z").unlink()
        wanted = {str(path.relative_to(top)): path.read_text() for path in top.rglob("*") if path.is_file()}
    finally:
        subprocess.run(["umount", str(top)], check=True)
    layer = {f"/{path.relative_to(upper)}": path for path in upper.rglob("*") if not path.is_dir()}
    files = {name: "WHITEOUT" if path.is_char_device() else path.read_text() for name, path in layer.items()}
    guest = overlay(LayerTree(files), LayerTree(LOWER))
    found = {path[1:]: guest.read_text(path) for path, _, stat in guest.walk("/") if stat.type is FileType.FILE}
    assert found == wanted
