"""Whether a file system was unmounted, as the superblocks of F2FS, JFS, ReiserFS and NILFS2 tell.

Layouts: Linux's documentation of F2FS (filesystems/f2fs) and the structures f2fs_super_block and f2fs_checkpoint of
its header, jfs_superblock, reiserfs_super_block and nilfs_super_block of theirs; all little-endian. What the kernel
would replay after an unclean end is not worked out: only that there may be something.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

import msgspec

from parsers.filesystem.superblock.model import Probe
from parsers.source import Source

_F2FS_MAGIC: Final = 0xF2F52010
_F2FS_UMOUNT: Final = 0x1
_F2FS_ERROR: Final = 0x8
_F2FS_FSCK: Final = 0x10
_F2FS_BLOCK: Final = 4096
_VALID, _ERROR = 1, 2


class MountState(msgspec.Struct, frozen=True):
    """How a file system fared.

    Attributes:
        unclean: how it was not unmounted cleanly, or why that is not known; None where it was.
        stale: whether what lies in its journal or log may be newer than the rest.
        errors: what its driver recorded.
    """

    unclean: str | None = None
    stale: bool = False
    errors: tuple[str, ...] = ()


def parse_mount_state(source: Source, kind: str) -> MountState | None:
    """Return the state of the file system of type `kind` (as blkid names it); None for types that are not known here.

    Raises:
        ParseError: the source cannot be read.
    """
    read = _READERS.get(kind)
    return read(Probe(source)) if read else None


def _unclean(reason: str, errors: tuple[str, ...] = ()) -> MountState:
    return MountState(reason, True, errors)  # noqa: FBT003 - stale, as the name of this function says


def _f2fs(probe: Probe) -> MountState:
    first, per_segment = probe.uint(1024 + 76, 4), probe.uint(1024 + 20, 4)
    if probe.uint(1024 + 16, 4) != 12 or per_segment > 20:
        return _unclean("no checkpoint can be found, since its blocks are of an unknown size")
    packs = [_checkpoint(probe, block * _F2FS_BLOCK) for block in (first, first + (1 << per_segment))]
    flags = max((pack for pack in packs if pack is not None), default=None)
    if flags is None:
        return _unclean("no checkpoint is valid")
    errors = tuple(
        message
        for bit, message in ((_F2FS_ERROR, "errors are on record"), (_F2FS_FSCK, "a full check is asked for"))
        if flags[1] & bit
    )
    if flags[1] & _F2FS_UMOUNT:
        return MountState(errors=errors)
    return _unclean("the last checkpoint was not made when unmounting", errors)


def _checkpoint(probe: Probe, offset: int) -> tuple[int, int] | None:
    """Version and flags of a checkpoint whose first and last block agree; None where they do not."""
    head = probe.read(offset, _F2FS_BLOCK)
    version, count = int.from_bytes(head[:8], "little"), int.from_bytes(head[136:140], "little")
    if not (_is_checkpoint(head) and 2 <= count <= 1 << 20):
        return None
    tail = probe.read(offset + (count - 1) * _F2FS_BLOCK, _F2FS_BLOCK)
    if not _is_checkpoint(tail) or int.from_bytes(tail[:8], "little") != version:
        return None
    return version, int.from_bytes(head[132:136], "little")


def _is_checkpoint(block: bytes) -> bool:
    place = int.from_bytes(block[164:168], "little")
    if not 192 <= place <= _F2FS_BLOCK - 4:
        return False
    # The CRC starts from the magic number and is not inverted, at either end.
    crc = zlib.crc32(block[:place], _F2FS_MAGIC ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc == int.from_bytes(block[place : place + 4], "little")


def _jfs(probe: Probe) -> MountState:
    state = probe.uint((32 << 10) + 40, 4)
    if state == 0:
        return MountState()
    errors = ("replaying the log failed",) if state & 4 else ()
    return _unclean(f"state 0 (clean) wanted, {state:#x} found", errors)


def _reiserfs(probe: Probe) -> MountState:
    base = next((at for at in (64 << 10, 8 << 10) if probe.read(at + 52, 5) == b"ReIsE"), 64 << 10)
    state, flaws = probe.uint(base + 50, 2), probe.uint(base + 62, 2)
    errors = (f"errors are on record: {flaws:#x}",) if flaws else ()
    return MountState(errors=errors) if state == _VALID else _unclean(f"state 1 wanted, {state} found", errors)


def _nilfs2(probe: Probe) -> MountState:
    state = probe.uint(1024 + 116, 2)
    errors = ("errors are on record",) if state & _ERROR else ()
    return MountState(errors=errors) if state & _VALID else _unclean(f"state 1 wanted, {state} found", errors)


_READERS: Final[dict[str, Callable[[Probe], MountState]]] = {
    "f2fs": _f2fs,
    "jfs": _jfs,
    "nilfs2": _nilfs2,
    "reiserfs": _reiserfs,
}
