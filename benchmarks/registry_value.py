"""`registry_value IMAGE KEY VALUE`: seconds from opening the image to the number of the value, and bytes read."""

from __future__ import annotations

import importlib
import json
import sys
import time

from inspector.disks.storage import open_storage
from inspector.mounts import find_guest
from inspector.target import Target
from inspector.windows.registry import Registry

_LATE = ("inspector.windows.drives", "parsers.container.qcow2", "parsers.filesystem.ntfs")
"""What the way to the value imports, and the start of the process has to pay for."""


def main() -> None:
    """Time one value."""
    path, key, name = sys.argv[1:]
    for module in _LATE:
        importlib.import_module(module)
    start = time.perf_counter()
    storage = open_storage(Target((path,)))
    number = Registry(find_guest(storage)).number(key, name)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "count": storage.bytes_read, "number": number}))


if __name__ == "__main__":
    main()
