r"""The drives of guests of Windows by every path: as ntfs-3g has them, as users write them, and through links."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from fixtures.windows.disk import MIB, copy_sparsely, mounted
from fixtures.windows.golden import drive_c
from fixtures.windows.guest import DRIVE_MIB
from fixtures.windows.hives import SYSTEM_PARTITION
from fixtures.windows.system_drive import DOWNLOAD, LOG, PROGRAM_86, SPARSE, ZONE
from tests.inspector.cli.conftest import call
from tests.windows_disk import Disk, windows_disk

pytestmark = pytest.mark.corpus

BIOS, UEFI = "server-2016", "windows-11"
COMPACT = "windows-11-compact"


@pytest.fixture
def disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return lambda name: windows_disk(name, tmp_path_factory)


class Listed(NamedTuple):
    """What lies at a path: size and hash of a file, the target of a link."""

    type: str
    size: int
    sha256: str | None
    target: str | None


def listed(folder: Path) -> Iterator[tuple[str, Listed]]:
    """Give each path as ntfs-3g has it, the size of a folder left out."""
    for top, folders, files in os.walk(folder):
        at = f"/{Path(top).relative_to(folder)}".replace("/.", "")
        for name in folders + files:
            path = Path(top, name)
            if path.is_symlink():
                target = "C:" + str(path.readlink()).removeprefix(str(folder)).replace("/", "\\")
                yield f"{at}/{name}", Listed("symlink", len(target), None, target)
            elif path.is_dir():
                yield f"{at}/{name}", Listed("directory", 0, None, None)
            else:
                content = path.read_bytes()
                yield f"{at}/{name}", Listed("file", len(content), hashlib.sha256(content).hexdigest(), None)


def entries(image: Path) -> dict[str, dict[str, object]]:
    """Path -> what ls says of it."""
    done = call("ls", "-R", "--sha256", "--format", "json", image, "/")
    assert (done.returncode, done.stderr) == (0, b"")
    return {entry["path"]: entry for entry in json.loads(done.stdout)}


@pytest.mark.parametrize(("name", "start"), [(BIOS, 501), (UEFI, 117), ("server-2019", 567)])
def test_the_whole_tree_is_what_ntfs_3g_lists(name: str, start: int, disk: Disk, tmp_path: Path) -> None:
    image, volume = disk(name), tmp_path / "volume"
    volume.touch()
    os.truncate(volume, DRIVE_MIB * MIB)
    copy_sparsely(image, volume, skip=start * MIB, size=DRIVE_MIB * MIB)
    with mounted(volume) as folder:
        wanted = dict(listed(folder))
    volume.unlink()
    ours = {
        path: Listed(it["type"], 0 if it["type"] == "directory" else it["size"], it.get("sha256"), it.get("target"))  # type: ignore[arg-type] # of JSON
        for path, it in entries(image).items()
    }
    assert len(wanted) > 200
    assert ours == wanted


def test_compressed_programs_are_what_they_were(disk: Disk) -> None:
    plain, packed = entries(disk(UEFI)), entries(disk(COMPACT))
    assert {path: it["sha256"] for path, it in packed.items()} == {path: it["sha256"] for path, it in plain.items()}
    expanded = [path for path, it in packed.items() if it["type"] == "file" and "reparse-point" in it["flags"]]  # type: ignore[operator] # of JSON
    assert len(expanded) > 80
    assert "/Windows/System32/drivers/viostor.sys" in expanded
    assert "/Windows/System32/ntoskrnl.exe" not in expanded


def test_files_have_the_forms_that_windows_gives_them(disk: Disk) -> None:
    found = entries(disk(UEFI))
    assert "compressed" in found[LOG]["flags"]  # type: ignore[operator] # of JSON
    assert (found[SPARSE]["size"], "sparse" in found[SPARSE]["flags"]) == (16 * MIB, True)  # type: ignore[operator] # of JSON
    stored = [path for path in found if path.startswith("/Windows/WinSxS/") and path.endswith("/ntdll.dll")]
    assert [found[path]["inode"] for path in stored] == [found["/Windows/System32/ntdll.dll"]["inode"]]
    assert call("cat", disk(UEFI), f"{DOWNLOAD}:Zone.Identifier").stdout == ZONE


PATHS: Final = {
    r"C:\Windows\System32\ntoskrnl.exe": [
        r"c:\WINDOWS\system32\NTOSKRNL.EXE",
        "C:/Windows/System32/ntoskrnl.exe",
        "/Windows/System32/ntoskrnl.exe",
        "/windows/system32/ntoskrnl.exe",
        r"%SystemRoot%\System32\ntoskrnl.exe",
        r"\SystemRoot\System32\ntoskrnl.exe",
        r"\??\C:\Windows\System32\ntoskrnl.exe",
    ],
    r"C:\Users\Public\Desktop\desktop.ini": [
        r"C:\Documents and Settings\Public\Desktop\desktop.ini",
        r"C:\DOCUME~1\Public\Desktop\desktop.ini",
        r"C:\Users\All Users\Desktop\desktop.ini",
        r"C:\ProgramData\Application Data\Application Data\Desktop\desktop.ini",
        "/Users/All Users/Application Data/Desktop/desktop.ini",
        r"%ALLUSERSPROFILE%\Desktop\desktop.ini",
    ],
    drive_c(PROGRAM_86): [
        r"C:\PROGRA~2\COMMON~1\System\wab32.dll",
        r"%ProgramFiles(x86)%\Common Files\System\wab32.dll",
        PROGRAM_86,
    ],
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", [BIOS, UEFI])
def test_paths_are_taken_as_users_of_windows_and_of_unix_write_them(name: str, path: str, disk: Disk) -> None:
    image = disk(name)
    found = set()
    for spelled in (path, *PATHS[path]):
        done, state = call("cat", image, spelled), call("stat", "--format", "json", image, spelled)
        assert (done.returncode, done.stderr, state.returncode, state.stderr) == (0, b"", 0, b""), spelled
        what = json.loads(state.stdout)
        assert what["size"] == len(done.stdout) > 0
        found.add((done.stdout, what["inode"]))
    assert len(found) == 1


def test_a_volume_without_a_letter_is_known_by_its_name(disk: Disk) -> None:
    name = rf"\\?\Volume{{{SYSTEM_PARTITION}}}"
    assert call("ls", disk(BIOS), rf"{name}\Boot").stdout.decode().splitlines()[0] == rf"{name}\Boot\BCD"
    assert call("cat", disk(BIOS), rf"{name}\bootmgr").stdout.endswith(b"BOOTMGR")


@pytest.mark.parametrize("path", ["C:\\windows\\SYSTEM32\\config", "/Windows/System32/config/"])
def test_a_folder_is_listed(path: str, disk: Disk) -> None:
    done = call("ls", disk(UEFI), path)
    separator = "\\" if "\\" in path else "/"
    hives = ["BBI", "COMPONENTS", "DEFAULT", "DRIVERS", "ELAM", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"]
    names = {f"{name}{suffix}" for name in hives for suffix in ("", ".LOG1", ".LOG2")} | {"RegBack", "systemprofile"}
    assert done.stdout.decode().splitlines() == [path.rstrip("/") + separator + name for name in sorted(names)]


@pytest.mark.parametrize("path", [r"D:\x", r"C:\nope", "/nope", r"C:\pagefile.sys\x", r"C:\DOCUME~1\nope"])
def test_a_path_that_is_not_there_is_one_line(path: str, disk: Disk) -> None:
    for command in ("cat", "stat", "ls"):
        done = call(command, disk(UEFI), path)
        assert (done.returncode, done.stdout) == (3, b""), command
        assert len(done.stderr.splitlines()) == 1
