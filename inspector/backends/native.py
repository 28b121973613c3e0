"""File systems that our own readers understand.

Readers are imported when a volume of their type is opened, since most images need one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from inspector.backends import Reader
from parsers.filesystem.tree import Tree
from parsers.place import Place, UnsupportedError
from parsers.source import Source

if TYPE_CHECKING:
    from inspector.disks.disk import Volume

NAME: Final = "native"


def _btrfs(source: Source, *others: Source) -> Tree:
    from parsers.filesystem.btrfs import open_btrfs

    return open_btrfs(source, *others, verify_data=True)  # as the kernel does: bytes that rotted are no answer


def _ext4(source: Source) -> Tree:
    from parsers.filesystem.ext4 import open_ext4

    return open_ext4(source)


def _fat(source: Source) -> Tree:
    from parsers.filesystem.fat import open_fat

    return open_fat(source)


def _ntfs(source: Source) -> Tree:
    from parsers.filesystem.ntfs import open_ntfs

    return open_ntfs(source)


def _xfs(source: Source) -> Tree:
    from parsers.filesystem.xfs import open_xfs

    return open_xfs(source)


READERS: Final[dict[str, Callable[..., Tree]]] = {
    "btrfs": _btrfs,
    "ext2": _ext4,
    "ext3": _ext4,
    "ext4": _ext4,
    "ntfs": _ntfs,
    "vfat": _fat,
    "xfs": _xfs,
}
"""Type as blkid names it -> reader of a volume, and of the others that its file system lies on."""


def _open(volume: Volume) -> Tree:
    reader = READERS.get(volume.type or "")
    if reader is None:
        raise UnsupportedError(Place(volume.name), f"{volume.type} is not read so far")
    try:
        return reader(volume.source, *volume.others)
    except UnsupportedError as error:
        raise UnsupportedError(error.place, f"{volume.type} cannot be read: {error}") from error


READER: Final = Reader(NAME, _open)
