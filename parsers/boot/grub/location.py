"""Where a path of GRUB lies: its device, and on btrfs the subvolume that it begins in.

GNU GRUB manual 2.12, section 13.3 (paths); btrfs paths begin at the top level of the file system. The GRUB of openSUSE
and Fedora knows besides, by the patches of their packages ("grub2-btrfs-*"): with `btrfs_relative_path` set, paths
begin in the subvolume that `btrfs_subvol` or else the file system's default names, and `btrfs-mount-subvol` lays others
over directories of it.

Deliberately not done: `btrfs_subvolid`.
"""

from __future__ import annotations

import re
from typing import Final

from parsers.boot.grub.state import Scope, Surroundings

_PATH: Final = re.compile(r"(?:\(([^()]*)\))?(/.*)", re.DOTALL)
_MAX_SUBVOLUMES: Final = 64


def locate(path: str, scope: Scope, surroundings: Surroundings | None) -> tuple[str | None, str] | None:
    """Split a GRUB path into its device and the path from the top of it; None where it is no absolute path."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    device, below = match.group(1) or scope.variables.get("root") or None, match.group(2)
    if device and is_relative(scope.value("btrfs_relative_path")):
        below = _from_the_top(device, below, scope, surroundings)
    return device, below


def is_relative(value: str) -> bool:
    """Tell whether a value of `btrfs_relative_path` has paths begin in a subvolume."""
    return value[:1] in {"1", "y"}


def _from_the_top(device: str, path: str, scope: Scope, surroundings: Surroundings | None) -> str:
    for (other, point), subvolume in reversed(scope.subvolumes.items()):
        if other == device and (path + "/").startswith(f"{point}/"):
            return f"/{subvolume}{path.removeprefix(point)}"
    start = scope.value("btrfs_subvol").strip("/")
    if not start and surroundings is not None:
        start = surroundings.default_subvolume(device)
    return f"/{start}{path}" if start else path


def mount_subvolume(arguments: list[str], scope: Scope) -> bool:
    """Run `btrfs-mount-subvol (device) directory subvolume`."""
    if len(arguments) != 3 or len(scope.subvolumes) >= _MAX_SUBVOLUMES:
        return False
    device, point, subvolume = arguments
    scope.subvolumes[device.strip("()"), f"/{point.strip('/')}"] = subvolume.strip("/")
    return True
