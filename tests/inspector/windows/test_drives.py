from __future__ import annotations

import struct
import uuid

import pytest

from fixtures.windows.hive import Keys
from inspector.collectors.windows import collect_registry
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.mounts import find_guest, find_roots
from parsers.partition.table import Partition, Scheme
from tests.volumes import SIZE, storage_of, volume_of
from tests.windows import WindowsTree, windows_files

pytestmark = pytest.mark.corpus

SIGNATURE = 0xDEADBEEF
GUID = "{3558506b-6ae4-11eb-8698-806e6f6e6963}"


def mbr(number: int, signature: int = SIGNATURE) -> bytes:
    return struct.pack("<IQ", signature, number * SIZE)


def guest_with(devices: dict[str, bytes]) -> Guest:
    keys: Keys = {"MountedDevices": dict(devices)}
    system = WindowsTree(windows_files(keys, files={"/x": "system"}))
    data = WindowsTree({"/x": "data"})
    return find_guest(storage_of(volume_of(data, 1, "ntfs"), volume_of(system, 2, "ntfs")))


def test_drives_of_an_mbr_disk() -> None:
    devices = {r"\DosDevices\C:": mbr(2), r"\DosDevices\E:": mbr(1), rf"\??\Volume{GUID}": mbr(1)}
    guest = guest_with({**devices, r"\DosDevices\D:": r"\??\IDE#CdRom".encode("utf-16-le")})
    assert (guest.family, [mount.path for mount in guest.mounts]) == ("windows", ["/", "/E:"])
    paths = [r"C:\x", r"e:\x", rf"\??\Volume{GUID}\x"]
    assert [guest.read_text(path) for path in paths] == ["system", "data", "data"]


def test_a_system_drive_of_another_letter() -> None:
    guest = guest_with({r"\DosDevices\D:": mbr(2), r"\DosDevices\C:": mbr(1)})
    assert [guest.read_text(path) for path in (r"D:\x", r"C:\x", "/x")] == ["system", "data", "system"]


def test_a_system_that_is_not_on_c_is_shown_and_not_judged() -> None:
    guest = guest_with({r"\DosDevices\D:": mbr(2), r"\DosDevices\C:": mbr(1)})
    with pytest.raises(UnknownFact, match="the system drive is not C:"):
        collect_registry(Facts({Guest: guest}))


def test_a_drive_of_another_disk_is_not_here() -> None:
    guest = guest_with({r"\DosDevices\E:": mbr(1, 7)})
    with pytest.raises(UnknownFact, match="its partition is not in the image"):
        guest.read_text(r"E:\x")
    assert guest.read_text(r"C:\x") == "system"


def test_drives_of_a_gpt_disk() -> None:
    volume = volume_of(WindowsTree({"/x": "data"}), 1, "ntfs")
    known = "b3c1a2d4-0000-4000-8000-00000000beef"
    volume.partition = Partition(1, SIZE, SIZE, "0x7", known)
    keys: Keys = {"MountedDevices": {r"\DosDevices\E:": b"DMIO:ID:" + uuid.UUID(known).bytes_le}}
    system = volume_of(WindowsTree(windows_files(keys)), 2, "ntfs")
    assert find_guest(storage_of(volume, system, scheme=Scheme.GPT)).read_text(r"E:\x") == "data"


def test_a_linux_with_such_a_file_stays_a_linux() -> None:
    storage = storage_of(volume_of({"/etc/os-release": "ID=debian", "/Windows/System32/config/SYSTEM": b""}))
    assert [mount.device for mount in find_roots(storage)] == ["sda1"]
    assert find_guest(storage).family == "linux"


def test_a_broken_hive_leaves_the_system_drive() -> None:
    guest = find_guest(storage_of(volume_of(WindowsTree({"/Windows/System32/config/SYSTEM": b"regf"}), 1, "ntfs")))
    assert (guest.family, guest.exists(r"C:\Windows\System32\config\SYSTEM")) == ("windows", True)
