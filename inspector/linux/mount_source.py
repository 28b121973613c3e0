"""What the first field of an fstab line is: a block device, a share on the network, a path of the guest, or a word."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from parsers.linux.fstab import FstabEntry

_TAG: Final = re.compile(r"(?:UUID|LABEL|PARTUUID|PARTLABEL|ID)=")
_NETWORK_KINDS: Final = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "davfs2", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs",
    "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "s3fs", "smb3", "smbfs",
    "sshfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip
"""File systems of another machine, shares of a hypervisor among them."""
_DISK_KINDS: Final = frozenset({
    "auto", "bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "hfsplus", "iso9660", "jfs",
    "minix", "msdos", "nilfs2", "ntfs", "ntfs-3g", "ntfs3", "reiserfs", "squashfs", "swap", "udf", "ufs", "vfat", "xfs",
})  # fmt: skip
"""What lies on a block device or in a file, so that no mere word can stand for it."""
_WAITING_OPTIONS: Final = ("nofail", "noauto", "x-systemd.automount", "_netdev")
_REMOVABLE: Final = re.compile(r"/dev/(?:sr\d+|scd\d+|cdrom\d*|cdrw\d*|dvd\d*|dvdrw\d*|fd\d+|floppy|usbdisk\d*)")


class MountSource(StrEnum):
    """Kind of the thing that is mounted."""

    DEVICE = "device"
    NETWORK = "network"
    PATH = "path"
    VIRTUAL = "virtual"


def mount_source(entry: FstabEntry) -> MountSource:
    """Tell what an entry mounts."""
    if entry.kind in _NETWORK_KINDS or entry.device.startswith("//") or ":/" in entry.device:
        return MountSource.NETWORK
    if entry.device.startswith("/dev/") or _TAG.match(entry.device):
        return MountSource.DEVICE
    if entry.device.startswith("/"):
        return MountSource.PATH
    return MountSource.DEVICE if _is_on_disk(entry) else MountSource.VIRTUAL


def _is_on_disk(entry: FstabEntry) -> bool:
    return not _DISK_KINDS.isdisjoint(entry.kind.split(","))


def may_be_directory(entry: FstabEntry) -> bool:
    """Tell whether an entry can mount a directory: one that binds it, or of a type that lies on no device."""
    return entry.has("bind", "rbind", "move", "remount") or not (_is_on_disk(entry) or entry.kind == "none")


def is_mandatory(entry: FstabEntry) -> bool:
    """Tell whether the boot stops where the entry cannot be mounted (systemd.mount(5), "fstab")."""
    return not entry.has(*_WAITING_OPTIONS)


def is_removable(entry: FstabEntry) -> bool:
    """Tell whether the entry is a drive or a stick that is mounted on demand, as installers write it."""
    return _REMOVABLE.fullmatch(entry.device) is not None and not is_mandatory(entry)
