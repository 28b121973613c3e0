"""The modules that the guest's cloud-init has, and how often each of its lists runs one."""

from __future__ import annotations

import posixpath
from typing import Final

from inspector.guest import Guest
from parsers.linux.cloud_init import Module
from parsers.linux.cloud_modules import KNOWN, RENAMED, canonical_name, parse_module_frequency

_SOURCES: Final = (
    "/usr/lib/python[23]*/*-packages/cloudinit/config/cc_*.py",
    "/usr/local/lib/python[23]*/*-packages/cloudinit/config/cc_*.py",
)
_LIMIT: Final = 1 << 20


def module_sources(guest: Guest) -> dict[str, str]:
    """Return the modules whose Python source is in the guest: their names, and the paths."""
    paths = (path for pattern in _SOURCES for path in guest.glob(pattern))
    return {canonical_name(posixpath.basename(path)): path for path in paths if guest.is_file(path)}


def is_there(module: Module, sources: dict[str, str]) -> bool:
    """Tell whether cloud-init has this module: by the sources, or of a release whose sources are not had, by name."""
    if not sources:
        return module.name in KNOWN
    return module.name in sources or RENAMED.get(module.name) in sources


def frequency(guest: Guest, module: Module, sources: dict[str, str]) -> str:
    """Return how often a module runs: as its list asks for, else as its source does, else as the documentation says."""
    path = sources.get(module.name) or sources.get(RENAMED.get(module.name, ""))
    if module.asked or path is None:
        return module.frequency
    return parse_module_frequency(guest.read_text(path, _LIMIT))
