"""Walk a file system of a raw disk with a library of a peer, asking of each file what stat(2) tells; print the seconds.

Run by the interpreter of the peers' own environment:
`walk_peers.py pytsk3|pytsk3-by-path|pyfsext|pyfsxfs|dissect.btrfs DISK OFFSET SIZE [SUBVOLUME]`.
"""

from __future__ import annotations

import importlib
import io
import json
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def walk_pytsk3(path: str, offset: int, *_: int | str) -> int:
    """Count the files that The Sleuth Kit's bindings give."""
    tsk = importlib.import_module("pytsk3")
    system = tsk.FS_Info(tsk.Img_Info(path), offset=offset)
    count, stack, seen = 0, [system.open_dir(path="/")], set()
    while stack:
        for entry in stack.pop():
            meta = entry.info.meta
            if entry.info.name.name in (b".", b"..", b"$OrphanFiles") or meta is None:
                continue
            count += 1
            _ = (entry.info.name.name, meta.addr, meta.type, meta.mode, meta.uid, meta.gid, meta.size, meta.nlink)
            _ = (meta.mtime, meta.mtime_nano, meta.atime, meta.atime_nano, meta.ctime, meta.ctime_nano)
            _ = (meta.crtime, meta.crtime_nano)
            if meta.type == tsk.TSK_FS_META_TYPE_DIR and meta.addr not in seen:
                seen.add(meta.addr)
                stack.append(system.open_dir(inode=meta.addr))
    return count


def walk_pytsk3_by_path(path: str, offset: int, *_: int | str) -> int:
    """Count the files as os.walk() and os.stat() would: each is looked up by its path."""
    tsk = importlib.import_module("pytsk3")
    system = tsk.FS_Info(tsk.Img_Info(path), offset=offset)
    count, stack = 0, ["/"]
    while stack:
        folder = stack.pop()
        for entry in system.open_dir(path=folder):
            name = entry.info.name
            if name.name in (b".", b"..", b"$OrphanFiles") or not name.meta_addr:
                continue
            count += 1
            meta = system.open(f"{folder}{name.name.decode()}").info.meta
            _ = (meta.addr, meta.type, meta.mode, meta.uid, meta.gid, meta.size, meta.nlink, meta.mtime)
            if meta.type == tsk.TSK_FS_META_TYPE_DIR:
                stack.append(f"{folder}{name.name.decode()}/")
    return count


class _Partition(io.RawIOBase):
    """A range of a file as the file object that the peers want."""

    def __init__(self, path: str, offset: int, size: int) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115 - lives as long as the walk
        self._start, self._size, self._position = offset, size, 0

    def read(self, size: int = -1) -> bytes:
        self._file.seek(self._start + self._position)
        left = self._size - self._position
        data = self._file.read(left if size < 0 else min(size, left))
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + {0: 0, 1: self._position, 2: self._size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def get_size(self) -> int:
        return self._size


def walk_pyfsext(path: str, offset: int, size: int, _: str) -> int:
    """Count the files that libfsext's bindings give."""
    return _walk_libyal("pyfsext", _Partition(path, offset, size))


def walk_pyfsxfs(path: str, offset: int, size: int, _: str) -> int:
    """Count the files that libfsxfs' bindings give."""
    return _walk_libyal("pyfsxfs", _Partition(path, offset, size))


def _walk_libyal(module: str, partition: _Partition) -> int:
    volume: Any = importlib.import_module(module).volume()
    volume.open_file_object(partition)
    count, stack = 0, [volume.get_root_directory()]
    while stack:
        for entry in stack.pop().sub_file_entries:
            count += 1
            _ = (entry.name, entry.inode_number, entry.owner_identifier, entry.group_identifier, entry.size)
            _ = (entry.number_of_links, entry.get_modification_time_as_integer(), entry.get_access_time_as_integer())
            _ = (entry.get_inode_change_time_as_integer(), entry.get_creation_time_as_integer())
            if stat.S_ISDIR(entry.file_mode):
                stack.append(entry)
    return count


def walk_pyfsntfs(path: str, offset: int, size: int, subvolume: str) -> int:
    """Count the files that libfsntfs' bindings give; those of the format itself are among them."""
    del subvolume  # there are none
    volume: Any = importlib.import_module("pyfsntfs").volume()
    volume.open_file_object(_Partition(path, offset, size))
    count, stack = 0, [volume.get_root_directory()]
    while stack:
        for entry in stack.pop().sub_file_entries:
            count += 1
            _ = (entry.name, entry.file_reference, entry.size, entry.file_attribute_flags)
            _ = (entry.get_modification_time_as_integer(), entry.get_access_time_as_integer())
            _ = (entry.get_entry_modification_time_as_integer(), entry.get_creation_time_as_integer())
            if entry.has_directory_entries_index():
                stack.append(entry)
    return count


def walk_dissect_btrfs(path: str, offset: int, size: int, subvolume: str) -> int:
    """Count the files that dissect.btrfs gives."""
    system: Any = importlib.import_module("dissect.btrfs").Btrfs(_Partition(path, offset, size))
    count, stack = 0, [system.find_subvolume(subvolume).root]
    while stack:
        for name, entry in stack.pop().iterdir():
            if name in (".", ".."):
                continue
            count += 1
            _ = (entry.inum, entry.mode, entry.uid, entry.gid, entry.size, entry.inode.nlink)
            _ = (entry.mtime_ns, entry.atime_ns, entry.ctime_ns, entry.otime_ns)
            if entry.is_dir():
                stack.append(entry)
    return count


PEERS: dict[str, Callable[[str, int, int, str], int]] = {
    "pytsk3": walk_pytsk3,
    "pytsk3-by-path": walk_pytsk3_by_path,
    "pyfsext": walk_pyfsext,
    "pyfsxfs": walk_pyfsxfs,
    "pyfsntfs": walk_pyfsntfs,
    "dissect.btrfs": walk_dissect_btrfs,
}


def main() -> None:
    """Time one walk."""
    name, path, offset, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    subvolume = sys.argv[5] if len(sys.argv) > 5 else ""
    importlib.import_module(name.partition("-")[0])
    start = time.perf_counter()
    count = PEERS[name](path, offset, size, subvolume)
    print(json.dumps({"seconds": time.perf_counter() - start, "count": count}))


if __name__ == "__main__":
    main()
