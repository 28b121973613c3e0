r"""The boot stores, and where an entry leads: the volume that its device names, and the files that it needs there.

Source: Microsoft, "Boot Configuration Data Reference" (BcdDeviceData, BcdDeviceObjectElementTypes). A located device is
the volume that holds the file which another element names; a RAM disk is a file of its parent device, and needs the
SDI file that the object of its options names. What lies inside a RAM disk or a virtual disk is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.windows_boot import WindowsBoot, WindowsLoader
from inspector.verdict import NotApplicable
from inspector.windows.drives import files_of, is_partition
from inspector.windows.files import flaw_of_file
from parsers.boot import bcd
from parsers.boot.bcd import BcdElement, BcdObject, BcdStore
from parsers.boot.bcd_device import BcdDevice, BcdDeviceKind
from parsers.place import ParseError, Place
from parsers.source import Source
from parsers.windows.mounted_devices import GptPartition, MbrPartition

_WIM: Final = b"MSWIM\0\0\0"
"""How an image begins (Microsoft, Windows Imaging File Format)."""


class BrokenEntry(Exception):  # noqa: N818  # it is an answer, not a failure of the program
    """Why an entry leads nowhere, or, where not `known`, why it cannot be told where it leads.

    `flaw` is what the entry does, such as "names no program".
    """

    def __init__(self, flaw: str, place: Place, seen: str, *, known: bool = True) -> None:
        super().__init__(flaw)
        self.flaw = flaw
        self.place = place
        self.seen = seen
        self.known = known


class BootEntries:
    """The entries of the store that one loader reads."""

    def __init__(self, storage: Storage, loader: WindowsLoader, store: BcdStore) -> None:
        self.store = store
        self._storage = storage
        self._loader = loader

    @property
    def damage(self) -> str | None:
        """What could not be read of the store, the first of it."""
        return str(self.store.problems[0]) if self.store.problems else None

    def element(self, entry: BcdObject, kind: int) -> BcdElement | None:
        """Return an element of an entry, or of what it inherits from."""
        return self.store.element(entry, kind)

    def place(self, place: Place) -> Place:
        """Return a place in the store with the volume that it lies on."""
        return self._loader.in_store(place)

    def follow(self, entry: BcdObject) -> Place:
        """Return the file that an entry starts, which is there: a program, or the image of its RAM disk.

        Raise `BrokenEntry`.
        """
        device, path = self.element(entry, bcd.DEVICE), self.element(entry, bcd.PATH)
        if device is None or path is None or not isinstance(device.value, BcdDevice):
            raise BrokenEntry("names no program", self.place(entry.place), "no path or device")
        if device.value.kind is BcdDeviceKind.RAM_DISK:
            return self._ram_disk(entry, device)
        volume = self.volume(entry, device)
        self.file(volume, str(path.value))
        return Place(str(path.value), volume=volume.name)

    def volume(self, entry: BcdObject, element: BcdElement) -> Volume:
        """Return the volume that an element with a device of `entry` names. Raise `BrokenEntry`."""
        if not isinstance(element.value, BcdDevice):
            raise BrokenEntry("names no device", self.place(element.place), str(element.value))
        return self._volume(entry, element, element.value)

    def file(self, volume: Volume, path: str, head: bytes = b"") -> Source:
        """Return a file of a volume that is not empty, and begins with `head`. Raise `BrokenEntry`."""
        place = Place(path, volume=volume.name)
        try:
            files = files_of(volume)
            flaw = flaw_of_file(files, path, head, "image")
        except (UnknownFact, ParseError) as error:
            raise BrokenEntry("needs a file that cannot be read", place, str(error), known=False) from None
        if flaw:
            raise BrokenEntry(f"needs a file that {flaw.partition(':')[0]}", place, f"it {flaw}")
        return files.open(path)

    def _ram_disk(self, entry: BcdObject, element: BcdElement) -> Place:
        """Return the image of a RAM disk, for which all is there that it needs besides."""
        device = element.value
        if not isinstance(device, BcdDevice) or device.path is None or device.parent is None:
            seen = str(device)
            raise BrokenEntry("names no image of its RAM disk", self.place(element.place), seen, known=False)
        volume = self._volume(entry, element, device.parent)
        self.file(volume, device.path, _WIM if device.path.lower().endswith(".wim") else b"")
        options = self.store.objects.get(device.options or "")
        if options is None:
            flaw = "names options of its RAM disk that are not there"
            raise BrokenEntry(flaw, self.place(element.place), device.options or str(device))
        where, path = self.element(options, bcd.SDI_DEVICE), self.element(options, bcd.SDI_PATH)
        if where is None or path is None:
            raise BrokenEntry("names no SDI file for its RAM disk", self.place(options.place), "no device or path")
        self.file(self.volume(options, where), str(path.value))
        return Place(device.path, volume=volume.name)

    def _volume(self, entry: BcdObject, element: BcdElement, device: BcdDevice) -> Volume:
        found = None
        wanted: MbrPartition | GptPartition | None = None
        if device.kind is BcdDeviceKind.BOOT:
            found = self._storage.volume(self._loader.volume)
        elif device.kind is BcdDeviceKind.LOCATE:
            return self._located(entry, element, device)
        elif device.disk and device.offset is not None:
            wanted = MbrPartition(device.disk, device.offset)
        elif device.partition:
            wanted = GptPartition(device.partition)
        elif device.kind is not BcdDeviceKind.PARTITION:
            flaw = "starts from a device that is not followed"
            raise BrokenEntry(flaw, self.place(element.place), str(device), known=False)
        if wanted:
            found = next((it for it in self._storage.volumes if is_partition(it, wanted, self._storage)), None)
        if found is None:
            flaw = "starts from a partition that is not in the image"
            raise BrokenEntry(flaw, self.place(element.place), str(device))
        return found

    def _located(self, entry: BcdObject, element: BcdElement, device: BcdDevice) -> Volume:
        """Return the one volume that holds the file, or folder, which another element names."""
        named = self.element(entry, device.element) if device.element else None
        place = self.place(element.place)
        if named is None or not isinstance(named.value, str):
            raise BrokenEntry("is looked for by a file that is not told", place, str(device), known=False)
        path, holding, unread = named.value, [], []
        for volume in self._storage.volumes:
            try:
                if (volume.tree or volume.reason) and files_of(volume).exists(path):
                    holding.append(volume)
            except (UnknownFact, ParseError):
                unread.append(volume.name)
        if len(holding) == 1 and not unread:
            return holding[0]
        if holding:
            seen = (
                f"{path} is on {', '.join(volume.name for volume in holding)}; not read: {', '.join(unread) or 'none'}"
            )
            raise BrokenEntry("is looked for by a file that several volumes may hold", place, seen, known=False)
        seen = f"{path} is on no volume" if not unread else f"not read: {', '.join(unread)}"
        raise BrokenEntry("is looked for by a file that no volume holds", place, seen, known=not unread)


def stores(facts: Facts, *, whole: bool = True) -> list[tuple[WindowsLoader, BcdStore]]:
    """Return the stores of all loaders; raise `ParseError` where one is there and cannot be read.

    With `whole`, that is also where a part of one cannot be read.
    """
    found = []
    for loader in facts[WindowsBoot].loaders:
        store = loader.store
        if store is not None:
            if whole and store.problems:
                raise ParseError(loader.in_store(store.problems[0].place), store.problems[0].message)
            found.append((loader, store))
        elif not loader.store_absent:
            raise ParseError(loader.store_place, f"a store of the boot manager wanted: {loader.store_flaw}")
    if not found:
        raise NotApplicable("there is no store of a boot manager, which windows-bcd-starts-windows reports")
    return found


def default_entries(facts: Facts) -> Iterator[tuple[WindowsLoader, BootEntries, BcdObject]]:
    """Give the stores with their default entries; one that has none is the matter of windows-bcd-starts-windows."""
    found = stores(facts)
    if all(store.default is None for _, store in found):
        raise NotApplicable("there is no default entry, which windows-bcd-starts-windows reports")
    for loader, store in found:
        if store.default is not None:
            yield loader, BootEntries(facts[Storage], loader, store), store.default
