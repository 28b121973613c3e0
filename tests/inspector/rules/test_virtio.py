from __future__ import annotations

import pytest

from fixtures.golden import BUILTIN, GOLDEN, KERNEL, golden_initramfs
from fixtures.initramfs import cpio, initramfs
from fixtures.kernel import bzimage, elf
from inspector.facts import Facts, UnknownFact
from inspector.facts.drivers import DefaultDrivers, OtherDrivers
from inspector.rules.virtio import (
    RULES,
    virtio_disk_driver_boots,
    virtio_in_every_kernel,
    virtio_net_driver_present,
)
from inspector.verdict import NotApplicable, Status, Verdict
from tests.inspector.boots import CFG, INITRD, INITRD_LINE, LINUX_LINE, MODULES, arguments, changed, facts, text

CONFIG = f"/boot/config-{KERNEL}"
OLD = "6.1.0-49-cloud-amd64"
COMPRESSIONS = ("gzip", "xz", "lzma", "bzip2", "zstd", "lz4", "none")


def places(verdict: Verdict) -> list[str]:
    return [f"{e.place.path}:{e.place.line}" if e.place.line else e.place.path for e in verdict.evidence]


def without(*names: str, compression: str = "zstd") -> dict[str, bytes]:
    return {INITRD: golden_initramfs(compression, names)}


def test_the_golden_guest_is_ok() -> None:
    disk = virtio_disk_driver_boots(facts())
    assert disk.status is Status.OK
    assert {evidence.seen.split()[0] for evidence in disk.evidence} == {
        "virtio_blk", "virtio_pci", "virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev",
    }  # fmt: skip
    net = virtio_net_driver_present(facts())
    assert net.status is Status.OK
    assert places(net) == [f"{MODULES}/kernel/drivers/net/virtio_net.ko"]
    with pytest.raises(NotApplicable):
        virtio_in_every_kernel(facts())


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("name", ["virtio_blk", "virtio_pci", "virtio_pci_modern_dev", "virtio_ring"])
def test_a_driver_that_is_not_in_the_initramfs_is_found(compression: str, name: str) -> None:
    verdict = virtio_disk_driver_boots(facts(without(name, compression=compression)))
    assert verdict.status is Status.FAILED
    assert places(verdict) == [INITRD]
    assert name in verdict.message
    # update-initramfs -u, with the driver named
    assert virtio_disk_driver_boots(facts({INITRD: golden_initramfs(compression)})).status is Status.OK


def test_a_driver_may_be_part_of_the_kernel() -> None:
    chain = ("virtio", "virtio_ring", "virtio_pci", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_blk")
    listed = "".join(f"kernel/{name}.ko\n" for name in (*BUILTIN, *chain))
    verdict = virtio_disk_driver_boots(facts(without(*chain) | {f"{MODULES}/modules.builtin": listed}))
    assert verdict.status is Status.OK
    assert places(verdict)[0].startswith(f"{MODULES}/modules.builtin:")
    config = text(CONFIG).replace("CONFIG_VIRTIO_BLK=m", "CONFIG_VIRTIO_BLK=y")
    assert virtio_disk_driver_boots(facts(without("virtio_blk") | {CONFIG: config})).status is Status.OK


def test_a_driver_that_was_left_out_of_the_kernel_is_named() -> None:
    config = text(CONFIG).replace("CONFIG_VIRTIO_BLK=m", "# CONFIG_VIRTIO_BLK is not set")
    verdict = virtio_disk_driver_boots(facts(without("virtio_blk") | {CONFIG: config}))
    assert verdict.status is Status.FAILED
    assert any(place.startswith(f"{CONFIG}:") for place in places(verdict))


def test_the_modules_of_another_kernel_are_none() -> None:
    other = initramfs(OLD, {"virtio_blk": "drivers/block", "virtio_pci": "drivers/virtio"})
    assert virtio_disk_driver_boots(facts({INITRD: other})).status is Status.FAILED


def test_an_initramfs_that_is_missing_or_not_loaded_is_a_failure() -> None:
    verdict = virtio_disk_driver_boots(facts({INITRD: None}))
    assert verdict.status is Status.FAILED
    assert f"{CFG}:{INITRD_LINE}" in places(verdict)
    verdict = virtio_disk_driver_boots(facts(changed(CFG, f"initrd\t/boot/initrd.img-{KERNEL}", "true")))
    assert verdict.status is Status.FAILED
    assert "no initial RAM disk is loaded" in verdict.evidence[0].seen


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_cannot_be_read_in_full_is_unknown(compression: str) -> None:
    cut = golden_initramfs(compression)[: -700 if compression == "none" else -150]
    for content in (cut, b"garbage" * 30, b"\x89LZO\0\r\n\x1a" + bytes(90)):
        verdict = virtio_disk_driver_boots(facts({INITRD: content}))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
        assert places(verdict) == [INITRD]


BLOCKED = [
    ({"/etc/modprobe.d/no.conf": "blacklist floppy\nblacklist virtio-blk\n"}, "/etc/modprobe.d/no.conf:2"),
    ({"/usr/lib/modprobe.d/no.conf": "install virtio_pci /bin/false\n"}, "/usr/lib/modprobe.d/no.conf:1"),
    (arguments("modprobe.blacklist=floppy,virtio_blk"), f"{CFG}:{LINUX_LINE}"),
    (arguments("module_blacklist=virtio_blk"), f"{CFG}:{LINUX_LINE}"),
]


@pytest.mark.parametrize(("change", "place"), BLOCKED)
def test_a_driver_that_is_kept_from_being_loaded_is_found(change: dict[str, str], place: str) -> None:
    verdict = virtio_disk_driver_boots(facts(change))
    assert verdict.status is Status.FAILED
    assert places(verdict) == [place]


def test_a_block_within_the_initramfs_is_found() -> None:
    modules = {"virtio_blk": "drivers/block", "virtio_pci": "drivers/virtio", "virtio": "v", "virtio_ring": "v"}
    block = cpio({"etc/modprobe.d/no.conf": b"blacklist virtio_blk\n"})
    content = block + initramfs(KERNEL, modules | {f"virtio_pci_{kind}_dev": "v" for kind in ("modern", "legacy")})
    verdict = virtio_disk_driver_boots(facts({INITRD: content}))
    assert verdict.status is Status.FAILED
    assert "etc/modprobe.d/no.conf: blacklist virtio_blk" in verdict.evidence[0].seen


def test_a_file_of_etc_hides_the_one_of_its_name_in_usr_lib() -> None:
    files = {"/etc/modprobe.d/no.conf": "# nothing\n", "/usr/lib/modprobe.d/no.conf": "blacklist virtio_blk\n"}
    assert virtio_disk_driver_boots(facts(files)).status is Status.OK
    wrapped = {"/etc/modprobe.d/x.conf": "install virtio_blk /sbin/modprobe --ignore-install virtio_blk\n"}
    assert virtio_disk_driver_boots(facts(wrapped)).status is Status.OK


def test_the_network_driver_is_judged_by_the_root_file_system() -> None:
    assert virtio_net_driver_present(facts(without("virtio_net"))).status is Status.OK
    gone = virtio_net_driver_present(facts({f"{MODULES}/kernel/drivers/net/virtio_net.ko": None}))
    assert (gone.status, places(gone)) == (Status.FAILED, [MODULES])
    none = virtio_net_driver_present(facts({MODULES: None}))
    assert (none.status, places(none)) == (Status.FAILED, [MODULES])
    blocked = virtio_net_driver_present(facts({"/etc/modprobe.d/no.conf": "install virtio_net /bin/true\n"}))
    assert (blocked.status, places(blocked)) == (Status.FAILED, ["/etc/modprobe.d/no.conf:1"])
    built = virtio_net_driver_present(facts({f"{MODULES}/modules.builtin": "kernel/drivers/net/virtio_net.ko\n"}))
    assert built.status is Status.OK
    out = text(CONFIG).replace("CONFIG_VIRTIO_NET=m", "# CONFIG_VIRTIO_NET is not set")
    change = {CONFIG: out, f"{MODULES}/kernel/drivers/net/virtio_net.ko": None}
    assert virtio_net_driver_present(facts(change)).status is Status.FAILED
    # the package reinstalled
    assert virtio_net_driver_present(facts()).status is Status.OK


def second_kernel(*names: str) -> dict[str, str | bytes]:
    present = dict.fromkeys(names, "drivers/virtio")
    top = f"/usr/lib/modules/{OLD}"
    return {
        f"/boot/vmlinuz-{OLD}": bzimage(OLD),
        f"/boot/initrd.img-{OLD}": initramfs(OLD, present),
        f"{top}/modules.dep": "kernel/drivers/net/virtio_net.ko:\n",
        f"{top}/kernel/drivers/net/virtio_net.ko": elf(),
    }


def test_other_kernels_are_a_warning() -> None:
    whole = second_kernel("virtio", "virtio_ring", "virtio_pci", "virtio_blk")
    assert virtio_in_every_kernel(facts(whole)).status is Status.OK
    lacking = virtio_in_every_kernel(facts(second_kernel("virtio")))
    assert (lacking.status, places(lacking)) == (Status.WARNING, [f"/boot/initrd.img-{OLD}"])
    assert OLD in lacking.message
    # the kernel removed
    with pytest.raises(NotApplicable):
        virtio_in_every_kernel(facts({f"{MODULES}/x": ""}))
    assert virtio_disk_driver_boots(facts(second_kernel("virtio"))).status is Status.OK


def test_only_the_newest_of_many_kernels_are_looked_at() -> None:
    many = {f"/boot/vmlinuz-5.10.0-{number}": bzimage(f"5.10.0-{number}") for number in (9, 10, 11, 12, 13)}
    many["/boot/vmlinuz-9-rescue-1"] = bzimage("5.10.0-13")
    others = facts(many)[OtherDrivers]
    assert [kernel.version for kernel in others.kernels] == ["5.10.0-13", "5.10.0-12", "5.10.0-11"]
    assert others.left_out == ("5.10.0-10", "5.10.0-9")


def test_unknown_is_never_ok() -> None:
    reason = UnknownFact("no root file system")
    for rule in RULES:
        verdict = rule(Facts({DefaultDrivers: reason, OtherDrivers: reason}))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_the_golden_guest_has_what_these_tests_change() -> None:
    assert {INITRD, CONFIG, f"{MODULES}/modules.builtin"} <= GOLDEN.keys()
