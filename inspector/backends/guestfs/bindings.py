"""libguestfs' own Python bindings, where they are installed. They come with the system, not from a package index.

Debian puts them where only its own Python looks. Another Python of the same version may load them from there; that
folder is then the last on the path, so that nothing else of it comes before what this Python has.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Final

MISSING: Final = "libguestfs' Python bindings could read it: install the package python3-guestfs"
_SYSTEM: Final = Path("/usr/lib/python3/dist-packages")


def system_folder(system: Path = _SYSTEM) -> Path | None:
    """Return the system's folder of Python packages where it holds bindings that this Python can load."""
    extension = f"libguestfsmod{EXTENSION_SUFFIXES[0]}"  # the one that names this version of Python
    return system if (system / "guestfs.py").is_file() and (system / extension).is_file() else None


def installed() -> bool:
    """Tell whether there are bindings, without loading them."""
    return importlib.util.find_spec("guestfs") is not None or system_folder() is not None


def load() -> ModuleType:
    """Return the module `guestfs`; raise `ImportError` where there is none, or where it does not load."""
    try:
        return importlib.import_module("guestfs")
    except ModuleNotFoundError:
        folder = system_folder()
        if folder is None:
            raise
    sys.path.append(str(folder))
    try:
        return importlib.import_module("guestfs")
    finally:
        sys.path.remove(str(folder))
