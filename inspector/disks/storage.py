"""The storage of one machine: its disks, and all volumes on them, those that are made of several included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from inspector.backends.choice import Choice
from inspector.disks.disk import LUKS, MEMBERS, Disk, Volume, disk_name, open_disk
from inspector.errors import InspectorError
from inspector.target import Target
from parsers.place import Problem

if TYPE_CHECKING:
    from parsers.volume.lvm2 import VolumeGroup
    from parsers.volume.mdraid import Array

MAX_DISKS: Final = 26
"""As many as have a name of one letter, and fewer than the files that an inspection may hold open."""


class Stack(msgspec.Struct, frozen=True):
    """The volumes that are made of others; `arrays` and `groups` say how, and which of their members are missing.

    `short` are the names of members of arrays that cannot be assembled, since other members are missing. `opened` are
    those of `volumes` that keys opened.
    """

    volumes: tuple[Volume, ...] = ()
    arrays: tuple[Array, ...] = ()
    groups: tuple[VolumeGroup, ...] = ()
    problems: tuple[Problem, ...] = ()
    short: tuple[str, ...] = ()
    opened: tuple[Volume, ...] = ()


class Storage(msgspec.Struct, frozen=True):
    """The disks of a machine in their order, and the volumes: of each disk in turn, then what is made of them."""

    disks: tuple[Disk, ...]
    volumes: tuple[Volume, ...]
    stack: Stack = Stack()

    @property
    def system_disk(self) -> Disk:
        """The disk that firmware boots: the first."""
        return self.disks[0]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the containers, the partition tables, and what is made of several volumes."""
        of_disks = [problem for disk in self.disks for problem in disk.problems]
        return (*of_disks, *self.stack.problems)

    @property
    def bytes_read(self) -> int:
        """How much was read so far of all files."""
        return sum(disk.image.bytes_read for disk in self.disks)

    def disk_of(self, volume: Volume) -> Disk | None:
        """Return the disk that a volume is a part of; None for one that is made of others."""
        return next((disk for disk in self.disks if volume in disk.volumes), None)

    def under(self, volume: Volume) -> list[Volume]:
        """Return a volume with all that it lies on: what it is made of, and what that is made of."""
        found, pending = [volume], [volume]
        while pending:
            upper = pending.pop()
            members = [item for name in upper.members if (item := self.volume(name))]
            # Devices of one btrfs: each but the first knows whose it is.
            members += [item for item in self.volumes if item.holder == upper.name and item.type == upper.type]
            new = [item for item in members if item not in found]
            found += new
            pending += new
        return found

    def disks_under(self, volume: Volume) -> tuple[Disk, ...]:
        """Return the disks that a volume lies on."""
        under = self.under(volume)
        return tuple(disk for disk in self.disks if any(item in disk.volumes for item in under))

    def volume(self, name: str) -> Volume | None:
        """Return the volume called `name` ("sda1", "vg/root"), or known by that name ("mapper/vg-root")."""
        by_name = next((volume for volume in self.volumes if volume.name == name), None)
        return by_name or next((item for item in self.volumes if {name, f"/dev/{name}"} & item.aliases), None)


def open_storage(target: Target) -> Storage:
    """Open the images of a machine.

    Raises:
        InspectorError: one of them is no disk image that can be read.
    """
    if len(target.images) > MAX_DISKS:
        raise InspectorError(f"at most {MAX_DISKS} disks of one machine wanted, {len(target.images)} found")
    disks = tuple(open_disk(path, target.allowed, disk_name(index)) for index, path in enumerate(target.images))
    storage = joined(disks, target.keys)
    if target.backend.choice is not Choice.NATIVE:
        from inspector.backends.guestfs.volumes import equip

        equip(storage.volumes, target.backend, storage.stack.groups)
    return storage


def joined(disks: tuple[Disk, ...], keys: tuple[bytes, ...] = ()) -> Storage:
    """Return the storage of a machine with these disks, with what `keys` open of its encrypted volumes."""
    volumes = tuple(volume for disk in disks for volume in disk.volumes)
    stack = Stack()
    if any(volume.type in MEMBERS or (keys and volume.type == LUKS) for volume in volumes):
        from inspector.disks.stack import stack_of

        stack = stack_of(volumes, keys)
    storage = Storage(disks, (*volumes, *stack.volumes), stack)
    if sum(volume.type == "btrfs" for volume in storage.volumes) > 1:
        from inspector.disks.multi_device import join_devices

        join_devices(storage.volumes)
    return storage
