r"""Which volumes have which drive letters, as the mount manager wrote them into `SYSTEM\MountedDevices`.

A letter that cannot be read, or the data of which are of no known form, is a drive of which nothing is known; where the
key cannot be read to its end, all letters are that were not found. A volume without a letter, to which only
folders lead, is a member of the tree by its name, `Volume{GUID}`, and none of its mounts. The system drive has the
letter of its volume, or where its volume has none, that of `SystemRoot` in `CurrentVersion`, which Setup wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import UnknownFact
from inspector.guest import Guest, Mount
from inspector.windows.paths import windows_paths
from inspector.windows.registry import CURRENT_VERSION, MOUNTED_DEVICES, Registry
from parsers.place import ParseError, Place
from parsers.windows.mounted_devices import (
    Device,
    GptPartition,
    MbrPartition,
    OtherDevice,
    drive_of,
    parse_unique_id,
    volume_of,
)
from parsers.windows.registry import Value

_USUAL_DRIVE: Final = "C:"
_FOLDER: Final = re.compile(r"[A-Za-z]:\\")
_LETTERS: Final = tuple(f"{letter}:" for letter in "CDEFGHIJKLMNOPQRSTUVWXYZ")
_MAX_DEVICES: Final = 4096


def windows_guest(root: Mount, storage: Storage) -> Guest:
    """Return the guest whose system drive is `root`: the other drives are its members `/D:`, and so on."""
    registry = Registry(Guest([root], "windows", windows_paths()))
    devices: dict[str, Device] = {}
    lost: dict[str, UnknownFact] = {}
    rest: UnknownFact | None = None
    try:
        for value in _values(registry):
            try:
                devices[value.name] = parse_unique_id(value.data, registry.in_guest(value.place))
            except ParseError as error:
                if drive := drive_of(value.name):
                    lost[drive] = _lost(drive, error.message, error.place)
    except UnknownFact as error:
        rest = _lost("another letter", error.reason, *error.places)
    except ParseError as error:
        rest = _lost("another letter", error.message, error.place)
    drives = {drive: device for name, device in devices.items() if (drive := drive_of(name))}
    own = _own_drive({it: _volume(device, storage) for it, device in drives.items()}, root, registry)
    others = [_mount(it, device, storage) for it, device in drives.items() if it != own and _is_fixed(device)]
    by_device = {device: drive for drive, device in drives.items()}
    volumes = {it: device for name, device in devices.items() if (it := volume_of(name)) and _is_fixed(device)}
    names = {it: by_device.get(device) or _unlettered(it, device, root, own, storage) for it, device in volumes.items()}
    hidden = [_mount(it, device, storage) for it, device in volumes.items() if names[it] == it]

    def unknown(drive: str) -> UnknownFact | None:
        return lost.get(drive) or (None if drive in drives else rest)

    return Guest([root, *others], "windows", windows_paths(own, names, unknown), hidden)


def _own_drive(volumes: Mapping[str, Volume | None], root: Mount, registry: Registry) -> str:
    """Return the letter of the system drive: the one that is kept for it, or the one that Windows was set up on.

    Where that one belongs to another volume of the image, Windows gives its own the next letter that is free.
    """
    kept = [it for it, volume in volumes.items() if volume is root.volume]
    if len(kept) == 1:
        return kept[0]
    wanted = _set_up_drive(registry)
    if kept:
        return wanted if wanted in kept else kept[0]
    taken = {it for it, volume in volumes.items() if volume}
    return next((it for it in (wanted, *_LETTERS) if it not in taken), wanted)


def _unlettered(name: str, device: Device, root: Mount, own: str, storage: Storage) -> str:
    """Return what a volume without a letter is called in the tree: by its name, or as the system drive that it is."""
    return own if _volume(device, storage) is root.volume else name


def _values(registry: Registry) -> Iterator[Value]:
    key = registry.key(MOUNTED_DEVICES)
    if key is not None and key.value_count > _MAX_DEVICES:
        place = registry.in_guest(key.place)
        raise ParseError(place, f"at most {_MAX_DEVICES} devices wanted, {key.value_count} found")
    return key.all_values() if key else iter(())


def _lost(what: str, reason: str, *places: Place) -> UnknownFact:
    return UnknownFact(f"which volume {what} means is not known: {reason}", *places)


def _set_up_drive(registry: Registry) -> str:
    """Return the drive that Windows was set up on, as it says itself."""
    try:
        folder = registry.text(CURRENT_VERSION, "SystemRoot") or ""
    except (UnknownFact, ParseError):
        return _USUAL_DRIVE
    return folder[:2].upper() if _FOLDER.match(folder) else _USUAL_DRIVE


def _is_fixed(device: Device) -> bool:
    return not isinstance(device, OtherDevice)


def _mount(name: str, device: Device, storage: Storage) -> Mount:
    volume = _volume(device, storage)
    if volume is None:
        return Mount(f"/{name}", None, None, reason="its partition is not in the image", elsewhere=True)
    tree = volume.tree
    return Mount(f"/{name}", volume, tree, tree.root if tree else 0, volume.reason)


def _volume(device: Device, storage: Storage) -> Volume | None:
    return next((volume for volume in storage.volumes if is_partition(volume, device, storage)), None)


def files_of(volume: Volume) -> Guest:
    """Return the files of a volume, as before any has a letter. Raise `ParseError` where they cannot be had."""
    if volume.tree is None:
        raise ParseError(Place(volume.name, volume=volume.name), volume.reason or "it holds no files")
    return Guest([Mount("/", volume, volume.tree, volume.tree.root)], "windows", windows_paths(""))


def is_partition(volume: Volume, device: Device, storage: Storage) -> bool:
    """Tell whether a volume is the partition that a device names."""
    if isinstance(device, MbrPartition):
        disk = storage.disk_of(volume)
        return disk is not None and disk.table.disk_id == device.disk_id and volume.offset == device.offset
    return isinstance(device, GptPartition) and volume.partition is not None and volume.partition.uuid == device.uuid
