"""Which subvolume is the root: layouts of distributions, snapshots, containers, and two systems on one file system."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fixtures.files import Files
from inspector.disks.storage import Storage
from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.guest import Mount
from inspector.mounts import find_guest, find_roots
from inspector.roots.root import holds_root
from tests.memory_tree import MemoryTree
from tests.subvolume_tree import SubvolumeTree
from tests.volumes import storage_of, volume_of

UUID = "aaaa"


def system(name: str = "debian", fstab: str = "", cmdline: str | None = None, *, grub: str = "grub") -> Files:
    """A root with a kernel; `cmdline` None leaves out the boot loader."""
    files = {
        "/etc/os-release": f"ID={name}\n",
        "/etc/fstab": f"UUID={UUID} / btrfs {fstab or 'defaults'} 0 0\n" if fstab != "-" else "",
        "/usr/lib/modules/6.1.0/modules.dep": "",
    }
    if cmdline is not None:
        entry = f"search --set=root --fs-uuid {UUID}\nlinux /boot/vmlinuz root=UUID={UUID} ro {cmdline}\n"
        files[f"/boot/{grub}/grub.cfg"] = f"menuentry a {{\n{entry}}}\n"
    return files


def bls(*options: str) -> Files:
    head = "title x\nlinux /boot/k\nversion"
    entries = {f"/boot/loader/entries/{n}.conf": f"{head} {n}\noptions {text}\n" for n, text in enumerate(options)}
    return {"/boot/grub2/grub.cfg": "load_env\nblscfg\n", "/boot/k": "", **entries}


def storage(
    subvolumes: Mapping[str, Files], default: str = "", snapshots: Mapping[str, str] | None = None, **more: Files
) -> Storage:
    tree = SubvolumeTree(subvolumes, default, snapshots=snapshots)
    others = [volume_of(files, number, "ext4", uuid) for number, (uuid, files) in enumerate(more.items(), start=2)]
    return storage_of(volume_of(tree, 1, "btrfs", UUID), *others)


def root_of(disks: Storage) -> str:
    return find_guest(disks).mount_of("/").device


SUSE = "@/.snapshots/1/snapshot"
LAYOUTS = {
    "ubuntu": (storage({"@": system("ubuntu", "subvol=@", "rootflags=subvol=@"), "@home": {}}), "sda1[/@]"),
    "debian": (storage({"@rootfs": system("debian", "subvol=@rootfs")}), "sda1[/@rootfs]"),
    "nothing names it": (storage({"ROOT": system(fstab="-")}), "sda1[/ROOT]"),
    "no subvolume at all": (storage({"": system()}), "sda1"),
    "opensuse": (
        storage({"@": {}, SUSE: system("opensuse", cmdline="", grub="grub2"), "@/home": {}}, SUSE),
        f"sda1[/{SUSE}]",
    ),
    "fedora, its /boot apart": (
        storage(
            {"home": {}, "root": system("fedora", "subvol=root 0 0\nUUID=bbbb /boot ext4 defaults")},
            bbbb={path.removeprefix("/boot"): text for path, text in bls("rootflags=subvol=root").items()},
        ),
        "sda1[/root]",
    ),
    "by number": (storage({"a": {}, "b": system(cmdline="rootflags=subvolid=257")}), "sda1[/b]"),
}


@pytest.mark.parametrize(("disks", "wanted"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_layouts_of_distributions(disks: Storage, wanted: str) -> None:
    assert root_of(disks) == wanted
    assert [root.device for root in find_roots(disks)] == [wanted]


UBUNTU = system("ubuntu", "subvol=@", "rootflags=subvol=@")
SNAPSHOTS = {
    "read-only ones": ({"@": UBUNTU, "snapshots/1": UBUNTU, "snapshots/2": UBUNTU}, "", "sda1[/@]"),
    "the original has gone": ({"@old": UBUNTU, "@": UBUNTU}, "", "sda1[/@]"),
    "of a system whose boot entry names nothing": (
        {SUSE: system(cmdline=""), "@/.snapshots/2/snapshot": system(cmdline="")},
        SUSE,
        f"sda1[/{SUSE}]",
    ),
    "rolled back by the default": (
        {"root": system(fstab="subvol=root", cmdline=""), "snap": system(fstab="subvol=root", cmdline="")},
        "snap",
        "sda1[/snap]",
    ),
    "rolled back by the boot entry": (
        {"a": system(fstab="subvol=a", cmdline="rootflags=subvol=a"), "b": system("b", "-", "rootflags=subvol=c")},
        "b",
        "sda1[/a]",
    ),
    "names in fstab alone": ({"b": system(fstab="subvol=a"), "a": system(fstab="subvol=a")}, "", "sda1[/a]"),
    "nothing names either": ({"a": system(fstab="-"), "b": system(fstab="-")}, "", "sda1[/a]"),
}


@pytest.mark.parametrize(("subvolumes", "default", "wanted"), SNAPSHOTS.values(), ids=SNAPSHOTS.keys())
def test_snapshots_are_no_second_system(subvolumes: dict[str, Files], default: str, wanted: str) -> None:
    first, *others = subvolumes
    assert root_of(storage(subvolumes, default, dict.fromkeys(others, first))) == wanted


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("rootflags=subvol=b",), "sda1[/b]"),
        (("rootflags=subvol=a ro", "root=UUID=aaaa rootflags=compress=zstd,subvol=b"), "sda1[/b]"),
        (("root=UUID=aaaa $kernelopts",), "sda1[/b]"),
    ],
)
def test_the_entries_of_the_boot_loader_specification(options: tuple[str, ...], wanted: str) -> None:
    environment = "# GRUB Environment Block\nkernelopts=rootflags=subvol=b\n".ljust(1024, "#")
    fstab = "subvol=a 0 0\nUUID=bbbb /boot ext4 defaults"
    boot = {**bls(*options), "/boot/grub2/grubenv": environment}
    disks = storage(
        {"a": system(fstab=fstab), "b": system(fstab=fstab)},
        bbbb={path.removeprefix("/boot"): text for path, text in boot.items()},
    )
    assert root_of(disks) == wanted


def test_an_entry_for_another_volume_decides_nothing() -> None:
    elsewhere = system(fstab="subvol=b", cmdline="rootflags=subvol=a root=UUID=ffff")
    assert root_of(storage({"a": elsewhere, "b": elsewhere})) == "sda1[/b]"


def test_two_systems_on_one_file_system_are_not_guessed_between() -> None:
    disks = storage(
        {
            "debian": system("debian", "subvol=debian", "rootflags=subvol=debian"),
            "ubuntu": system("ubuntu", "subvol=ubuntu", "rootflags=subvol=ubuntu"),
        }
    )
    text = r"2 volumes hold a root file system: sda1\[/debian\], sda1\[/ubuntu\]; choose one with --root"
    for root in (None, "sda1"):
        with pytest.raises(InspectorError, match=text):
            find_guest(disks, root)
    assert find_guest(disks, "sda1[/ubuntu]").read_text("/etc/os-release") == "ID=ubuntu\n"
    assert find_guest(disks, "/dev/sda1[/debian]").read_text("/etc/os-release") == "ID=debian\n"
    with pytest.raises(InspectorError, match="subvolume '/arch' wanted, none found"):
        find_guest(disks, "sda1[/arch]")


def test_the_root_of_a_container_boots_nothing() -> None:
    container = {"/etc/os-release": "ID=alpine\n", "/bin/sh": ""}
    with pytest.raises(UnknownFact, match="no root file system was found"):
        find_guest(storage({"docker/btrfs/subvolumes/aa": container, "docker/btrfs/subvolumes/bb": container}))
    disks = storage({"@": system(fstab="-"), "@docker/aa": container})
    assert root_of(disks) == "sda1[/@]"


def test_a_broken_boot_loader_leaves_it_to_fstab() -> None:
    disks = storage({"a": {**system(fstab="subvol=a"), "/boot/grub/grub.cfg": "menuentry a {"}, "b": UBUNTU})
    assert root_of(disks) == "sda1[/a]"


def test_a_tree_without_a_list_of_subvolumes_is_looked_at_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from parsers.place import ParseError, Place

    def broken(tree: SubvolumeTree) -> object:
        raise ParseError(Place(tree.name), "torn")

    monkeypatch.setattr(SubvolumeTree, "subvolumes", property(broken))
    assert root_of(storage({"": system()})) == "sda1"


def test_what_tells_a_root() -> None:
    assert holds_root(MemoryTree({"/etc/passwd": "", "/etc/fstab": ""}))
    assert not holds_root(MemoryTree({"/etc/passwd": ""}))
    assert not holds_root(MemoryTree({"/etc/x": ""}, broken=frozenset({"/"})))
    assert Mount("/", None, None).device == "a device that is not in the image"
