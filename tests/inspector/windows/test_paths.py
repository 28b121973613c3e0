from __future__ import annotations

import pytest

from inspector.facts import UnknownFact
from inspector.guest import Guest, Mount
from inspector.windows.paths import windows_paths
from tests.memory_tree import Link, MemoryTree

GUID = "Volume{3558506b-6ae4-11eb-8698-806e6f6e6963}"
PATHS = [
    (r"C:\Windows\System32", True, ["Windows", "System32"]),
    ("c:/Windows//./System32/", True, ["Windows", "System32"]),
    ("/Windows", True, ["Windows"]),
    ("/C:/Windows", True, ["Windows"]),
    (r"\Windows", True, ["Windows"]),
    (r"\??\C:\Users", True, ["Users"]),
    (r"\\?\C:\Users", True, ["Users"]),
    (r"\DosDevices\C:\Users", True, ["Users"]),
    (r"\SystemRoot\System32\drivers\a.sys", True, ["Windows", "System32", "drivers", "a.sys"]),
    (r"%SystemRoot%\a", True, ["Windows", "a"]),
    (r"%windir%\a", True, ["Windows", "a"]),
    (r"%SystemDrive%\a", True, ["a"]),
    (r"%ProgramFiles%\a\b.exe", True, ["Program Files", "a", "b.exe"]),
    (r"%ProgramFiles(x86)%\a", True, ["Program Files (x86)", "a"]),
    (r"%ProgramData%", True, ["ProgramData"]),
    (r"%CommonProgramFiles(x86)%\a", True, ["Program Files (x86)", "Common Files", "a"]),
    (r"%PUBLIC%\Desktop", True, ["Users", "Public", "Desktop"]),
    (r"\??\SystemRoot\a", True, ["Windows", "a"]),
    (r"\%x%\a", True, ["%x%", "a"]),
    ("/Device/a", True, ["Device", "a"]),
    (r"d:\data", True, ["D:", "data"]),
    (rf"\??\{GUID}\data", True, ["D:", "data"]),
    (r"..\Users", False, ["..", "Users"]),
    (r"System32\drivers\a.sys", False, ["System32", "drivers", "a.sys"]),
    (r"SystemRooted\a", False, ["SystemRooted", "a"]),
    (r"\a\SystemRoot\??\b", True, ["a", "SystemRoot", "??", "b"]),
    ("", False, []),
    ("C:", True, []),
]


@pytest.mark.parametrize(("path", "absolute", "parts"), PATHS, ids=[path or "empty" for path, _, _ in PATHS])
def test_paths(path: str, absolute: bool, parts: list[str]) -> None:
    assert windows_paths(volumes={GUID.lower(): "D:"}).split(path) == (absolute, parts)


NO_FILES = [
    r"\Device\HarddiskVolume2\a.sys", r"\\server\share\a", r"%TEMP%\a", "%x%", "C:a", r"\??\UNC\server\share\a",
    r"\\?\GLOBALROOT\Device\Harddisk0\Partition1\a", r"\\.\PhysicalDrive0", r"\DosDevices\Global\a",
    r"\??\%SystemRoot%\a",
]  # fmt: skip


@pytest.mark.parametrize("path", NO_FILES)
def test_what_is_no_file_of_a_drive_is_not_known(path: str) -> None:
    with pytest.raises(UnknownFact):
        windows_paths().split(path)


def test_a_system_that_is_not_on_c() -> None:
    split = windows_paths("E:").split
    assert (split(r"E:\Windows").parts, split(r"C:\boot").parts) == (["Windows"], ["C:", "boot"])


def test_links_lead_through_drives() -> None:
    system = MemoryTree({
        "/Windows/x": "1", "/Users/all": Link(r"\??\C:\ProgramData"), "/ProgramData/y": "2", "/data": Link(r"\??\D:\a"),
        "/Users/back": Link(r"..\Windows"),
    })  # fmt: skip
    data = MemoryTree({"/a/z": "3"})
    mounts = [Mount("/", None, system, system.root), Mount("/D:", None, data, data.root)]
    guest = Guest(mounts, "windows", windows_paths())
    paths = [r"C:\Windows\x", "/Windows/x", r"C:\Users\all\y", r"C:\data\z", r"D:\a\z", "/D:/a/z", r"C:\Users\back\x"]
    assert [guest.read_text(path) for path in paths] == ["1", "1", "2", "3", "3", "3", "1"]
    assert guest.realpath(r"C:\data\z") == "/D:/a/z"
    assert guest.glob(r"C:\Windows\*") == ["/Windows/x"]
    assert guest.mount_of(r"D:\a\none").path == "/D:"
