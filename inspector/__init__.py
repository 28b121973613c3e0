"""Reads the disk image of a virtual machine without booting or mounting it, and judges it.

`inspect_image(path, profile="ecs")` gives a `Report`; `open_image(path)` gives the `Guest`, the tree of its files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspector.backing import AllowedFiles
    from inspector.guest import Guest
    from inspector.report import Report

__all__ = ["inspect_image", "open_image"]


def inspect_image(
    path: str, profile: str = "ecs", root: str | None = None, allowed: AllowedFiles | None = None
) -> Report:
    """Inspect the image at `path` and return the report; raise `InspectorError` where it cannot be inspected.

    `allowed` are the backing and data files that the image may lean on; without it such an image is refused.
    """
    from inspector.engine import inspect_image as inspect

    return inspect(path, profile, root, allowed)


def open_image(path: str, root: str | None = None, allowed: AllowedFiles | None = None) -> Guest:
    """Return the guest of the image at `path` as one read-only tree of files."""
    from inspector.disk import open_disk
    from inspector.mounts import find_guest

    return find_guest(open_disk(path, allowed), root)
