"""A guest on an encrypted volume: closed without its key, read with it, under the names of its crypttab."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.disk import ROOT_UUID, Ext, Layout, build_disk
from fixtures.golden import GOLDEN
from inspector import inspect_image, open_image
from inspector.disks.encryption import read_keys
from inspector.disks.storage import Storage, open_storage
from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.mounts import find_guest
from inspector.target import Target
from inspector.view.overview import overview, overview_text
from tests.inspector.storage_stacks import disk_of
from tests.oracles import needs
from tests.parsers.volume.building import group_text, linear, physical_volume

pytest.importorskip("cryptography", reason="the extra `luks` is not installed: nothing was unlocked")
pytestmark = needs("cryptsetup", "mke2fs", "debugfs")

ROOT = Path(__file__).parents[3]
MIB = 1 << 20
UUID = "1e1d5d5b-9a6e-4b4e-a4a4-000000000001"
KEY = b"open sesame\n"
CRYPTTAB = f"root_crypt UUID={UUID} none luks\n"
NAME = f"luks-{UUID}"


def encrypted(path: Path, content: bytes, uuid: str = UUID) -> Path:
    """Return a LUKS2 volume of some content."""
    path.write_bytes(content + bytes(32 * MIB))
    key = path.with_suffix(".key")
    key.write_bytes(KEY)
    words = ["reencrypt", "--encrypt", "--force-offline-reencrypt", "--type", "luks2", "--reduce-device-size", "32M"]
    words += ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--uuid", uuid, "--key-file", str(key)]
    # Its locks are root's, and its scratch file lies where it is started, with a name made of the UUID.
    command = ["cryptsetup", "-q", "--disable-locks", *words, str(path)]
    subprocess.run(command, check=True, capture_output=True, cwd=path.parent)
    return path


def root(folder: Path, fstab: str) -> bytes:
    layout, ext = Layout(table="none", size=40 * MIB), Ext(inodes=1024)
    files = GOLDEN | {"/etc/fstab": fstab, "/etc/crypttab": CRYPTTAB}
    return build_disk(files, folder / "root", "raw", layout=layout, ext=ext).read_bytes()


def storage(path: Path, *keys: bytes) -> Storage:
    return open_storage(Target((str(path),), keys=keys))


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk whose second partition is encrypted, and holds the golden guest."""
    folder = tmp_path_factory.mktemp("encrypted")
    (folder / "swap").write_bytes(bytes(4 * MIB))
    fstab = f"/dev/mapper/root_crypt / ext4 defaults 0 1\nUUID={ROOT_UUID} /again ext4 defaults 0 2\n"
    return disk_of(folder / "disk.raw", folder / "swap", encrypted(folder / "luks", root(folder, fstab)))


def test_without_a_key_it_stays_closed(disk: Path) -> None:
    for keys in ((), (b"wrong",)):
        found = storage(disk, *keys)
        assert [volume.name for volume in found.volumes] == ["sda1", "sda2"]
        assert found.volumes[1].hides
        assert (found.volumes[1].reason or "").startswith("encrypted with LUKS2 (aes-xts-plain64")
        with pytest.raises(UnknownFact, match="no root file system was found"):
            find_guest(found)
    assert "this one opens none" in (found.volumes[1].reason or "")


def test_with_its_key_the_guest_is_read_under_the_names_it_gives(disk: Path) -> None:
    found = storage(disk, b"wrong", KEY)
    closed, opened = found.volumes[1:]
    assert (closed.holder, closed.reason, closed.hides, closed.tree) == (NAME, None, False, None)
    assert (opened.name, opened.type, opened.uuid, opened.members) == (NAME, "ext4", ROOT_UUID, ("sda2",))
    guest = find_guest(found)
    assert guest.read_text("/etc/hostname") == "golden\n"
    assert {mount.path: mount.volume and mount.volume.name for mount in guest.mounts} == {"/": NAME, "/again": NAME}
    for name in (NAME, f"mapper/{NAME}", "mapper/root_crypt", f"cryptouuid/{UUID.replace('-', '')}"):
        assert found.volume(name) is opened
    assert found.disks_under(opened) == found.disks
    assert open_image(str(disk), keys=[KEY]).read_text("/etc/hostname") == "golden\n"
    view = overview(Target((str(disk),), keys=(KEY,)))
    assert [(item["device"], item["holder"]) for item in view["volumes"]][1:] == [("sda2", NAME), (NAME, None)]
    assert f"└─ {NAME}: 56.0 MiB, ext4" in overview_text(view)
    report = inspect_image(str(disk), keys=[KEY])
    assert report.guest.product == "Debian GNU/Linux 12 (bookworm)"
    fstab = next(rule for check in report.checks for rule in check.rules if rule.rule == "fstab-devices-exist")
    assert str(fstab.status) == "OK"


def test_a_group_on_an_encrypted_volume(tmp_path: Path) -> None:
    content = root(tmp_path, "/dev/vg/root / ext4 defaults 0 1\n")
    member = bytearray(physical_volume(group_text(linear("root", 0, 40), extents=40), extents=40))
    member[MIB:] = content
    path = disk_of(tmp_path / "disk.raw", encrypted(tmp_path / "luks", bytes(member)))
    found = storage(path, KEY)
    assert [(volume.name, volume.holder) for volume in found.volumes] == [
        ("sda1", NAME), (NAME, "vg"), ("vg/root", None),
    ]  # fmt: skip
    assert find_guest(found).read_text("/etc/hostname") == "golden\n"
    assert {volume.name for volume in storage(path).volumes} == {"sda1"}


def test_an_encrypted_logical_volume(tmp_path: Path) -> None:
    content = encrypted(tmp_path / "luks", root(tmp_path, "")).read_bytes()
    extents = len(content) // MIB
    member = bytearray(physical_volume(group_text(linear("root", 0, extents), extents=extents), extents=extents))
    member[MIB:] = content
    (tmp_path / "pv").write_bytes(bytes(member))
    found = storage(disk_of(tmp_path / "disk.raw", tmp_path / "pv"), KEY)
    assert [volume.name for volume in found.volumes] == ["sda1", "vg/root", NAME]
    assert find_guest(found).read_text("/etc/hostname") == "golden\n"


def test_of_two_volumes_of_one_name_the_second_stays_closed(tmp_path: Path) -> None:
    copy = encrypted(tmp_path / "luks", bytes(MIB))
    found = storage(disk_of(tmp_path / "disk.raw", copy, copy), KEY)
    assert [volume.name for volume in found.volumes] == ["sda1", "sda2", NAME]
    assert "a second found" in (found.volumes[1].reason or "")


@pytest.mark.parametrize("words", [["check", "--fail-on", "never"], ["show"]])
def test_the_commands_take_a_key_file(disk: Path, words: list[str]) -> None:
    key = disk.with_name("luks.key")
    done = inspector(*words, "--key-file", str(key), str(disk))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Debian GNU/Linux 12" in done.stdout
    assert inspector("cat", "--key-file", str(key), str(disk), "/etc/hostname").stdout == "golden\n"


@pytest.mark.parametrize("name", ["absent", "/dev/zero", "empty", "fifo", "."])
def test_a_key_file_that_is_none_is_wrong_usage(tmp_path: Path, disk: Path, name: str) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "fifo")
    done = inspector("show", "--key-file", str(tmp_path / name), str(disk))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    with pytest.raises(InspectorError):
        read_keys([str(tmp_path / name)])
    with pytest.raises(InspectorError, match="at most 16"):
        read_keys([str(disk.with_name("luks.key"))] * 17)


def inspector(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inspector", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_without_the_library_the_message_says_which(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)
    with pytest.raises(InspectorError, match=r"wants the Python package cryptography: pip install"):
        storage(disk, KEY)
