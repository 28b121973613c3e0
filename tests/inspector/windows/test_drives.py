from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping

import pytest

from fixtures.files import Files, Link, Node
from fixtures.windows.golden import CURRENT, FILES, SOFTWARE, SYSTEM
from fixtures.windows.hive import Data, Keys
from inspector import engine
from inspector.collectors import COLLECTORS
from inspector.collectors.windows import collect_registry
from inspector.disks.storage import Storage
from inspector.errors import InspectorError
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.mounts import find_guest, find_roots
from inspector.profile import load_profile
from inspector.windows.drives import files_of
from parsers.partition.table import Partition, Scheme
from parsers.place import ParseError
from tests.volumes import SIZE, storage_of, volume_of
from tests.windows import SIGNATURE as GOLDEN_SIGNATURE
from tests.windows import WindowsTree, golden, golden_storage, windows_files

pytestmark = pytest.mark.corpus

SIGNATURE = 0xDEADBEEF
HIVE = r"C:\Windows\System32\config\SYSTEM"
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


OTHER = "{9a6e0c34-52b1-11f0-9d07-806e6f6e6963}"


def test_a_volume_that_is_mounted_in_a_folder() -> None:
    """As data disks of servers often are: without a letter, behind a mount point."""
    devices = {r"\DosDevices\C:": mbr(2), rf"\??\Volume{GUID.upper()}": mbr(1), rf"\??\Volume{OTHER}": mbr(1, 7)}
    target, elsewhere, strange = (rf"Volume{it}\\" for it in (GUID, OTHER, GUID.replace("3558", "0000")))
    links: dict[str, Node] = {"/Data": Link(target), "/Far": Link(elsewhere), "/Strange": Link(strange)}
    system = WindowsTree(windows_files({"MountedDevices": devices}, files={"/x": "system", **links}))
    data = WindowsTree({"/x": "data", "/sub/y": "deep"})
    guest = find_guest(storage_of(volume_of(data, 1, "ntfs"), volume_of(system, 2, "ntfs")))
    assert [guest.read_text(path) for path in (r"C:\Data\x", r"C:\data\SUB\y", "/Data/sub/y")] == [
        "data",
        "deep",
        "deep",
    ]
    assert guest.volume_of(r"C:\Data\x") == "sda1"
    assert [mount.path for mount in guest.mounts] == ["/"]
    assert guest.written(rf"\\?\Volume{GUID}\sub") == rf"\\?\Volume{GUID}\sub"
    assert not guest.exists(r"C:\Data\z")
    for path, reason in (
        (r"C:\Far\x", "its partition is not in the image"),
        (r"C:\Strange\x", "which volume .* is not known"),
    ):
        with pytest.raises(UnknownFact, match=reason):
            guest.exists(path)


def test_a_system_drive_of_another_letter() -> None:
    guest = guest_with({r"\DosDevices\D:": mbr(2), r"\DosDevices\C:": mbr(1)})
    assert [guest.read_text(path) for path in (r"D:\x", r"C:\x", "/x")] == ["system", "data", "system"]


def test_the_registry_of_a_system_that_is_not_on_c() -> None:
    guest = guest_with({r"\DosDevices\D:": mbr(2), r"\DosDevices\C:": mbr(1)})
    place = collect_registry(Facts({Guest: guest})).place(r"HKLM\SYSTEM\Select", "Current")
    assert (place.path, place.volume) == (r"D:\Windows\System32\config\SYSTEM", "sda2")


def test_a_system_drive_without_a_letter_has_that_of_its_setup() -> None:
    keys: Keys = {"MountedDevices": {r"\DosDevices\C:": mbr(1)}}
    software: Keys = {CURRENT: {"SystemRoot": "d:\\Windows"}}
    system = WindowsTree(windows_files(keys, software, {"/x": "system"}))
    guest = find_guest(storage_of(volume_of(WindowsTree({"/x": "data"}), 1, "ntfs"), volume_of(system, 2, "ntfs")))
    assert [guest.read_text(path) for path in (r"D:\x", r"C:\x", "/x")] == ["system", "data", "system"]


@pytest.mark.parametrize("data", [b"", bytes(11), b"DMIO:ID:short", b"anything"])
def test_a_letter_that_is_damaged_is_not_known(data: bytes) -> None:
    guest = guest_with({r"\DosDevices\C:": mbr(2), r"\DosDevices\E:": data})
    with pytest.raises(UnknownFact, match=r"which volume E: means is not known: a partition or .* wanted") as caught:
        guest.exists(r"E:\x")
    assert [str(place) for place in caught.value.places] == [rf"{HIVE} MountedDevices\\DosDevices\E:"]
    assert not guest.exists(r"F:\x")
    assert guest.read_text(r"C:\x") == "system"


def test_too_many_devices_hide_the_others() -> None:
    many = {f"\\??\\Volume{{{number}}}": mbr(1) for number in range(4100)}
    guest = guest_with({r"\DosDevices\C:": mbr(2), **many})
    with pytest.raises(UnknownFact, match=r"at most 4096 devices wanted, 4101 found"):
        guest.exists(r"F:\x")
    assert guest.read_text(r"C:\x") == "system"


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


def test_a_letter_that_another_volume_has_is_not_that_of_the_system() -> None:
    """Windows gives its own volume the next letter, and what its registry says of C: is about the other one."""
    guest = guest_with({r"\DosDevices\C:": mbr(1)})
    assert [guest.read_text(path) for path in (r"C:\x", r"D:\x", "/x")] == ["data", "system", "system"]


def test_of_two_letters_that_are_kept_for_it_the_system_has_the_one_it_was_set_up_on() -> None:
    guest = guest_with({r"\DosDevices\A:": mbr(2), r"\DosDevices\C:": mbr(2)})
    assert guest.written("/x") == r"C:\x"


def test_a_volume_without_windows_is_no_root_that_can_be_chosen() -> None:
    system, other = WindowsTree(windows_files({})), WindowsTree({"/Recovery/x": ""})
    storage = storage_of(volume_of(system, 1, "ntfs"), volume_of(other, 2, "ntfs"))
    assert find_guest(storage, "sda1").family == "windows"
    esp = storage_of(volume_of(system, 1, "ntfs"), volume_of({"/EFI/x": ""}, 2, "vfat"))
    with pytest.raises(InspectorError, match=r"^sda2 holds no system: none has its root on vfat$"):
        find_guest(esp, "sda2")
    with pytest.raises(InspectorError, match="sda2 holds no system"):
        find_guest(storage, "sda2")


def test_a_windows_with_files_of_cygwin_stays_a_windows() -> None:
    files: Files = {"/etc/passwd": "", "/etc/fstab": "", "/etc/os-release": "ID=cygwin"}
    storage = storage_of(volume_of(WindowsTree(windows_files({}, files=files)), 1, "ntfs"))
    assert [mount.device for mount in find_roots(storage)] == ["sda1"]
    assert find_guest(storage).family == "windows"


def test_a_broken_hive_leaves_the_system_drive() -> None:
    guest = find_guest(storage_of(volume_of(WindowsTree({"/Windows/System32/config/SYSTEM": b"regf"}), 1, "ntfs")))
    assert (guest.family, guest.exists(r"C:\Windows\System32\config\SYSTEM")) == ("windows", True)
    with pytest.raises(UnknownFact, match="which volume another letter means is not known"):
        guest.exists(r"D:\x")


def test_all_rules_say_the_same_of_a_system_on_another_drive() -> None:
    """The golden guest, moved to D: as Setup would have put it there: every text that says C: says D: in its place."""
    mbr_of = {r"\DosDevices\D:": struct.pack("<IQ", GOLDEN_SIGNATURE, 2 * SIZE)}
    system, software = ({path: moved(values) for path, values in keys.items()} for keys in (SYSTEM, SOFTWARE))
    storage = golden_storage(
        {**system, "MountedDevices": mbr_of}, software, {path: moved_file(it) for path, it in FILES.items()}
    )
    facts = Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)
    found, usual = (engine.judge(it, load_profile("ecs"))[0] for it in (facts, golden()))
    assert {it.name: it.status for it in found} == {it.name: it.status for it in usual}
    paths = {item.path for check in found for rule in check.rules for item in rule.evidence if "\\" in item.path}
    assert {path[:3] for path in paths if not path.startswith("\\")} == {"D:\\"}


def moved(values: Mapping[str, Data]) -> dict[str, Data]:
    return {name: moved_data(data) for name, data in values.items()}


def moved_data(data: Data) -> Data:
    if isinstance(data, str):
        return type(data)(data.replace("C:\\", "D:\\"))
    return [text.replace("C:\\", "D:\\") for text in data] if isinstance(data, list) else data


def moved_file(node: Node) -> Node:
    return node.replace("C:\\", "D:\\") if isinstance(node, str) else node


def test_a_volume_without_files() -> None:
    storage = storage_of(volume_of(None, 1, None), volume_of(None, 2, "ntfs", reason="odd"))
    for volume, message in zip(storage.volumes, ("it holds no files", "odd"), strict=True):
        with pytest.raises(ParseError, match=message):
            files_of(volume)
