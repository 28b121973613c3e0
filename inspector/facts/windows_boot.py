"""How a Windows guest is started: the boot manager and its store, for each kind of firmware that finds them."""

from __future__ import annotations

from typing import Literal

import msgspec

from parsers.boot.bcd import BcdStore
from parsers.place import Place


class WindowsLoader(msgspec.Struct, frozen=True):
    """What one kind of firmware starts.

    Attributes:
        volume: the volume that it starts from: the active partition, or the EFI system partition.
        manager: the boot manager, which is there where `manager_flaw` is None.
        store_place: the file of its store.
        store: what the store says; None where `store_flaw` says why not.
        store_absent: whether it is certainly not there.
        store_known: whether what is wrong with the store is certain.
        unread: whether the flaws are only that the volume, or a file of it, cannot be read.
    """

    firmware: Literal["bios", "uefi"]
    volume: str
    manager: Place
    manager_flaw: str | None
    store_place: Place
    store: BcdStore | None
    store_flaw: str | None
    store_absent: bool = False
    store_known: bool = True
    unread: bool = False

    def in_store(self, place: Place) -> Place:
        """Return a place in the store with the volume that it lies on."""
        return Place(place.path, key=place.key, volume=self.volume)


class WindowsBoot(msgspec.Struct, frozen=True):
    """The loaders of each kind of firmware that has a volume to start from; at least one."""

    loaders: tuple[WindowsLoader, ...]
