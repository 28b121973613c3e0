"""Ways to read a file system: `native` (our own readers, first) and `guestfs` (libguestfs, for what those cannot)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from inspector.disks.disk import Volume
    from parsers.filesystem.tree import Tree


class Reader(msgspec.Struct, frozen=True):
    """A way to open a volume.

    `open` raises `UnsupportedError` where another reader may do better, and `ParseError` where the volume is broken.
    """

    name: str
    open: Callable[[Volume], Tree]
