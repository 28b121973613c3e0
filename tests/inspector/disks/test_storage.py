from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fixtures.disk import build_disk
from fixtures.golden import GOLDEN
from inspector import inspect_image, open_image
from inspector.disks.device import resolve
from inspector.disks.disk import disk_name
from inspector.disks.storage import MAX_DISKS, open_storage
from inspector.errors import InspectorError
from inspector.target import Target
from tests.inspector.cli.conftest import call
from tests.oracles import needs
from tests.volumes import storage_at

MIB = 1 << 20
DATA_UUID = "5ca1ab1e-0000-4000-8000-0000000000da"
FSTAB = GOLDEN["/etc/fstab"]
pytestmark = needs("mke2fs", "debugfs", "sfdisk")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file system with one file, on the whole of a disk."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "tree").mkdir()
    (folder / "tree/here").write_text("on the second disk\n")
    path = folder / "data.raw"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-U", DATA_UUID, "-d", folder / "tree", path, "32M"], check=True)
    return path


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden guest, which wants the second disk."""
    assert isinstance(FSTAB, str)
    files = GOLDEN | {"/etc/fstab": f"{FSTAB}UUID={DATA_UUID} /srv ext4 defaults 0 2\n"}
    return build_disk(files, tmp_path_factory.mktemp("system") / "disk.raw", "raw")


def test_two_disks_are_one_machine(system: Path, data: Path) -> None:
    storage = storage_at(system, data)
    assert [disk.name for disk in storage.disks] == ["sda", "sdb"]
    assert [volume.name for volume in storage.volumes] == ["sda1", "sdb"]
    assert [disk and disk.name for disk in map(storage.disk_of, storage.volumes)] == ["sda", "sdb"]
    for name in (f"UUID={DATA_UUID}", "/dev/sdb", "/dev/vdb", "/dev/nvme1n1"):
        assert resolve(name, storage.volumes) is storage.volumes[1]
    assert resolve("/dev/sdc", storage.volumes) is None
    assert storage.bytes_read > 0


def test_what_lies_on_the_second_disk_is_in_the_guest(system: Path, data: Path) -> None:
    guest = open_image([str(system), str(data)])
    assert guest.read_text("/srv/here") == "on the second disk\n"
    assert guest.volume_of("/srv/here") == "sdb"


def test_a_machine_without_its_second_disk_is_missing_a_device(system: Path, data: Path) -> None:
    alone, whole = inspect_image(str(system)), inspect_image([str(system), str(data)])
    verdicts = [
        {rule.rule: rule.status for check in report.checks for rule in check.rules} for report in (alone, whole)
    ]
    changed = {name for name in verdicts[0] if verdicts[0][name] != verdicts[1].get(name)}
    assert (verdicts[0]["fstab-devices-exist"], verdicts[1]["fstab-devices-exist"]) == ("FAILED", "OK")
    assert changed == {"fstab-devices-exist"}
    assert [disk.name for disk in whole.disks] == ["sda", "sdb"]
    assert [disk.image.path for disk in whole.disks] == [str(system), str(data)]
    assert whole.image == whole.disks[0].image


def test_the_order_of_the_disks_decides_which_boots(system: Path, data: Path) -> None:
    report = inspect_image([str(data), str(system)])
    (boot,) = [check for check in report.checks if check.name == "BootMode"]
    assert boot.status == "FAILED"
    assert report.guest.hostname == "golden"


def test_on_the_command_line(system: Path, data: Path) -> None:
    done = call("check", "--guest", "--format", "json", "--fail-on", "never", system, data)
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert [disk["name"] for disk in report["disks"]] == ["sda", "sdb"]
    view = json.loads(call("show", "--guest", "--format", "json", system, data).stdout)
    assert [(mount["path"], mount["device"]) for mount in view["mounts"]] == [("/", "sda1"), ("/srv", "sdb")]
    assert call("cat", "--disk", data, system, "/srv/here").stdout == b"on the second disk\n"
    assert call("ls", "--disk", data, "--volume", "sdb", system, "/").stdout.split() == [b"/here", b"/lost+found"]
    assert call("stat", "--disk", data, system, "/srv/here").returncode == 0


def test_several_images_without_guest_are_shown_each_on_its_own(system: Path, data: Path, tmp_path: Path) -> None:
    done = call("show", "--format", "json", system, tmp_path / "absent", data)
    views = [json.loads(line) for line in done.stdout.splitlines()]
    assert [view["image"]["path"] for view in views] == [str(system), str(data)]
    assert done.returncode == 3
    assert done.stderr.count(b"\n") == 1


def test_an_image_that_cannot_be_opened_is_named(system: Path, tmp_path: Path) -> None:
    done = call("check", "--guest", system, tmp_path / "absent")
    assert done.returncode == 3
    assert done.stderr.decode().startswith(f"inspector: {tmp_path}/absent: cannot be opened")


def test_more_disks_than_names_are_refused() -> None:
    with pytest.raises(InspectorError, match="at most 26 disks"):
        open_storage(Target(("disk.raw",) * (MAX_DISKS + 1)))


def test_the_names_of_disks() -> None:
    assert [disk_name(index) for index in (0, 1, 25, 26, 27, 701, 702)] == [
        "sda", "sdb", "sdz", "sdaa", "sdab", "sdzz", "sdaaa",
    ]  # fmt: skip
