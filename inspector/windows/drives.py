r"""Which volumes have which drive letters, as the mount manager wrote them into `SYSTEM\MountedDevices`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import UnknownFact
from inspector.guest import Guest, Mount
from inspector.windows.paths import windows_paths
from inspector.windows.registry import Registry
from parsers.place import ParseError
from parsers.windows.mounted_devices import Device, MbrPartition, drive_of, parse_unique_id, volume_of
from parsers.windows.registry import Key

_USUAL_DRIVE: Final = "C:"
_MAX_DEVICES: Final = 4096


def windows_guest(root: Mount, storage: Storage) -> Guest:
    """Return the guest whose system drive is `root`: the other drives are its members `/D:`, and so on."""
    system = Guest([root], "windows", windows_paths())
    try:
        devices = list(_devices(Registry(system).hive("SYSTEM").key("MountedDevices")))
    except (UnknownFact, ParseError):
        return system
    drives = {drive: device for name, device in devices if (drive := drive_of(name))}
    own = next((it for it, device in drives.items() if _volume(device, storage) is root.volume), _USUAL_DRIVE)
    others = [_mount(drive, device, storage) for drive, device in drives.items() if drive != own]
    by_device = {device: drive for drive, device in drives.items()}
    names = {it: by_device[device] for name, device in devices if (it := volume_of(name)) and device in by_device}
    return Guest([root, *others], "windows", windows_paths(own, names))


def _devices(key: Key | None) -> Iterator[tuple[str, Device]]:
    if key is None or key.value_count > _MAX_DEVICES:
        return
    for value in key.values():
        if device := parse_unique_id(value.data):
            yield value.name, device


def _mount(drive: str, device: Device, storage: Storage) -> Mount:
    volume = _volume(device, storage)
    if volume is None:
        return Mount(f"/{drive}", None, None, reason="its partition is not in the image", elsewhere=True)
    tree = volume.tree
    return Mount(f"/{drive}", volume, tree, tree.root if tree else 0, volume.reason)


def _volume(device: Device, storage: Storage) -> Volume | None:
    return next((volume for volume in storage.volumes if is_partition(volume, device, storage)), None)


def is_partition(volume: Volume, device: Device, storage: Storage) -> bool:
    """Tell whether a volume is the partition that a device names."""
    if isinstance(device, MbrPartition):
        disk = storage.disk_of(volume)
        return disk is not None and disk.table.disk_id == device.disk_id and volume.offset == device.offset
    return volume.partition is not None and volume.partition.uuid == device.uuid
