"""File systems that the appliance's kernel is asked to mount, and how.

Where a driver would replay a journal or a log when it mounts, it is told not to. Whether there was something to replay
is read by ourselves (`parsers.filesystem.mount_state`), since no kernel says so.
"""

from __future__ import annotations

from typing import Final

import msgspec


class FileSystem(msgspec.Struct, frozen=True):
    """How to mount a type: the driver's name and the options.

    `journal`: it may have one that waits to be replayed. `flags`: its inodes have flags, as chattr(1) sets them.
    """

    driver: str
    options: str = "ro"
    journal: bool = True
    flags: bool = True


FILE_SYSTEMS: Final[dict[str, FileSystem]] = {
    "btrfs": FileSystem("btrfs", "ro,rescue=nologreplay"),
    "erofs": FileSystem("erofs", journal=False, flags=False),
    "exfat": FileSystem("exfat", "ro,umask=0022", journal=False, flags=False),
    "ext2": FileSystem("ext2", journal=False),
    "ext3": FileSystem("ext3", "ro,noload"),
    "ext4": FileSystem("ext4", "ro,noload"),
    "f2fs": FileSystem("f2fs", "ro,norecovery"),
    "hfsplus": FileSystem("hfsplus", "ro,nls=utf8"),
    "iso9660": FileSystem("iso9660", "ro,iocharset=utf8", journal=False, flags=False),
    "jfs": FileSystem("jfs"),
    "minix": FileSystem("minix", journal=False, flags=False),
    "nilfs2": FileSystem("nilfs2", "ro,norecovery"),
    "ntfs": FileSystem("ntfs-3g", flags=False),
    "reiserfs": FileSystem("reiserfs"),
    "squashfs": FileSystem("squashfs", journal=False, flags=False),
    "udf": FileSystem("udf", "ro,iocharset=utf8", journal=False, flags=False),
    "vfat": FileSystem("vfat", "ro,utf8,shortname=mixed,umask=0022,tz=UTC", journal=False, flags=False),
    "xfs": FileSystem("xfs", "ro,norecovery,nouuid"),
}
"""Type as blkid names it -> how it is mounted."""
