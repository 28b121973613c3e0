"""Volumes and disks made of trees in memory, for tests of what lies above the file systems."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from inspector.disks.disk import Disk, Opened, Volume
from inspector.disks.storage import Storage, open_storage
from inspector.image import Image
from inspector.target import Target
from parsers.filesystem.superblock import Superblock
from parsers.filesystem.tree import Tree
from parsers.partition.table import Partition, PartitionTable, Scheme
from parsers.source import Memory
from tests.memory_tree import Files, MemoryTree

SIZE = 1 << 20


def volume_of(
    content: Files | Tree | None,
    number: int = 1,
    kind: str | None = "ext4",
    uuid: str | None = None,
    reason: str | None = None,
) -> Volume:
    """Return the volume "sda<number>" with these files; without any, `reason` says why."""
    name = f"sda{number}"
    partition = Partition(number, number * SIZE, SIZE, "0x83", f"deadbeef-{number:02}")
    superblock = Superblock(kind, 0, uuid) if kind else None
    volume = Volume(name, Memory(bytes(SIZE), name), number * SIZE, partition, superblock)
    tree = MemoryTree(content, name) if isinstance(content, dict) else cast("Tree | None", content)
    volume.__dict__["_opened"] = Opened(tree, "native" if tree else None, reason)
    return volume


def disk_of(*volumes: Volume, scheme: Scheme = Scheme.MBR) -> Disk:
    """Return a disk with these volumes, one for each partition."""
    partitions = tuple(volume.partition for volume in volumes if volume.partition)
    table = PartitionTable(scheme, 512, "deadbeef", partitions)
    image = SimpleNamespace(
        path="disk.raw", format="raw", source=Memory(bytes(SIZE), "disk.raw"), problems=(), bytes_read=0,
        virtual_size=SIZE, file_size=SIZE,
    )  # fmt: skip
    return Disk("sda", cast("Image", image), table, volumes)


def storage_of(*volumes: Volume, scheme: Scheme = Scheme.MBR) -> Storage:
    """Return the storage of a machine whose only disk has these volumes."""
    return Storage((disk_of(*volumes, scheme=scheme),), volumes)


def storage_at(*paths: Path) -> Storage:
    """Return the storage of a machine with these images as its disks."""
    return open_storage(Target(tuple(map(str, paths))))
