"""A guest whose root lies on a logical volume or on an array, from the disk to its names in fstab."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from inspector.boot.grub_devices import GrubDevices
from inspector.disks.device import resolve
from inspector.disks.encryption import encrypted
from inspector.disks.stack import mapper_name
from inspector.disks.storage import Storage
from inspector.engine import open_facts
from inspector.facts import UnknownFact
from inspector.guest import Guest
from inspector.mounts import find_guest, find_roots
from inspector.rules.online_resize import root_partition_is_last
from inspector.target import Target
from inspector.verdict import Status
from inspector.view.overview import overview, overview_text
from parsers.source import Memory
from tests.oracles import needs
from tests.parsers.volume.building import MIB, group_text, linear, logical, md_member, physical_volume, segment
from tests.partition_builder import mbr_disk
from tests.volumes import storage_at

needs_mkfs = needs("mke2fs")
START = 2048
UUID = "0a1b2c3d-0000-4000-8000-00000000000a"
FSTAB = f"/dev/mapper/v--g-root / ext4\nUUID={UUID[:-1]}b /data ext4\n/dev/v-g/gone /gone ext4\n"


def file_system(folder: Path, files: dict[str, str], uuid: str, size: int) -> bytes:
    top = folder / uuid
    for path, content in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(content)
    image = folder / f"{uuid}.img"
    command = ["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-U", uuid, "-d", str(top), str(image), f"{size}k"]
    subprocess.run(command, check=True, capture_output=True)
    return image.read_bytes()


def partitioned(*contents: bytes) -> bytes:
    """Return a disk with an MBR whose partitions hold `contents`."""
    starts, end = [], START
    for content in contents:
        starts.append(end)
        end += len(content) // 512
    slots = [(0, 0x8E, start, len(content) // 512) for start, content in zip(starts, contents, strict=True)]
    disk = mbr_disk(end, *slots)
    for start, content in zip(starts, contents, strict=True):
        disk[start * 512 : start * 512 + len(content)] = content
    return bytes(disk)


def opened(folder: Path, raw: bytes) -> Storage:
    path = folder / "disk.raw"
    path.write_bytes(raw)
    return storage_at(path)


def two_members(folder: Path) -> list[bytes]:
    """Return two physical volumes of the group v-g, with a root over both and a volume of data."""
    root = file_system(folder, {"etc/os-release": "ID=debian\n", "etc/fstab": FSTAB}, UUID, 4096)
    data = file_system(folder, {"here": "yes"}, f"{UUID[:-1]}b", 1024)
    text = group_text(
        logical(
            "root",
            segment(0, 2, "striped", 'stripe_count = 1 stripes = ["pv0", 6]'),
            segment(2, 2, "striped", 'stripe_count = 1 stripes = ["pv1", 0]', 2),
        )
        + linear("da-ta", 5, pv="pv1"),
        pvs=2,
    ).replace("vg {", "v-g {")
    members = [bytearray(physical_volume(text, number)) for number in range(2)]
    members[0][7 * MIB : 9 * MIB] = root[: 2 * MIB]
    members[1][MIB : 3 * MIB] = root[2 * MIB :]
    members[1][6 * MIB : 7 * MIB] = data
    return [bytes(member) for member in members]


@needs_mkfs
def test_a_snapshot_that_lvm_does_not_activate_is_no_second_system(tmp_path: Path) -> None:
    root = file_system(tmp_path, {"etc/os-release": "ID=debian\n", "etc/fstab": FSTAB}, UUID, 4096)
    for flags, roots in (('["ACTIVATION_SKIP"]', 1), ("[]", 2)):
        snapshot = linear("a-day-ago", 0, 4).replace("flags = []", f"flags = {flags}")
        member = bytearray(physical_volume(group_text(snapshot + linear("root", 0, 4))))
        member[MIB : 5 * MIB] = root
        storage = opened(tmp_path, partitioned(bytes(member)))
        assert [volume.type for volume in storage.volumes] == ["LVM2_member", "ext4", "ext4"]
        assert len(find_roots(storage)) == roots
    assert find_roots(storage)[0].device == "vg/a-day-ago"


@needs_mkfs
def test_a_guest_on_a_group_of_two_partitions(tmp_path: Path) -> None:
    disk = opened(tmp_path, partitioned(*two_members(tmp_path)))
    assert [volume.name for volume in disk.volumes] == ["sda1", "sda2", "v-g/root", "v-g/da-ta"]
    first, _, root, data = disk.volumes
    assert (first.holder, first.reason, first.tree, first.hides) == ("v-g", None, None, False)
    assert (root.type, root.uuid, root.members, root.offset) == ("ext4", UUID, ("sda1", "sda2"), None)
    assert disk.problems == ()
    guest = find_guest(disk)
    assert {mount.path: mount.volume and mount.volume.name for mount in guest.mounts} == {
        "/": "v-g/root", "/data": "v-g/da-ta", "/gone": None,
    }  # fmt: skip
    assert guest.read_text("/data/here") == "yes"
    assert find_guest(disk, "/dev/v-g/root").read_text("/etc/os-release") == "ID=debian\n"
    assert find_guest(disk, "/dev/mapper/v--g-root").read_text("/etc/os-release") == "ID=debian\n"
    for spec, found in {
        "/dev/mapper/v--g-da--ta": data,
        "/dev/v-g/da-ta": data,
        f"UUID={UUID}": root,
        "/dev/disk/by-id/dm-name-v--g-root": root,
        f"/dev/disk/by-id/dm-uuid-LVM-GROUP0aaaabbbbccccddddeeeeffffff{'root':x<32}": root,
        "/dev/mapper/v-g-root": None,
        "UUID=ffff": None,
    }.items():
        assert resolve(spec, disk.volumes) is found
    with pytest.raises(UnknownFact, match="given at boot"):
        resolve("/dev/dm-0", disk.volumes)


@needs_mkfs
def test_grub_finds_a_logical_volume_by_its_own_names(tmp_path: Path) -> None:
    disk = opened(tmp_path, partitioned(*two_members(tmp_path)))
    devices = GrubDevices(disk, find_guest(disk))
    for name in ("lvm/v--g-root", f"lvmid/GROUP0-aaaa-bbbb-cccc-dddd-eeee-ffffff/{_id()}"):
        found = devices.volume(f"({name})")
        assert found is disk.volumes[2]
    assert devices.search("fs-uuid", UUID) == "v-g/root"
    assert devices.volume("(lvm/v--g-other)") is None


def _id() -> str:
    text = f"{'root':x<32}"
    return "-".join((text[:6], text[6:10], text[10:14], text[14:18], text[18:22], text[22:26], text[26:]))


@needs_mkfs
def test_without_a_member_nothing_is_said_to_be_absent(tmp_path: Path) -> None:
    first, _ = two_members(tmp_path)
    disk = opened(tmp_path, partitioned(first))
    assert [volume.name for volume in disk.volumes if volume.hides] == ["v-g/root", "v-g/da-ta"]
    assert "wanted, it is missing" in (disk.volumes[1].reason or "")
    assert any("not found" in problem.message for problem in disk.problems)
    with pytest.raises(UnknownFact, match="may lie inside v-g/root"):
        resolve("UUID=ffff", disk.volumes)
    with pytest.raises(UnknownFact, match="no root file system was found"):
        find_guest(disk)


@needs_mkfs
def test_show_draws_members_and_volumes(tmp_path: Path) -> None:
    (tmp_path / "disk.raw").write_bytes(partitioned(*two_members(tmp_path)))
    view = overview(Target((str(tmp_path / "disk.raw"),)))
    assert [(item["device"], item["members"], item["holder"]) for item in view["volumes"]] == [
        ("sda1", [], "v-g"), ("sda2", [], "v-g"), ("v-g/root", ["sda1", "sda2"], None),
        ("v-g/da-ta", ["sda1", "sda2"], None),
    ]  # fmt: skip
    text = overview_text(view)
    assert "v-g (volume group): of sda1 and sda2, UUID " in text
    assert "of v-g\n" in text
    assert "  /data from v-g/da-ta\n" in text


@needs_mkfs
def test_a_root_on_a_group_on_the_whole_disk_does_not_grow_by_itself(tmp_path: Path) -> None:
    root = file_system(tmp_path, {"etc/os-release": "ID=debian\n"}, UUID, 1024)
    member = bytearray(physical_volume(group_text(linear("root", 2))))
    member[3 * MIB : 4 * MIB] = root
    facts = open_facts(opened(tmp_path, bytes(member)), None)
    assert facts[Guest].mounts[0].volume is not None
    assert root_partition_is_last(facts).status is Status.WARNING


@needs_mkfs
def test_a_group_on_an_array(tmp_path: Path) -> None:
    root = file_system(tmp_path, {"etc/os-release": "ID=debian\n"}, UUID, 1024)
    member = bytearray(physical_volume(group_text(linear("root", 2))))
    member[3 * MIB : 4 * MIB] = root
    legs = [md_member(role, 2, 1, size=len(member))[:8192] + bytes(member) for role in range(2)]
    disk = opened(tmp_path, partitioned(*legs))
    assert [(volume.name, volume.members, volume.holder) for volume in disk.volumes] == [
        ("sda1", (), "md7"), ("sda2", (), "md7"), ("md7", ("sda1", "sda2"), "vg"), ("vg/root", ("md7",), None),
    ]  # fmt: skip
    assert find_guest(disk).read_text("/etc/os-release") == "ID=debian\n"
    array = disk.volumes[2]
    for spec in (
        "/dev/md7", "/dev/md/7", "/dev/disk/by-id/md-uuid-30313233:34353637:38396162:63646566",
        "/dev/disk/by-id/md-name-host:7",
    ):  # fmt: skip
        assert resolve(spec, disk.volumes) is array
    assert disk.volume("md/7") is array
    assert disk.volume("mduuid/30313233343536373839616263646566") is array
    with pytest.raises(UnknownFact, match="given at boot"):
        resolve("/dev/md127", disk.volumes)


def test_a_group_with_a_volume_called_like_the_array_it_lies_on_is_not_read(tmp_path: Path) -> None:
    member = physical_volume(group_text(linear("x", 2)).replace("vg {", "md {"))
    leg = md_member(0, 1, 1, size=len(member), name=b"host:x")[:8192] + member
    disk = opened(tmp_path, partitioned(leg))
    assert [(volume.name, volume.hides) for volume in disk.volumes] == [("sda1", False), ("md/x", True)]
    assert disk.volumes[1].reason == "LVM2_member cannot be read: one volume called md/x wanted, a second found"
    assert "md/x" in overview_text(overview(Target((str(tmp_path / "disk.raw"),))))


def test_a_member_that_cannot_be_read_hides_what_it_holds(tmp_path: Path) -> None:
    broken = bytearray(md_member(0, 2, 1, size=4 * MIB))
    broken[4096 + 72] ^= 1
    other = bytearray(physical_volume(group_text(linear("root", 2))))
    other[4096 + 700] ^= 1
    disk = opened(tmp_path, partitioned(bytes(broken), bytes(other)))
    assert [(volume.holder, volume.hides) for volume in disk.volumes] == [(None, True), (None, True)]
    assert all("cannot be read: checksum" in (volume.reason or "") for volume in disk.volumes)
    assert len(disk.problems) == 2
    with pytest.raises(UnknownFact, match="may lie inside sda1"):
        resolve("/dev/md0", disk.volumes)


@needs("cryptsetup")
def test_an_encrypted_volume_says_how(tmp_path: Path) -> None:
    path = tmp_path / "luks"
    path.write_bytes(bytes(20 << 20))
    options = ("--type", "luks1", "--pbkdf-force-iterations", "1000", "--key-size", "256")
    subprocess.run(["cryptsetup", "-q", "luksFormat", *options, str(path), "-"], input=b"key", check=True)
    (volume,) = storage_at(path).volumes
    assert volume.hides
    assert volume.reason == (
        "encrypted with LUKS1 (aes-xts-plain64, key of 256 bits, key slots 0 (pbkdf2-sha256)); it opens with --key-file"
    )
    assert encrypted(Memory(b"")).startswith("crypto_LUKS cannot be read: ")


def test_dashes_are_doubled_below_dev_mapper() -> None:
    assert mapper_name("a-b", "c--d") == "a--b-c----d"
