"""Walk the ext4 of a raw disk with `parsers`, asking for every file's metadata: `walk_ours DISK OFFSET SIZE`."""

from __future__ import annotations

import json
import sys
import time

from inspector.image_file import open_file
from parsers.filesystem.ext4 import open_ext4
from parsers.filesystem.tree import FileType
from parsers.source import Window


def main() -> None:
    """Time one walk, from opening the file on."""
    path, offset, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    start = time.perf_counter()
    tree = open_ext4(Window(open_file(path), offset, size))
    count, stack = 0, [tree.root]
    while stack:
        for entry in tree.entries(stack.pop()):
            count += 1
            if tree.stat(entry.inode).type is FileType.DIRECTORY:
                stack.append(entry.inode)
    print(json.dumps({"seconds": time.perf_counter() - start, "count": count}))


if __name__ == "__main__":
    main()
