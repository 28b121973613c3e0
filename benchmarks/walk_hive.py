"""Walk a registry hive, asking for every key's time and every value's type and data; or ask for one value.

`walk_hive parsers|parsers-value|python-registry|regipy|dissect.regf|pyregf HIVE [KEY VALUE]`, by an interpreter that
has the library; prints the seconds from opening the file on, and how many keys and values there were.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def walk_parsers(path: str, *_: str) -> int:
    """Count with this project's reader."""
    image_file, registry = importlib.import_module("inspector.image_file"), importlib.import_module(REGISTRY)
    count = 0
    for key in registry.open_hive(image_file.open_file(path)).walk():
        count += 1
        _ = (key.name, key.written)
        for value in key.values():
            count += 1
            _ = (value.name, value.type, value.data)
    return count


def value_of_parsers(path: str, key: str, name: str) -> int:
    """Ask this project's reader for one value."""
    image_file, registry = importlib.import_module("inspector.image_file"), importlib.import_module(REGISTRY)
    found = registry.open_hive(image_file.open_file(path)).key(key)
    _ = found.value(name).data
    return 1


def walk_python_registry(path: str, *_: str) -> int:
    """Count with python-registry."""
    count, stack = 0, [importlib.import_module("Registry.Registry").Registry(path).root()]
    while stack:
        key = stack.pop()
        count += 1
        _ = (key.name(), key.timestamp())
        for value in key.values():
            count += 1
            _ = (value.name(), value.value_type(), value.raw_data())
        stack += key.subkeys()
    return count


def walk_regipy(path: str, *_: str) -> int:
    """Count with regipy."""
    logging.disable()
    count, stack = 0, [importlib.import_module("regipy.registry").RegistryHive(path).root]
    while stack:
        key = stack.pop()
        count += 1
        _ = (key.name, key.header.last_modified)
        count += sum(1 for _ in key.iter_values(as_json=False))
        if key.subkey_count:
            stack += key.iter_subkeys()
    return count


def walk_dissect_regf(path: str, *_: str) -> int:
    """Count with dissect.regf."""
    with Path(path).open("rb") as file:
        count, stack = 0, [importlib.import_module("dissect.regf").RegistryHive(file).root()]
        while stack:
            key = stack.pop()
            count += 1
            _ = (key.name, key.timestamp)
            for value in key.values():
                count += 1
                _ = (value.name, value.type, value.data)
            stack += key.subkeys()
    return count


def walk_pyregf(path: str, *_: str) -> int:
    """Count with libregf's bindings, whose walk is C."""
    file: Any = importlib.import_module("pyregf").file()
    file.open(path)
    count, stack = 0, [file.get_root_key()]
    while stack:
        key = stack.pop()
        count += 1
        _ = (key.name, key.get_last_written_time_as_integer())
        for value in key.values:
            count += 1
            _ = (value.name, value.type, value.data)
        stack += key.sub_keys
    return count


REGISTRY = "parsers.windows.registry"
LIBRARIES: dict[str, Callable[..., int]] = {
    "parsers": walk_parsers,
    "parsers-value": value_of_parsers,
    "python-registry": walk_python_registry,
    "regipy": walk_regipy,
    "dissect.regf": walk_dissect_regf,
    "pyregf": walk_pyregf,
}
MODULES = {
    "parsers": REGISTRY,
    "parsers-value": REGISTRY,
    "python-registry": "Registry.Registry",
    "regipy": "regipy.registry",
    "dissect.regf": "dissect.regf",
    "pyregf": "pyregf",
}
"""What is imported before the clock starts."""


def main() -> None:
    """Time one walk, or one value."""
    name, *rest = sys.argv[1:]
    importlib.import_module(MODULES[name])
    start = time.perf_counter()
    count = LIBRARIES[name](*rest)
    print(json.dumps({"seconds": time.perf_counter() - start, "count": count}))


if __name__ == "__main__":
    main()
