from __future__ import annotations

import gzip

import pytest

from fixtures.files import Node
from fixtures.golden import KERNEL, golden_initramfs
from fixtures.initramfs import cpio
from fixtures.kernel import bzimage
from inspector.facts import UnknownFact
from inspector.facts.drivers import DefaultDrivers
from parsers.place import Place
from tests.inspector.boots import CFG, INITRD, MODULES, VMLINUZ, arguments, changed, facts


def test_one_pass_finds_the_drivers_of_every_rule() -> None:
    kernel = facts()[DefaultDrivers].kernel
    assert kernel.version == KERNEL
    assert len(kernel.scans) == 1
    assert kernel.has_modules
    assert (kernel.unread, kernel.missing) == ((), ())
    assert {driver.name for driver in kernel.chain("virtio_blk", "virtio_pci", "nvme")} == {
        "virtio_blk", "virtio_pci", "virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "nvme",
        "nvme_core",
    }  # fmt: skip
    driver = kernel.get("nvme_core")
    assert driver.initramfs is not None
    assert driver.initramfs.key == f"usr/lib/modules/{KERNEL}/kernel/drivers/nvme/host/nvme-core.ko"
    assert driver.module == Place(f"{MODULES}/kernel/drivers/nvme/host/nvme-core.ko", volume="sda1")
    assert kernel.get("nosuch").initramfs is None


def test_several_files_are_one_initramfs() -> None:
    files = {
        **changed(CFG, f"initrd\t/boot/initrd.img-{KERNEL}", f"initrd\t/boot/more.img /boot/initrd.img-{KERNEL}"),
        "/boot/more.img": cpio({f"lib/modules/{KERNEL}/kernel/virtio_blk.ko": b"x"}),
        INITRD: golden_initramfs(without=("virtio_blk",)),
    }
    kernel = facts(files)[DefaultDrivers].kernel
    assert [place.path for place in kernel.initramfs] == ["/boot/more.img", INITRD]
    found = kernel.get("virtio_blk").initramfs
    assert found is not None
    assert found.path == "/boot/more.img"


def test_without_modules_dep_what_is_known_anyway_is_sought() -> None:
    kernel = facts({f"{MODULES}/modules.dep": None})[DefaultDrivers].kernel
    assert {driver.name for driver in kernel.chain("virtio_pci")} == {"virtio_pci", "virtio", "virtio_ring"}
    assert kernel.get("virtio_net").module is None


def test_without_any_list_the_kernel_says_itself_what_is_built_in() -> None:
    options = "CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO=y\n# CONFIG_BLK_DEV_NVME is not set\n"
    image = bzimage(KERNEL) + b"IKCFG_ST" + gzip.compress(options.encode()) + b"IKCFG_ED"
    lists: dict[str, Node | None] = {f"{MODULES}/modules.builtin": None, f"/boot/config-{KERNEL}": None}
    kernel = facts({VMLINUZ: image, **lists})[DefaultDrivers].kernel
    assert kernel.get("virtio_blk").builtin == Place(VMLINUZ, 1)
    assert kernel.get("nvme").disabled == Place(VMLINUZ, 3)
    assert facts(lists)[DefaultDrivers].kernel.get("virtio_blk").builtin is None


def test_an_old_kernel_has_its_nvme_driver_in_one_piece() -> None:
    files: dict[str, Node | None] = {
        f"{MODULES}/modules.dep": "kernel/drivers/block/nvme.ko:\n",
        f"/boot/config-{KERNEL}": "CONFIG_BLK_DEV_NVME=m\n",
        INITRD: golden_initramfs(without=("nvme-core",)),
    }
    kernel = facts(files)[DefaultDrivers].kernel
    assert [driver.name for driver in kernel.chain("nvme")] == ["nvme"]
    assert kernel.get("nvme").initramfs is not None


def test_an_empty_module_file_is_none() -> None:
    kernel = facts({f"{MODULES}/kernel/drivers/net/virtio_net.ko": ""})[DefaultDrivers].kernel
    assert kernel.get("virtio_net").module is None


def test_blocks_name_the_module_and_their_line() -> None:
    files = {"/etc/modprobe.d/a.conf": "\ninstall nvme /bin/true\n", **arguments("module_blacklist=nvme,virtio-blk")}
    kernel = facts(files)[DefaultDrivers].kernel
    assert [str(problem) for problem in kernel.get("nvme").blocked] == [
        f"{CFG}:89 nvme: module_blacklist=nvme,virtio-blk",
        "/etc/modprobe.d/a.conf:2 nvme: install nvme /bin/true",
    ]
    assert len(kernel.get("virtio_blk").blocked) == 1


def test_a_kernel_of_unknown_version_is_unknown() -> None:
    files = {**changed(CFG, f"/boot/vmlinuz-{KERNEL}", "/boot/k"), "/boot/k": b"damaged"}
    with pytest.raises(UnknownFact, match="is not known"):
        facts(files)[DefaultDrivers]
