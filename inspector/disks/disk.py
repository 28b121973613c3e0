"""A disk image as volumes: container, partition table, and what lies on each partition."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import msgspec

from inspector.backends import Reader, native
from inspector.errors import InspectorError
from inspector.image import DISK_NAME, AllowedFiles, Image, open_image
from parsers.filesystem.superblock import Superblock, identify
from parsers.filesystem.tree import Tree
from parsers.partition import parse_partition_table
from parsers.partition.table import Partition, PartitionTable, Scheme
from parsers.place import ParseError, Place, Problem, UnsupportedError
from parsers.source import Source, Window

_EXTENDED_TYPES: Final = frozenset({"0x05", "0x0f", "0x85"})
FILELESS: Final = {
    "21686148-6449-6e6f-744e-656564454649": "BIOS boot",  # GRUB's core image
    "9e1a2d38-c612-4316-aa26-8b49521e5a8b": "PReP boot",
    "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",  # room that Windows cuts partitions of its own from
}
"""Types of partitions that hold no files, whatever they begin like."""
_NO_FILES: Final = frozenset({"swap"})
MEMBERS: Final = frozenset({"LVM2_member", "linux_raid_member"})
"""Types of the volumes that others are made of, which `inspector.disks.stack` puts together."""
LUKS: Final = "crypto_LUKS"
CONTAINERS: Final = MEMBERS | {
    "adaptec_raid_member", "bcache", "BitLocker", "ceph_bluestore", LUKS, "ddf_raid_member", "drbd", "isw_raid_member",
    "lsi_mega_raid_member", "nvidia_raid_member", "promise_fasttrack_raid_member", "stratis", "via_raid_member",
    "VMFS_volume_member", "zfs_member",
}  # fmt: skip
"""Types whose content is other volumes, so that what is in the image is not known until they are read."""
DYNAMIC: Final = {
    "0x42": "a dynamic disk (LDM)",
    "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3": "a dynamic disk (LDM metadata)",
    "af9b60a0-1431-4f62-bc68-3311714a69ad": "a dynamic disk (LDM data)",
    "e75caf8f-f680-4cee-afa3-b001e56efc2d": "a storage pool (Storage Spaces)",
}
"""Types of the partitions of Windows whose content is other volumes, whatever they begin like."""


class Opened(msgspec.Struct, frozen=True):
    """The files of a volume and who reads them, or why there are none."""

    tree: Tree | None = None
    backend: str | None = None
    reason: str | None = None


class Volume:
    """Bytes that may hold a file system; it is opened when its tree is first asked for.

    A partition or a whole disk begins at byte `offset` of the disk. A logical volume or an array has no offset; it is
    made of the volumes named in `members`, and `aliases` are the other names that it goes by ("/dev/mapper/vg-root").
    A member that was read knows whose it is: `holder` is the name of the group or of the array, or empty for none.
    One that is `dormant` is not activated when the guest boots, so that nothing goes by its names (a thin snapshot).
    `others` are the further devices of a file system that lies on several; they name the first one as their holder.
    `readers` are tried in their order.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        offset: int | None,
        partition: Partition | None = None,
        superblock: Superblock | None = None,
        flaw: str | None = None,
    ) -> None:
        self.name = name
        self.source = source
        self.offset = offset
        self.partition = partition
        self.superblock = superblock
        self.flaw = flaw
        self.holder: str | None = None
        self.members: tuple[str, ...] = ()
        self.others: tuple[Source, ...] = ()
        self.aliases: frozenset[str] = frozenset()
        self.readers: tuple[Reader, ...] = (native.READER,)
        self.dormant = False

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.name, offset=self.offset, volume=self.name)

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.source.size

    @property
    def type(self) -> str | None:
        """Type as blkid names it, or None where nothing was recognised."""
        return self.superblock.type if self.superblock else None

    @property
    def uuid(self) -> str | None:
        """UUID of the file system."""
        return self.superblock.uuid if self.superblock else None

    @property
    def label(self) -> str | None:
        """Label of the file system."""
        return self.superblock.label if self.superblock else None

    @property
    def tree(self) -> Tree | None:
        """The files, or None; `reason` says why."""
        return self._opened.tree

    @property
    def reason(self) -> str | None:
        """Why there is no tree; None where there is one, or where no files are to be expected (swap, boot code)."""
        return self._opened.reason

    @property
    def hides(self) -> bool:
        """Whether there are volumes, or a file system, inside it that are not known."""
        if self.type in CONTAINERS or self._dynamic:
            return self.holder is None
        return bool(self.members and self.flaw)

    @property
    def backend(self) -> str | None:
        """Which reader opened it."""
        return self._opened.backend

    @cached_property
    def _opened(self) -> Opened:
        if self.flaw or self._is_fileless:
            return Opened(reason=self.flaw)
        if self._dynamic:
            return Opened(reason=f"it is a part of {self._dynamic}, which is not read so far")
        if self.type is None:
            return Opened(reason="no known file system was recognised")
        if self.superblock and self.superblock.others:
            found = " and ".join((self.superblock.type, *self.superblock.others))
            return Opened(reason=f"it carries the signatures of {found}")
        if self.type == LUKS:
            from inspector.disks.encryption import encrypted

            return Opened(reason=f"{encrypted(self.source)}; it opens with --key-file")
        return self._read()

    def _read(self) -> Opened:
        """Try one reader after the other; what one finds broken is not tried with the next."""
        reasons = []
        for reader in self.readers:
            try:
                return Opened(reader.open(self), reader.name)
            except UnsupportedError as error:
                reasons.append(error.message)
            except ParseError as error:
                reasons.append(f"{self.type} cannot be read: {error}")
                break
        return Opened(reason="; ".join(reasons))

    @property
    def _dynamic(self) -> str | None:
        """What of Windows the partition is a part of, if anything."""
        return DYNAMIC.get(self.partition.type) if self.partition else None

    @property
    def _is_fileless(self) -> bool:
        """Whether no files are to be expected: boot code, reserved room, swap, members of what was put together."""
        if self.holder is not None or (self.partition and self.partition.type in FILELESS.keys() | _EXTENDED_TYPES):
            return True
        return self.type in _NO_FILES and not (self.superblock and self.superblock.others)


class Disk(msgspec.Struct, frozen=True):
    """An opened image with its table and its partitions as volumes; without a table, itself as the only one."""

    name: str
    image: Image
    table: PartitionTable
    volumes: tuple[Volume, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the container and the partition table."""
        return (*self.image.problems, *self.table.problems)

    @property
    def place(self) -> Place:
        """The place that stands for the disk as a whole."""
        return Place(self.name)


def disk_name(index: int) -> str:
    """Return the name that the kernel gives to the disk with this index: "sda", "sdb", ... "sdz", "sdaa"."""
    letters = ""
    while index >= 0:
        index, letter = divmod(index, 26)
        letters = chr(ord("a") + letter) + letters
        index -= 1
    return f"sd{letters}"


def partition_name(disk: str, number: int) -> str:
    """Return the name of a partition of a disk: "sda1"."""
    return f"{disk}{number}"


def open_disk(path: str, allowed: AllowedFiles | None = None, name: str = DISK_NAME) -> Disk:
    """Open an image file, with the other files that it may lean on, as the disk called `name`.

    Raises:
        InspectorError: it is no disk image that can be read.
    """
    image = open_image(path, allowed, name)
    try:
        table = parse_partition_table(image.source)
    except ParseError as error:  # an encrypted qcow2, or one whose first clusters are broken
        raise InspectorError(f"{path}: {error.message}") from error
    if table.scheme is Scheme.NONE:
        return Disk(name, image, table, (_volume(name, image.source, 0, None),))
    volumes = (
        _partition_volume(name, image.source, partition)
        for partition in table.partitions
        if partition.type not in _EXTENDED_TYPES
    )
    return Disk(name, image, table, tuple(volumes))


def _partition_volume(disk: str, source: Source, partition: Partition) -> Volume:
    name = partition_name(disk, partition.number)
    size = min(partition.size, max(source.size - partition.offset, 0))
    offset = min(partition.offset, source.size)
    return _volume(name, Window(source, offset, size, name), offset, partition)


def _volume(name: str, source: Source, offset: int, partition: Partition | None) -> Volume:
    try:
        superblock = identify(source)
    except ParseError as error:
        return Volume(name, source, offset, partition, None, f"it cannot be read: {error}")
    return Volume(name, source, offset, partition, superblock)
