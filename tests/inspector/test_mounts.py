from __future__ import annotations

import pytest

from fixtures.files import Dir, Files, Link
from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.mounts import find_guest
from tests.subvolume_tree import SubvolumeTree
from tests.volumes import storage_of, volume_of

ROOT = {"/etc/os-release": "ID=debian", "/boot/old": "", "/var/x": "stale", "/usr": "", "/srv/data/f": "bound"}


def root(fstab: str) -> dict[str, str]:
    return {**ROOT, "/etc/fstab": fstab}


def test_the_only_root_is_found_and_its_fstab_joined() -> None:
    fstab = """\
UUID=aaaa / ext4 defaults 0 1
UUID=cccc /boot/efi vfat umask=0077 0 1
UUID=bbbb /boot ext4 defaults 0 2
broken
tmpfs /tmp tmpfs defaults 0 0
/srv/data /mnt none bind 0 0
"""
    disk = storage_of(
        volume_of({"/vmlinuz": "k", "/efi/x": ""}, 1, uuid="bbbb"),
        volume_of(root(fstab), 2, uuid="aaaa"),
        volume_of({"/EFI/x": "loader"}, 3, "vfat", uuid="cccc"),
    )
    guest = find_guest(disk)
    assert guest.read_text("/boot/vmlinuz") == "k"
    assert guest.read_text("/boot/efi/EFI/x") == "loader"
    assert not guest.exists("/boot/old")
    assert guest.read_text("/mnt/f") == "bound"
    assert guest.volume_of("/boot/vmlinuz") == "sda1"
    assert guest.volume_of("/boot/none/such") == "sda1"
    assert guest.volume_of("/etc/fstab") == "sda2"
    assert guest.volume_of("/mnt/f") == "sda2"


def test_two_roots_are_not_guessed_between() -> None:
    disk = storage_of(volume_of(ROOT, 1), volume_of({**ROOT, "/second": ""}, 2), volume_of({"/data": ""}, 3))
    with pytest.raises(InspectorError, match="2 volumes hold a root file system: sda1, sda2; choose one with --root"):
        find_guest(disk)
    assert find_guest(disk, "sda2").exists("/second")
    assert not find_guest(disk, "/dev/sda1").exists("/second")
    with pytest.raises(InspectorError, match="no volume is called sda9; there are sda1, sda2, sda3"):
        find_guest(disk, "sda9")


def test_no_root_is_unknown_and_says_what_could_not_be_read() -> None:
    with pytest.raises(UnknownFact, match=r"^no root file system was found$"):
        find_guest(storage_of(volume_of({"/data": ""})))
    disk = storage_of(volume_of({"/data": ""}), volume_of(None, 2, "xfs", reason="xfs is not read so far"))
    with pytest.raises(UnknownFact, match="sda2: xfs is not read so far"):
        find_guest(disk)
    with pytest.raises(UnknownFact, match="sda2 cannot be read"):
        find_guest(disk, "sda2")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("UUID=bbbb /var xfs defaults 0 2", "xfs is not read so far"),
        ("UUID=ffff /var ext4 defaults 0 2", "UUID=ffff is not in the image"),
        ("srv:/x /var nfs defaults 0 0", "over the network"),
        ("/nothing /var none bind 0 0", "/nothing does not exist"),
        ("UUID=cccc /var ext4 defaults 0 0", "swap holds no files"),
    ],
)
def test_what_a_mount_hides_is_unknown(line: str, reason: str) -> None:
    disk = storage_of(
        volume_of(root(f"UUID=aaaa / ext4 defaults 0 1\n{line}\n"), 1, uuid="aaaa"),
        volume_of(None, 2, "xfs", uuid="bbbb", reason="xfs is not read so far"),
        volume_of(None, 3, "swap", uuid="cccc"),
    )
    with pytest.raises(UnknownFact, match=reason):
        find_guest(disk).exists("/var/x")


@pytest.mark.parametrize(
    "line", ["UUID=ffff /var ext4 nofail 0 2", "srv:/x /var nfs noauto 0 0", "/no /var none bind,nofail"]
)
def test_what_the_guest_does_without_hides_nothing(line: str) -> None:
    disk = storage_of(volume_of(root(line + "\n"), 1, uuid="aaaa"))
    assert find_guest(disk).read_text("/var/x") == "stale"


def test_a_volume_inside_lvm_makes_its_mount_unknown() -> None:
    disk = storage_of(
        volume_of(root("/dev/mapper/vg-var /var xfs defaults 0 0\n"), 1),
        volume_of(None, 2, "LVM2_member", reason="LVM2_member is not read so far"),
    )
    with pytest.raises(UnknownFact, match="may lie inside sda2"):
        find_guest(disk).exists("/var/x")


def test_accounts_and_fstab_make_a_root_without_release_file() -> None:
    assert find_guest(storage_of(volume_of({"/etc/passwd": "", "/etc/fstab": ""}))).exists("/etc/passwd")


def fstab_of(*options: str) -> str:
    points = ("/", "/home", "/var")
    return "".join(f"UUID=aaaa {point} btrfs {option} 0 0\n" for point, option in zip(points, options, strict=False))


@pytest.mark.parametrize("option", ["subvol=@home", "subvol=/@home", "subvolid=257", "subvolid=0x101,subvol=@home/"])
def test_a_subvolume_of_btrfs_is_mounted_as_its_options_say(option: str) -> None:
    tree = SubvolumeTree({"@": root(fstab_of("subvol=@", option)), "@home": {"/user": "data"}})
    guest = find_guest(storage_of(volume_of(tree, 1, "btrfs", "aaaa")))
    assert guest.read_text("/home/user") == "data"
    assert [mount.device for mount in guest.mounts] == ["sda1[/@]", "sda1[/@home]"]


@pytest.mark.parametrize("option", ["subvol=@gone", "subvolid=9999", "subvolid=x", "subvol=@home,subvolid=256"])
def test_a_subvolume_that_is_not_there_makes_what_is_below_unknown(option: str) -> None:
    tree = SubvolumeTree({"@": root(fstab_of("subvol=@", "", option)), "@home": {}})
    with pytest.raises(UnknownFact, match="/var is on sda1, which cannot be read"):
        find_guest(storage_of(volume_of(tree, 1, "btrfs", "aaaa"))).exists("/var/x")


def test_a_subvolume_that_is_not_there_and_not_needed_hides_nothing() -> None:
    system = {**root(fstab_of("subvol=@", "", "subvol=@gone,nofail")), "/var/x": "beneath"}
    guest = find_guest(storage_of(volume_of(SubvolumeTree({"@": system}), 1, "btrfs", "aaaa")))
    assert guest.read_text("/var/x") == "beneath"


def test_of_many_volumes_that_cannot_be_read_a_few_are_named() -> None:
    disk = storage_of(*(volume_of(None, number, "xfs", reason="xfs is odd") for number in range(1, 201)))
    with pytest.raises(UnknownFact, match="sda8: xfs is odd; and 192 more") as caught:
        find_guest(disk)
    assert len(caught.value.places) == 8


MICROOS = (
    "overlay /etc overlay defaults,lowerdir=/sysroot/etc,upperdir=/sysroot/var/lib/overlay/2/etc,"
    "workdir=/sysroot/var/lib/overlay/work-etc,x-systemd.requires-mounts-for=/sysroot/var,x-initrd.mount 0 0\n"
)


def test_an_overlay_of_etc_is_what_the_guest_reads() -> None:
    files: Files = {
        "/etc/os-release": "ID=opensuse-microos",
        "/etc/fstab": "UUID=bbbb /var ext4 defaults 0 0\n" + MICROOS,
        "/etc/a": "lower",
        "/etc/b": "lower",
        "/var": Dir(),
    }
    upper = {"/lib/overlay/2/etc/a": "upper"}
    guest = find_guest(storage_of(volume_of(files, 1, uuid="aaaa"), volume_of(upper, 2, uuid="bbbb")))
    assert (guest.read_text("/etc/a"), guest.read_text("/etc/b")) == ("upper", "lower")
    gone = find_guest(storage_of(volume_of(files, 1, uuid="aaaa"), volume_of({"/x": ""}, 2, uuid="bbbb")))
    with pytest.raises(UnknownFact, match="/etc is on"):
        gone.read_text("/etc/a")


def test_a_separate_usr_holds_what_etc_links_to() -> None:
    files: Files = {
        "/etc/os-release": Link("../usr/lib/os-release"),
        "/etc/fstab": "UUID=bbbb /usr ext4 defaults 0 0\n",
        "/lib": Link("usr/lib"),
        "/usr": Dir(),
    }
    guest = find_guest(storage_of(volume_of(files, 1), volume_of({"/lib/os-release": "ID=debian\n"}, 2, uuid="bbbb")))
    assert guest.read_text("/etc/os-release") == "ID=debian\n"
    assert guest.realpath("/lib/os-release") == "/usr/lib/os-release"
    lost = find_guest(storage_of(volume_of(files, 1)))
    with pytest.raises(UnknownFact, match="/usr is on a device"):
        lost.read_text("/etc/os-release")
