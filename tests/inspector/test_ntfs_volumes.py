"""NTFS volumes on a disk: browsed as any others, judged by what they say of themselves, and damaged."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from fixtures.mutation import Range, mutated, mutation
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.file_system_state import (
    file_systems_cleanly_unmounted,
    file_systems_consistent,
    file_systems_fit_their_volumes,
    file_systems_without_recorded_errors,
)
from inspector.target import Target
from inspector.verdict import Status
from inspector.view.browsing import Files, Form, ls
from inspector.view.overview import show
from parsers.filesystem.ntfs import open_ntfs
from parsers.source import Window
from tests.inspector.cli.conftest import call
from tests.inspector.damage import judged, ranges_kept
from tests.inspector.test_hostile import bounded, complaint
from tests.oracles import needs
from tests.parsers.filesystem.damage import Recorded
from tests.parsers.filesystem.ext4.files import FileSource, exhaust
from tests.parsers.filesystem.ntfs.reference import fill, fill_compressed, make, mounted, needs_ntfs_3g, set_flags
from tests.partition_builder import boot_record
from tests.volumes import storage_at

pytestmark = needs_ntfs_3g
_START = 1 << 20
_SIZE = 16 << 20
OK, WARNING, FAILED = Status.OK, Status.WARNING, Status.FAILED


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    image = make(tmp_path_factory.mktemp("ntfs") / "n.img", "16M", "-L", "System")
    with mounted(image, "streams_interface=windows") as top:
        (top / "Windows/System32/drivers").mkdir(parents=True)
        (top / "Windows/System32/drivers/viostor.sys").write_bytes(b"MZ" + bytes(70_000))
        (top / "Windows/System32/drivers/viostor.sys:origin").write_bytes(b"there" * 20_000)
        set_flags(top / "Windows/System32/drivers/viostor.sys", 0x21)
    return image.read_bytes()


def disk_of(folder: Path, volume: bytes) -> Path:
    path = folder / "disk.raw"
    path.write_bytes(boot_record((0x80, 7, _START // 512, _SIZE // 512)).ljust(_START, b"\0") + volume + bytes(_START))
    return path


@needs("qemu-img")
def test_it_is_browsed_in_a_vhd(volume: bytes, tmp_path: Path) -> None:
    image = tmp_path / "disk.vhd"
    raw = disk_of(tmp_path, volume)
    subprocess.run(["qemu-img", "convert", "-O", "vpc", raw, image], check=True)
    listed = json.loads(call("ls", "-R", "--sha256", "--format", "json", "--volume", "sda1", image, "/").stdout)
    assert [item["path"] for item in listed] == [
        "/Windows",
        "/Windows/System32",
        "/Windows/System32/drivers",
        "/Windows/System32/drivers/viostor.sys",
    ]
    content = b"MZ" + bytes(70_000)
    assert listed[-1]["sha256"] == hashlib.sha256(content).hexdigest()
    assert listed[-1]["flags"] == ["archive", "read-only"]
    path = "/windows/SYSTEM32/Drivers/VIOSTOR.SYS"
    assert call("cat", "--volume", "sda1", image, path).stdout == content
    stat = json.loads(call("stat", "--format", "json", "--volume", "sda1", image, path).stdout)
    assert (stat["size"], stat["streams"]) == (len(content), [{"name": "origin", "size": 100_000}])
    assert (
        stat["security"] == "O:BAG:BAD:(A;OICI;FA;;;WD)"
    )  # what ntfs-3g gives a file by itself: all rights to everyone
    assert call("cat", "--volume", "sda1", image, f"{path}:Origin").stdout == b"there" * 20_000
    assert call("cat", "--volume", "sda1", image, f"{path}::$DATA").stdout == content
    text = call("stat", "--volume", "sda1", image, path).stdout.decode()
    assert " streams: origin (97.7 KiB)\n" in text
    refused = call("cat", "--volume", "sda1", image, f"{path}:orign").stderr.decode()
    assert refused.endswith(":orign does not exist; the streams of 'VIOSTOR.SYS': origin\n")
    assert call("cat", "--volume", "sda1", image, "/windows:x").stderr.endswith(b"; 'windows' has no streams\n")
    shown = json.loads(call("show", "--format", "json", image).stdout)["volumes"][0]
    assert (shown["device"], shown["type"], shown["label"], shown["backend"]) == ("sda1", "ntfs", "System", "native")


def verdicts(path: Path) -> list[Status]:
    facts = Facts({Storage: storage_at(path), Guest: UnknownFact("no root file system")})
    return [
        rule(facts).status
        for rule in (
            file_systems_without_recorded_errors,
            file_systems_cleanly_unmounted,
            file_systems_consistent,
            file_systems_fit_their_volumes,
        )
    ]


def test_a_good_volume(volume: bytes, tmp_path: Path) -> None:
    assert verdicts(disk_of(tmp_path, volume)) == [OK, OK, OK, OK]


def test_a_volume_that_asks_for_chkdsk(volume: bytes, tmp_path: Path) -> None:
    dirty = volume
    for table in (volume[48:56], volume[56:64]):  # and its mirror
        at = int.from_bytes(table, "little") * 4096
        version = volume.index(b"\3\1\0\0", at + 3 * 1024, at + 4 * 1024)
        dirty = dirty[: version + 2] + b"\1\0" + dirty[version + 4 :]
    assert verdicts(disk_of(tmp_path, dirty)) == [FAILED, OK, OK, OK]


def test_a_hibernated_windows(tmp_path: Path) -> None:
    image = make(tmp_path / "n.img", "16M")
    with mounted(image) as top:
        (top / "hiberfil.sys").write_bytes(b"hibr" + bytes(8192))
    assert verdicts(disk_of(tmp_path, image.read_bytes())) == [OK, WARNING, OK, OK]


def test_a_broken_boot_sector_and_one_that_says_too_much(volume: bytes, tmp_path: Path) -> None:
    broken = volume[:68] + b"\7" + volume[69:]
    assert verdicts(disk_of(tmp_path, broken)) == [OK, OK, WARNING, OK]
    long = volume[:40] + (_SIZE // 256).to_bytes(8, "little") + volume[48:]
    assert verdicts(disk_of(tmp_path, long))[-1] is FAILED


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk whose NTFS has files of every form."""
    folder = tmp_path_factory.mktemp("ntfs")
    image = make(folder / "n.img", "16M")
    with mounted(image, "compression") as top:
        fill(top, names=150, extents=100)
        fill_compressed(top)
    return disk_of(folder, image.read_bytes())


def survive(disk: Path, seeds: range) -> None:
    """Damage a disk in a way for each of the seeds, half of them where its files are read; show, list and judge it."""
    recorded = Recorded(FileSource(disk))
    exhaust(open_ntfs(Window(recorded, _START, _SIZE)))
    read = sorted({Range(*area) for area in recorded.ranges if 0 < area[1] <= 1 << 16}, key=lambda area: area.start)
    kept, target, form = ranges_kept(disk), Target((str(disk),)), Form(recursive=True, long=True)
    for seed in seeds:
        with mutated(disk, mutation(seed, disk, read, kept)):
            shown = complaint(lambda: show(target, bounded(), json=True))
            listed = complaint(lambda: ls(Files(target, "sda1"), "/", form, bounded()))
            assert [text for text in (shown, listed) if text and ("\n" in text or "internal error" in text)] == [], seed
            if seed % 5 == 0:
                judged(disk)


@pytest.mark.slow
def test_a_sample_of_mutated_volumes_is_listed_or_says_why_not(filled: Path) -> None:
    survive(filled, range(0, 2000, 41))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(4))
def test_all_mutated_volumes_are_listed_or_say_why_not(filled: Path, chunk: int) -> None:
    survive(filled, range(chunk, 2000, 4))
