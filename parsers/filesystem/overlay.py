"""overlayfs: several directories seen as one (the kernel's Documentation/filesystems/overlayfs.rst).

Of a name that several layers have, the uppermost counts; directories are merged. A character device 0:0 takes a name
of the layers below away ("whiteout"), and a directory marked opaque hides all that lies below it.
Not done: directories that were moved (`redirect`) and files whose data lie in a lower layer (`metacopy`); reading one
is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from parsers.filesystem.tree import DirEntry, FileType, Stat, Tree, Usage
from parsers.place import ParseError, Place, Problem
from parsers.source import Source

LAYERS_MAX: Final = 64
NODES_MAX: Final = 65_536
_OPAQUE: Final = ("trusted.overlay.opaque", "user.overlay.opaque")
_MOVED: Final = (
    "trusted.overlay.redirect",
    "trusted.overlay.metacopy",
    "user.overlay.redirect",
    "user.overlay.metacopy",
)
_Layers = tuple[tuple[Tree, int], ...]


class OverlayTree:
    """A tree made of directories of others, the uppermost first; its inode numbers are its own."""

    def __init__(self, layers: Sequence[tuple[Tree, int]]) -> None:
        """Take (tree, inode) of each directory; raise `ParseError` for none or too many."""
        if not 0 < len(layers) <= LAYERS_MAX:
            raise ParseError(Place("overlay"), f"1 to {LAYERS_MAX} layers wanted, {len(layers)} found")
        self.name = layers[0][0].name
        self.root = 1
        self.usage: Usage | None = None
        self._nodes: list[_Layers] = [(), tuple(layers)]
        self._numbers: dict[tuple[tuple[int, int], ...], int] = {_key(self._nodes[1]): 1}

    @property
    def unreplayed_journal(self) -> bool:
        """Whether that of a layer is."""
        return any(tree.unreplayed_journal for tree, _ in self._nodes[self.root])

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Those of the uppermost layer; the others are trees that the guest has mounted, too."""
        return self._nodes[self.root][0][0].problems

    def stat(self, inode: int) -> Stat:
        """Return the metadata of the uppermost layer."""
        tree, own = self._top(inode)
        return replace(tree.stat(own), inode=inode)

    def lookup(self, directory: int, name: str) -> int | None:
        """Return the number of a name, or None where no layer has it, or one takes it away."""
        found = self._find(self._layers(directory), name)
        if not found:
            return None
        # One number for one file, whatever leads to it: who walks the tree ends where a damaged one goes in a circle.
        number = self._numbers.setdefault(_key(found), len(self._nodes))
        if number == len(self._nodes):
            if number >= NODES_MAX:
                raise ParseError(Place(name, volume=self.name), f"at most {NODES_MAX} files wanted, more found")
            self._nodes.append(found)
        return number

    def entries(self, directory: int) -> Iterator[DirEntry]:
        """Give the names of all layers, each once."""
        seen: set[str] = set()
        for tree, inode in self._layers(directory):
            for entry in tree.entries(inode):
                if entry.name not in seen:
                    seen.add(entry.name)
                    number = self.lookup(directory, entry.name)
                    if number is not None:
                        yield DirEntry(entry.name, number, self.stat(number).type)

    def readlink(self, inode: int) -> str:
        """Return the target of a symbolic link."""
        tree, own = self._top(inode)
        return tree.readlink(own)

    def open(self, inode: int) -> Source:
        """Return the content of a file; raise `ParseError` where it is not in the layer that has its name."""
        tree, own = self._top(inode)
        _refuse_moved(tree, own)
        return tree.open(own)

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return the attributes of the uppermost layer, without those of overlayfs itself."""
        tree, own = self._top(inode)
        return {key: value for key, value in tree.xattrs(own).items() if ".overlay." not in key}

    def _top(self, inode: int) -> tuple[Tree, int]:
        return self._layers(inode)[0]

    def _layers(self, inode: int) -> _Layers:
        if not 0 < inode < len(self._nodes):
            raise ParseError(Place("overlay", volume=self.name), f"the number of a file wanted, {inode} found")
        return self._nodes[inode]

    def _find(self, layers: _Layers, name: str) -> _Layers:
        found: list[tuple[Tree, int]] = []
        for tree, directory in layers:
            inode = tree.lookup(directory, name)
            if inode is None:
                continue
            stat = tree.stat(inode)
            if stat.type is not FileType.DIRECTORY:
                whiteout = stat.type is FileType.CHAR and stat.rdev == (0, 0)
                return tuple(found) if found or whiteout else ((tree, inode),)
            _refuse_moved(tree, inode)
            found.append((tree, inode))
            marks = tree.xattrs(inode)
            if any(marks.get(key) == b"y" for key in _OPAQUE):
                break
        return tuple(found)


def _key(layers: _Layers) -> tuple[tuple[int, int], ...]:
    return tuple((id(tree), inode) for tree, inode in layers)


def _refuse_moved(tree: Tree, inode: int) -> None:
    moved = next((key for key in _MOVED if key in tree.xattrs(inode)), None)
    if moved:
        raise ParseError(Place("overlay", volume=tree.name), f"its content in its own layer wanted, {moved} found")
