"""Tells what a volume is from its signatures: type, UUID and label as blkid(8) gives them.

RAID members, LVM and encryption are looked for first, since what they hold shows through at the start of their
members; whoever finds one looks no further. Of the rest, one may be found; two mean that the volume was formatted
twice, and that nobody can tell what it is (see `Superblock.others`). Follows blkid 2.38.

Not done: probing of what blkid calls topology, and of BLOCK_SIZE, USAGE and the ids of optical media.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from parsers.filesystem.superblock import foreign, linux, member, optical, windows
from parsers.filesystem.superblock.model import Probe, Superblock
from parsers.source import Source

__all__ = ["Superblock", "identify"]

_Probing = Callable[[Probe], Superblock | None]

# blkid does not look for RAID members on what is as small as a floppy disk.
_FLOPPY: Final = 1440 * 1024

_RAID: Final[tuple[_Probing, ...]] = (member.linux_raid, foreign.firmware_raid, foreign.drbd)
_HOLDERS: Final[tuple[_Probing, ...]] = (member.lvm2, member.luks, windows.bitlocker)
# Types whose media carry several on purpose; the first one counts.
_TOLERANT: Final = frozenset({"udf", "iso9660", "hfs", "hfsplus"})
_FILESYSTEMS: Final[tuple[_Probing, ...]] = (
    windows.vfat,
    member.swap,
    linux.xfs,
    linux.ext,
    linux.reiserfs,
    linux.jfs,
    optical.udf,
    optical.iso9660,
    foreign.zfs,
    foreign.hfs,
    foreign.ufs,
    foreign.hpfs,
    windows.ntfs,
    windows.refs,
    linux.minix,
    foreign.ocfs2,
    linux.squashfs,
    linux.btrfs,
    linux.nilfs2,
    windows.exfat,
    linux.f2fs,
    foreign.apfs,
    member.bcache,
    linux.erofs,
    foreign.flash,
    foreign.vmfs,
    foreign.by_signature,
)


def identify(source: Source) -> Superblock | None:
    """Return what the volume in `source` is; None where no signature is known. Reads some tens of KiB.

    Raises ParseError only where `source` itself cannot be read.
    """
    probe = Probe(source)
    holders = (*_RAID, *_HOLDERS) if probe.size > _FLOPPY else _HOLDERS
    for holder in holders:
        if found := holder(probe):
            return found
    candidates = [found for probing in _FILESYSTEMS if (found := probing(probe))]
    if not candidates:
        return None
    first, *others = candidates
    if others and any(found.type not in _TOLERANT for found in candidates):
        return replace(first, uuid=None, label=None, others=tuple(other.type for other in others))
    return first
