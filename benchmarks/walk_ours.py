"""Walk a file system on a raw disk with `parsers`, asking for every file's metadata.

`walk_ours KIND DISK OFFSET SIZE [SUBVOLUME]`
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Final

from inspector.image_file import open_file
from parsers.filesystem.btrfs import open_btrfs
from parsers.filesystem.ext4 import open_ext4
from parsers.filesystem.ntfs import open_ntfs
from parsers.filesystem.tree import FileType, Tree
from parsers.filesystem.xfs import open_xfs
from parsers.source import Source, Window

READERS: Final[dict[str, Callable[[Source], Tree]]] = {"ext4": open_ext4, "ntfs": open_ntfs, "xfs": open_xfs}


def opened(kind: str, source: Source, subvolume: str | None) -> Tree:
    """Open the file system."""
    if kind == "btrfs":
        return open_btrfs(source, subvolume=subvolume)
    return READERS[kind](source)


def main() -> None:
    """Time one walk, from opening the file on."""
    kind, path, offset, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    subvolume = sys.argv[5] if len(sys.argv) > 5 else None
    start = time.perf_counter()
    tree = opened(kind, Window(open_file(path), offset, size), subvolume)
    count, stack = 0, [tree.root]
    while stack:
        for entry in tree.entries(stack.pop()):
            count += 1
            if tree.stat(entry.inode).type is FileType.DIRECTORY:
                stack.append(entry.inode)
    print(json.dumps({"seconds": time.perf_counter() - start, "count": count}))


if __name__ == "__main__":
    main()
