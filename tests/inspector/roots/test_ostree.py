"""Systems made of OSTree deployments: which one boots, and what it sees: Fedora CoreOS, Silverblue, Endless, bootc."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import Dir, Link
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.errors import InspectorError
from inspector.facts import Facts
from inspector.facts.boot import DefaultKernel
from inspector.facts.hostname import Hostname
from inspector.guest import Guest
from inspector.mounts import find_guest, find_roots
from parsers.linux.os_release import OsRelease
from tests.memory_tree import MemoryTree
from tests.subvolume_tree import SubvolumeTree
from tests.volumes import storage_of, volume_of

UUID, BOOT_UUID = "aaaa", "bbbb"
NEW, OLD = "c0ffee" * 8 + ".0", "decade" * 8 + ".1"
DEPLOY = "/ostree/deploy/fedora/deploy"


def deployment(name: str, version: str, fstab: str = "") -> dict[str, Any]:
    top = f"{DEPLOY}/{name}"
    return {
        f"{top}/usr/lib/os-release": f"ID=fedora\nVERSION_ID={version}\nPRETTY_NAME=Fedora\n",
        f"{top}/usr/lib/modules/6.1/modules.dep": "",
        f"{top}/usr/etc/hostname": "vendor\n",
        f"{top}/etc/os-release": Link("../usr/lib/os-release"),
        f"{top}/etc/hostname": f"host{version}\n",
        f"{top}/etc/fstab": fstab,
        f"{top}/ostree": Link("sysroot/ostree"),
        f"{top}/home": Link("var/home"),
        f"{top}/sysroot": Dir(),
        f"{top}/var": Dir(),
        f"{top}/boot": Dir(),
    }


def entries(*numbers: int) -> dict[str, Any]:
    """Entries of a boot file system, the first of them the default, and a menu that reads them."""
    return {
        "/grub2/grub.cfg": f"search --set=root --fs-uuid {BOOT_UUID}\nload_env\nblscfg\n",
        "/loader": Link("loader.1"),
        "/ostree/fedora-abc/vmlinuz-6.1": "",
        **{
            f"/loader.1/entries/ostree-{9 - rank}.conf": f"title Fedora {rank}\nversion {9 - rank}\n"
            "linux /ostree/fedora-abc/vmlinuz-6.1\n"
            f"options root=UUID={UUID} ostree=/ostree/boot.1/fedora/abc/{number} rw\n"
            for rank, number in enumerate(numbers)
        },
    }


ROOT: dict[str, Any] = {
    **deployment(NEW, "43"),
    **deployment(OLD, "42"),
    f"{DEPLOY}/{NEW}.origin": "[origin]\n",
    "/ostree/deploy/fedora/var/home/me/.bash_history": "",
    "/ostree/boot.1": Link("boot.1.1"),
    "/ostree/boot.1.1/fedora/abc/0": Link(f"../../../deploy/fedora/deploy/{NEW}"),
    "/ostree/boot.1.1/fedora/abc/1": Link(f"../../../deploy/fedora/deploy/{OLD}"),
    "/boot": Dir(),
}
FSTAB = f"UUID={BOOT_UUID} /boot ext4 defaults 0 0\n"
WITH_BOOT: dict[str, Any] = {**ROOT, f"{DEPLOY}/{NEW}/etc/fstab": FSTAB, f"{DEPLOY}/{OLD}/etc/fstab": FSTAB}
SAME: dict[str, Any] = {**ROOT, **{f"/boot{path}": node for path, node in entries(0, 1).items()}}


def disks(root: dict[str, Any], boot: dict[str, Any] | None = None) -> Storage:
    more = [volume_of(boot, 2, "ext4", BOOT_UUID)] if boot is not None else []
    return storage_of(volume_of(root, 1, "ext4", UUID), *more)


def device(storage: Storage, root: str | None = None) -> str:
    return find_guest(storage, root).mount_of("/").device


@pytest.mark.parametrize(("numbers", "name"), [((0, 1), NEW), ((1, 0), OLD)], ids=["new", "old"])
def test_the_boot_entry_chooses_the_deployment(numbers: tuple[int, ...], name: str) -> None:
    assert device(disks(WITH_BOOT, entries(*numbers))) == f"sda1[{DEPLOY}/{name}]"


def test_what_the_deployment_sees() -> None:
    guest = find_guest(disks(WITH_BOOT, entries(0, 1)))
    assert guest.read_text("/etc/hostname") == "host43\n"
    assert guest.exists("/home/me/.bash_history")
    assert guest.exists(f"/sysroot{DEPLOY}/{OLD}/usr")
    assert guest.realpath("/ostree/boot.1/fedora/abc/0") == f"/sysroot{DEPLOY}/{NEW}"
    assert guest.mount_of("/boot/loader").device == "sda2"
    assert guest.mount_of("/var/home").device == "sda1[/ostree/deploy/fedora/var]"


def test_the_facts_are_those_of_the_deployment() -> None:
    storage = disks(WITH_BOOT, entries(1, 0))
    facts = Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)
    assert (facts[OsRelease].version_id, facts[Hostname].name) == ("42", "host42")
    assert facts[DefaultKernel].value("ostree") == "/ostree/boot.1/fedora/abc/1"


def test_boot_of_the_same_file_system() -> None:
    grub = f"search --set=root --fs-uuid {UUID}\nload_env\nblscfg\n"
    files = {**SAME, "/boot/grub2/grub.cfg": grub}
    storage = disks(files)
    guest = find_guest(storage)
    assert guest.mount_of("/").device == f"sda1[{DEPLOY}/{NEW}]"
    assert guest.mount_of("/boot/loader").device == "sda1[/boot]"
    assert device(
        disks({**files, **{f"/boot{path}": node for path, node in entries(1, 0).items() if "conf" in path}})
    ) == (f"sda1[{DEPLOY}/{OLD}]")


def test_a_system_that_was_there_before_is_not_the_root() -> None:
    before = {"/etc/os-release": "ID=debian\n", "/etc/fstab": FSTAB, "/usr/lib/modules/5.10/modules.dep": ""}
    assert device(disks({**WITH_BOOT, **before}, entries(0, 1))) == f"sda1[{DEPLOY}/{NEW}]"
    assert device(disks({**WITH_BOOT, **before})) == "sda1"


def test_without_an_entry_a_person_chooses() -> None:
    storage = disks(ROOT)
    assert len(find_roots(storage)) == 2
    with pytest.raises(InspectorError, match="--root"):
        find_guest(storage)
    assert device(storage, f"sda1[{DEPLOY}/{OLD}]") == f"sda1[{DEPLOY}/{OLD}]"
    assert device(storage, f"/dev/sda1[{DEPLOY}/{OLD}]") == f"sda1[{DEPLOY}/{OLD}]"
    alone = {path: node for path, node in ROOT.items() if OLD not in path}
    assert device(disks(alone)) == f"sda1[{DEPLOY}/{NEW}]"


def test_a_deployment_in_a_subvolume() -> None:
    tree = SubvolumeTree({"root": WITH_BOOT, "home": {}})
    storage = storage_of(volume_of(tree, 1, "btrfs", UUID), volume_of(entries(1, 0), 2, "ext4", BOOT_UUID))
    assert device(storage) == f"sda1[/root{DEPLOY}/{OLD}]"


def test_what_cannot_be_read_is_no_deployment() -> None:
    broken = MemoryTree(ROOT, "sda1", broken=frozenset({f"{DEPLOY}/{NEW}/usr"}))
    storage = storage_of(volume_of(broken, 1, "ext4", UUID))
    assert find_roots(storage) == ()


def test_a_folder_of_that_name_alone_is_no_system() -> None:
    assert find_roots(disks({"/ostree/repo/config": "", f"{DEPLOY}/x/usr/bin/true": ""})) == ()
