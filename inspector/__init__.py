"""Reads the disk image of a virtual machine without booting or mounting it, and judges it.

`inspect_image(path, profile="ecs")` gives a `Report`; `open_image(path)` gives the `Guest`, the tree of its files.
Both take the paths of several images too, which are then the disks of one machine, the one that it boots from first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inspector.backing import AllowedFiles
    from inspector.guest import Guest
    from inspector.report import Report
    from inspector.target import Target

__all__ = ["inspect_image", "open_image"]


def inspect_image(
    path: str | Sequence[str],
    profile: str = "ecs",
    root: str | None = None,
    allowed: AllowedFiles | None = None,
    backend: str = "native",
    keys: Sequence[bytes] = (),
) -> Report:
    """Inspect the image at `path` and return the report; raise `InspectorError` where it cannot be inspected.

    `allowed` are the backing and data files that the image may lean on; without it such an image is refused.
    `backend` says what reads file systems: "native", "guestfs" (libguestfs, which starts a virtual machine), or "auto"
    (libguestfs what native cannot read). `keys` are passphrases that open its LUKS volumes, which wants the extra
    `luks` of this package.
    """
    from inspector.engine import inspect_machine

    return inspect_machine(_target(path, root, allowed, backend, keys), profile)


def open_image(
    path: str | Sequence[str],
    root: str | None = None,
    allowed: AllowedFiles | None = None,
    backend: str = "native",
    keys: Sequence[bytes] = (),
) -> Guest:
    """Return the guest of the image at `path` as one read-only tree of files; arguments as for `inspect_image`."""
    from inspector.disks.storage import open_storage
    from inspector.mounts import find_guest

    return find_guest(open_storage(_target(path, root, allowed, backend, keys)), root)


def _target(
    path: str | Sequence[str], root: str | None, allowed: AllowedFiles | None, choice: str, keys: Sequence[bytes]
) -> Target:
    from inspector.backends.choice import backend
    from inspector.target import Target

    return Target((path,) if isinstance(path, str) else tuple(path), root, allowed, backend(choice), tuple(keys))
