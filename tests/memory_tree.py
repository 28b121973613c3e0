"""A file system in memory: the one seam through which collectors and rules are tested."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec.structs import replace

from fixtures.files import Dir, File, Files, Link, Node
from inspector.guest import Guest, Mount
from parsers.filesystem.tree import DirEntry, FileType, Stat, Usage
from parsers.place import ParseError, Place, Problem
from parsers.source import Memory, Source

__all__ = ["Dir", "File", "Files", "Link", "MemoryTree", "Node", "guest_of"]


class MemoryTree:
    """A `Tree` made of `{"/etc/fstab": "text", "/lib": Link("usr/lib"), ...}`; missing parents are made."""

    def __init__(
        self,
        files: Files,
        name: str = "sda1",
        usage: Usage | None = None,
        *,
        unreplayed_journal: bool = False,
        broken: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self.usage = usage
        self.unreplayed_journal = unreplayed_journal
        self.problems: tuple[Problem, ...] = ()
        self._broken = broken
        self._paths = ["", "/"]
        self._nodes: dict[str, Node] = {"/": Dir()}
        for path, node in files.items():
            parents = path.rstrip("/")
            while (parents := posixpath.dirname(parents)) != "/":
                self._nodes.setdefault(parents, Dir())
            self._nodes[path.rstrip("/") or "/"] = node
        self._paths += sorted(self._nodes.keys() - {"/"})
        self._inodes = {path: number for number, path in enumerate(self._paths)}
        self.root = 1

    def _node(self, inode: int) -> Node:
        path = self._paths[inode]
        if path in self._broken:
            raise ParseError(Place(path, volume=self.name), "broken on purpose")
        return self._nodes[path]

    def stat(self, inode: int) -> Stat:
        """Return the metadata."""
        node = self._node(inode)
        stat = Stat(inode, FileType.FILE, 0o644, 0, 0, 0, 1, 0)
        match node:
            case Link(target):
                return replace(stat, type=FileType.SYMLINK, mode=0o777, size=len(target.encode()))
            case Dir(mode, uid, gid, flags):
                return replace(stat, type=FileType.DIRECTORY, mode=mode, uid=uid, gid=gid, flags=flags, links=2)
            case File(_, mode, uid, gid, flags, mtime):
                return replace(stat, size=len(_bytes(node)), mode=mode, uid=uid, gid=gid, flags=flags, mtime=mtime)
        return replace(stat, size=len(_bytes(node)))

    def lookup(self, directory: int, name: str) -> int | None:
        """Return the inode of a name."""
        self._node(directory)
        return self._inodes.get(posixpath.join(self._paths[directory], name))

    def entries(self, directory: int) -> Iterator[DirEntry]:
        """Give the entries."""
        self._node(directory)
        top = self._paths[directory]
        for path, number in self._inodes.items():
            if number > 1 and posixpath.dirname(path) == top:
                yield DirEntry(posixpath.basename(path), number)

    def readlink(self, inode: int) -> str:
        """Return the target."""
        node = self._node(inode)
        assert isinstance(node, Link)
        return node.target

    def open(self, inode: int) -> Source:
        """Return the content."""
        return Memory(_bytes(self._node(inode)), self._paths[inode])

    def xattrs(self, inode: int) -> dict[str, bytes]:
        """Return no attributes."""
        self._node(inode)
        return {}


def _bytes(node: Node) -> bytes:
    content = node.content if isinstance(node, File) else node
    if isinstance(content, str):
        return content.encode("utf-8", "surrogateescape")
    assert isinstance(content, bytes), f"no regular file: {node!r}"
    return content


def guest_of(files: Files, **options: object) -> Guest:
    """Return a guest whose root file system is a `MemoryTree` of `files`; `options` are those of the tree."""
    tree = MemoryTree(files, **options)  # type: ignore[arg-type]  # passed through as they are
    return Guest([Mount("/", None, tree, tree.root)])
