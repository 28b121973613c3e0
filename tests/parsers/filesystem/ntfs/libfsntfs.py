"""Libfsntfs as the second oracle: every path of a tree beside what libfsntfs-python reads of the same volume."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from typing import Any, Final

import pyfsntfs

from parsers.filesystem.ntfs import NtfsTree
from parsers.filesystem.tree import FileType, Stat
from parsers.place import UnsupportedError
from parsers.source import Source
from tests.parsers.filesystem.ext4.files import sha256, walk
from tests.parsers.filesystem.ntfs.reference import FLAGS

UNLIKE: Final = {
    "metadata file": "Windows and ntfs-3g hide the file system's own files, $MFT and others; libfsntfs lists them",
    "unlisted": "libfsntfs cannot follow an index whose blocks are smaller than a cluster: what lies below such a"
    " directory is asked for by its number",
    "Interix link": "libfsntfs does not know the links that are made by ntfs-3g, files with a signature of Interix",
    "junction": "libfsntfs tells the targets of symbolic links alone",
    "CompactOS stream": "Windows hides the stream that holds the chunks of a compressed file",
    "cloud file": "what Windows keeps in a cloud alone is zeros to libfsntfs",
    "LZX": "libfwnt, which expands for libfsntfs, loses its way in some blocks that wimlib wrote",
}
"""Where the two rightly differ, and why: a word for each kind."""
_PIECE: Final = 1 << 20
_NUMBER: Final = (1 << 48) - 1


class _Opened(io.RawIOBase):
    """A source as a file of Python."""

    def __init__(self, source: Source) -> None:
        self._source, self._at = source, 0

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, self._source.size - self._at)
        self._at += size
        return self._source.read_at(self._at - size, size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._source.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at


def differences(tree: NtfsTree, source: Source) -> dict[str, list[str]]:
    """Return the paths that differ under what differs: a word of `UNLIKE`, or what libfsntfs wants."""
    volume = pyfsntfs.volume()
    volume.open_file_object(_Opened(source))
    theirs, ours = dict(_walk(volume)), dict(walk(tree))
    found: dict[str, list[str]] = {}
    for path in sorted(theirs.keys() - ours.keys()):
        hidden = path.startswith("/$")
        found.setdefault("metadata file" if hidden else "only in libfsntfs", []).append(path)
    for path, stat in ours.items():
        if path not in theirs:
            found.setdefault("unlisted", []).append(path)
        entry = theirs.get(path) or volume.get_file_entry(stat.inode)
        for flaw in _compare(tree, stat, entry):
            found.setdefault(flaw, []).append(path)
    return found


def _walk(volume: Any) -> Iterator[tuple[str, Any]]:
    waiting = [("/", volume.get_root_directory())]
    while waiting:
        path, entry = waiting.pop()
        yield path, entry
        for below in entry.sub_file_entries:
            name = below.name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
            waiting.append((f"{path.rstrip('/')}/{name}", below))


def _compare(tree: NtfsTree, found: Stat, entry: Any) -> Iterator[str]:
    filetimes = (
        entry.get_modification_time_as_integer(), entry.get_access_time_as_integer(),
        entry.get_entry_modification_time_as_integer(), entry.get_creation_time_as_integer(),
    )  # fmt: skip
    wanted = tuple((time - 116_444_736_000_000_000) * 100 for time in filetimes)
    seen = (found.mtime, found.atime, found.ctime, found.btime)
    if seen != wanted:
        yield f"times {wanted} wanted, {seen} found"
    if found.inode != entry.file_reference & _NUMBER:
        yield f"inode {entry.file_reference & _NUMBER} wanted, {found.inode} found"
    flags = {name for bit, name in FLAGS.items() if entry.file_attribute_flags & bit}
    if set(found.flags or ()) != flags:
        yield f"flags {flags} wanted, {found.flags} found"
    streams = {stream.name: _content(stream) for stream in entry.alternate_data_streams}
    if streams.pop("WofCompressedData", None):
        yield "CompactOS stream"
    seen_streams = {name: hashlib.sha256(data).hexdigest() for name, data in tree.xattrs(found.inode).items()}
    if seen_streams != {f"user.{name}": digest for name, digest in streams.items()}:
        yield f"streams {sorted(streams)} wanted"
    if found.type is FileType.FILE:
        yield from _compare_content(tree, found, entry)
    if found.type is FileType.SYMLINK:
        yield from _compare_link(tree, found, entry)


def _compare_content(tree: NtfsTree, found: Stat, entry: Any) -> Iterator[str]:
    try:
        wanted = (entry.size, _content(entry))
    except OSError as error:
        yield "LZX" if "libfwnt_lzx_decompress: unsupported block type" in str(error) else str(error)
        return
    try:
        seen = (found.size, sha256(tree.open(found.inode)))
    except UnsupportedError as error:
        yield "cloud file" if "cloud files found" in error.message else error.message
        return
    if seen != wanted:
        yield f"{wanted[0]} bytes wanted, {found.size} or others found"


def _compare_link(tree: NtfsTree, found: Stat, entry: Any) -> Iterator[str]:
    target = entry.symbolic_link_target
    if tree.reparse_point(found.inode) is None:
        yield "Interix link"
    elif target is None:
        yield "junction"
    elif _path(target) != _path(tree.readlink(found.inode)):
        yield f"target {target} wanted, {tree.readlink(found.inode)} found"


def _path(target: str) -> str:
    """Return a target as a path of Unix, without the name of the folder of devices that absolute ones begin with."""
    return target.removeprefix("\\??\\").replace("\\", "/")


def _content(stream: Any) -> str:
    digest = hashlib.sha256()
    stream.seek(0)
    for offset in range(0, stream.size, _PIECE):
        digest.update(stream.read_buffer(min(_PIECE, stream.size - offset)))
    return digest.hexdigest()
