from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import cast

import pytest

from fixtures.files import Link, Node
from fixtures.golden import GOLDEN, INITRAMFS_MODULES, KERNEL, ROOT_UUID, golden_initramfs
from fixtures.initramfs import EARLY, cpio, initramfs
from fixtures.kernel import bzimage, elf, module
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Stack, Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel, Kernels
from inspector.facts.drivers import DefaultDrivers
from inspector.guest import Guest, Mount
from inspector.mounts import find_guest
from inspector.rules.kernel import (
    default_kernel_image_is_whole,
    default_kernel_is_complete,
    dracut_devices_exist,
    initramfs_has_init,
    initramfs_holds_the_root_driver,
    initramfs_opens_the_root_volume,
)
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.volume.lvm2 import LogicalVolume, VolumeGroup
from parsers.volume.mdraid import Array
from tests.inspector.boots import (
    CFG,
    INITRD,
    INITRD_LINE,
    LINUX_LINE,
    MODULES,
    OTHER_UUID,
    VMLINUZ,
    arguments,
    changed,
    facts,
)
from tests.volumes import disk_of, storage_of, volume_of


def places(verdict: Verdict) -> list[str]:
    return [f"{e.place.path}:{e.place.line}" if e.place.line else e.place.path for e in verdict.evidence]


def test_the_golden_guest_is_ok() -> None:
    verdict = default_kernel_is_complete(facts())
    assert verdict.status is Status.OK
    assert KERNEL in verdict.message
    assert places(verdict) == [f"{CFG}:{LINUX_LINE}", MODULES]


def test_missing_pieces_are_found_at_their_places() -> None:
    faults: tuple[tuple[dict[str, Node | None], str], ...] = (
        ({VMLINUZ: None}, f"{CFG}:{LINUX_LINE}"),
        ({INITRD: None}, f"{CFG}:{INITRD_LINE}"),
        ({MODULES: None}, MODULES),
        ({VMLINUZ: bzimage("6.1.0-77-other")}, "/usr/lib/modules/6.1.0-77-other"),
    )
    for change, place in faults:
        verdict = default_kernel_is_complete(facts(change))
        assert verdict.status is Status.FAILED, change
        assert place in places(verdict)


def test_an_empty_directory_of_modules_is_none() -> None:
    verdict = default_kernel_is_complete(facts({MODULES: None, f"{MODULES}/note": "x"}))
    assert verdict.status is Status.FAILED


def test_the_advised_fix_makes_it_ok() -> None:
    # the package of the other kernel installed, with its modules
    files: dict[str, Node | None] = {
        VMLINUZ: bzimage("6.1.0-77-other"),
        "/usr/lib/modules/6.1.0-77-other/modules.dep": "",
    }
    assert default_kernel_is_complete(facts(files)).status is Status.OK


def test_a_kernel_without_an_initramfs_or_a_version_is_not_ok() -> None:
    without = default_kernel_is_complete(facts(changed(CFG, f"initrd\t/boot/initrd.img-{KERNEL}", "true")))
    assert without.status is Status.WARNING
    unnamed: dict[str, Node | None] = {
        **changed(CFG, f"/boot/vmlinuz-{KERNEL}", "/boot/k"),
        "/boot/k": b"MZ\0\0zimg" + bytes(999),
    }
    assert default_kernel_is_complete(facts(unnamed)).status is Status.FAILED


def test_unknown_is_never_ok() -> None:
    reason = UnknownFact("no root file system")
    verdict = default_kernel_is_complete(Facts({DefaultKernel: reason, Kernels: reason}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    nothing = default_kernel_is_complete(facts({CFG: None}))
    assert (nothing.status, nothing.known) == (Status.WARNING, False)
    assert CFG in places(nothing)


def test_the_volumes_that_dracut_waits_for() -> None:
    with pytest.raises(NotApplicable):
        dracut_devices_exist(facts())
    change = arguments(f"rd.lvm.lv=vg/root rd.luks.uuid=luks-{OTHER_UUID}")
    missing = dracut_devices_exist(facts(change))
    assert missing.status is Status.FAILED
    assert [item.seen for item in missing.evidence] == ["rd.lvm.lv=vg/root", f"rd.luks.uuid=luks-{OTHER_UUID}"]
    assert set(places(missing)) == {f"{CFG}:{LINUX_LINE}"}
    luks = volume_of(None, 2, "crypto_LUKS", uuid=OTHER_UUID, reason="crypto_LUKS is not read so far")
    unknown = dracut_devices_exist(facts(change, luks))
    assert (unknown.status, unknown.known) == (Status.WARNING, False)
    # the argument of the missing volume taken out
    assert dracut_devices_exist(facts(arguments(f"rd.luks.uuid=luks-{OTHER_UUID}"), luks)).status is Status.OK
    lost = dracut_devices_exist(Facts({DefaultKernel: UnknownFact("no root file system")}))
    assert (lost.status, lost.known) == (Status.WARNING, False)


def test_the_groups_and_arrays_that_dracut_waits_for() -> None:
    digits = "01234567:89abcdef:01234567:89abcdef"
    made = facts(arguments(f"rd.lvm.vg=vg rd.md.uuid={digits}"))
    kernel = made[DefaultKernel]
    disk = storage_of(volume_of(None, 2, "swap"))
    missing = dracut_devices_exist(Facts({DefaultKernel: kernel, Storage: disk}))
    assert [item.seen for item in missing.evidence] == ["rd.lvm.vg=vg", f"rd.md.uuid={digits}"]
    assert missing.status is Status.FAILED
    array = volume_of(None, 3, "ext4")
    array.aliases = frozenset({f"/dev/disk/by-id/md-uuid-{digits}"})
    stack = Stack(groups=(VolumeGroup("vg", "", 1, (), ("sda2",), ()),))
    found = Storage(disk.disks, (*disk.volumes, array), stack)
    there = dracut_devices_exist(Facts({DefaultKernel: kernel, Storage: found, Guest: made[Guest]}))
    assert there.status is Status.OK


def on_lvm(more: str) -> Facts:
    """The golden guest, its root on the volume vg/root."""
    kernel = facts(arguments(more) if more else None)[DefaultKernel]
    root = volume_of({"/etc/os-release": ""}, 1)
    root.name, root.members = "vg/root", ("sda1",)
    logical = tuple(LogicalVolume(f"vg/{name}", 1, "", "", "linear", None, None) for name in ("root", "swap"))
    swap = volume_of(None, 3, "swap")
    swap.name = "vg/swap"
    for volume in (root, swap):
        volume.aliases = frozenset({f"/dev/{volume.name}"})
    stack = Stack(groups=(VolumeGroup("vg", "", 1, logical, ("sda1",), ()),))
    storage = Storage((disk_of(volume_of(None, 1)),), (root, swap), stack)
    assert root.tree is not None
    guest = Guest([Mount("/", root, root.tree, root.tree.root)])
    return Facts({DefaultKernel: kernel, Storage: storage, Guest: guest})


@pytest.mark.parametrize(
    "more", ["rd.lvm.lv=vg/swap", "rd.lvm=0", "rd.lvm.lv=vg/root rd.lvm=0", "rd_NO_LVM", "rd_LVM_LV=vg/swap"]
)
def test_a_root_that_dracut_is_not_told_of(more: str) -> None:
    verdict = dracut_devices_exist(on_lvm(more))
    assert (verdict.status, places(verdict)) == (Status.FAILED, [f"{CFG}:{LINUX_LINE}"])
    assert verdict.evidence[0].seen.endswith("leaves out vg/root, which the root lies on")
    # one for each volume that the root lies on
    assert dracut_devices_exist(on_lvm("rd.lvm.lv=vg/root rd.lvm.lv=vg/swap")).status is Status.OK


def test_a_root_that_dracut_finds_by_itself() -> None:
    for more in ("", "rd.md=0 rd_NO_LUKS", "rd.luks=0"):
        with pytest.raises(NotApplicable):
            dracut_devices_exist(on_lvm(more))
    assert dracut_devices_exist(on_lvm("rd.lvm.vg=vg")).status is Status.OK


ARM64 = bytes(0x38) + b"ARM\x64" + bytes(0x8000)


@pytest.mark.parametrize(
    "image",
    [
        b"",
        bytes(24576),
        b"no kernel\n",
        bzimage(KERNEL)[:0x300],
        bzimage(KERNEL)[:0x2200],
        bzimage(KERNEL)[:-1024],
        bzimage(KERNEL, machine=3),
        ARM64,
        elf(bytes(9000)),
        golden_initramfs(),
    ],
)
def test_an_image_that_does_not_start_is_found(image: bytes) -> None:
    assert default_kernel_image_is_whole(facts()).status is Status.OK
    verdict = default_kernel_image_is_whole(facts({VMLINUZ: image}))
    assert verdict.status is Status.FAILED
    assert places(verdict)[0] == VMLINUZ
    # the package reinstalled
    assert default_kernel_image_is_whole(facts({VMLINUZ: bzimage(KERNEL)})).status is Status.OK


def test_an_image_that_is_not_there_is_told_of_by_another_rule() -> None:
    with pytest.raises(NotApplicable):
        default_kernel_image_is_whole(facts({VMLINUZ: None}))


EXT4 = {"ext4": "fs/ext4", "jbd2": "fs/jbd2", "mbcache": "fs", "crc16": "lib"}


def with_ext4_as_module(*names: str, more: dict[str, Node | None] | None = None) -> Facts:
    """A kernel with ext4 as a module, and `names` of its modules in the initial RAM disk."""
    needs = "kernel/lib/crc16.ko kernel/fs/mbcache.ko kernel/fs/jbd2/jbd2.ko"
    listed = "".join(f"kernel/{folder}/{name}.ko: {needs if name == 'ext4' else ''}\n" for name, folder in EXT4.items())
    return facts(
        {
            **changed(
                f"{MODULES}/modules.dep",
                "kernel/drivers/virtio/virtio.ko:",
                f"{listed}kernel/drivers/virtio/virtio.ko:",
            ),
            f"{MODULES}/modules.builtin": "",
            **changed(f"/boot/config-{KERNEL}", "CONFIG_EXT4_FS=y\nCONFIG_JBD2=y", "CONFIG_EXT4_FS=m\nCONFIG_JBD2=m"),
            **{f"{MODULES}/kernel/{folder}/{name}.ko": module(name, KERNEL) for name, folder in EXT4.items()},
            INITRD: initramfs(KERNEL, INITRAMFS_MODULES | {name: EXT4[name] for name in names}),
            **(more or {}),
        }
    )


def test_the_driver_of_the_root_may_be_built_in_or_lie_in_the_initramfs() -> None:
    builtin = initramfs_holds_the_root_driver(facts())
    assert (builtin.status, places(builtin)) == (Status.OK, [f"{MODULES}/modules.builtin:1"])
    loaded = initramfs_holds_the_root_driver(with_ext4_as_module(*EXT4))
    assert (loaded.status, set(places(loaded))) == (Status.OK, {INITRD})


@pytest.mark.parametrize("missing", EXT4)
def test_a_module_that_the_root_needs_is_missed(missing: str) -> None:
    verdict = initramfs_holds_the_root_driver(with_ext4_as_module(*(name for name in EXT4 if name != missing)))
    assert (verdict.status, places(verdict)) == (Status.FAILED, [INITRD])
    assert missing in verdict.message
    # MODULES=most, update-initramfs -u
    assert initramfs_holds_the_root_driver(with_ext4_as_module(*EXT4)).status is Status.OK


def test_arguments_keep_the_driver_of_the_root_away() -> None:
    for argument in ("initcall_blacklist=ext4_init_fs", "module_blacklist=ext4", "blacklist=ext4"):
        verdict = initramfs_holds_the_root_driver(with_ext4_as_module(*EXT4, more=arguments(argument)))
        assert (verdict.status, places(verdict)) == (Status.FAILED, [f"{CFG}:{LINUX_LINE}"])
    # what is part of the kernel is not loaded as a module, but can be kept from starting
    assert initramfs_holds_the_root_driver(facts(arguments("module_blacklist=ext4"))).status is Status.OK
    assert initramfs_holds_the_root_driver(facts(arguments("initcall_blacklist=ext4_init_fs"))).status is Status.FAILED


DRIVERS = INITRAMFS_MODULES | dict.fromkeys(("dm-mod", "dm-mirror", "dm-crypt"), "drivers/md")


def group(kind: str = "linear") -> Stack:
    return Stack(groups=(VolumeGroup("vg", "", 1, (LogicalVolume("sda1", 1, "", "", kind, None, None),), (), ()),))


def array(version: str) -> Stack:
    return Stack(arrays=(cast("Array", SimpleNamespace(name="sda1", level="raid1", members=(), version=version)),))


def stacked(stack: Stack | str, *modules: str, programs: Mapping[str, bytes] = MappingProxyType({})) -> Facts:
    """The golden guest, md in its kernel and `modules` in its initramfs, on a stack or on a member of some type."""
    top = f"usr/lib/modules/{KERNEL}/kernel"
    members = {f"{top}/{DRIVERS[name]}/{name}.ko": module(name, KERNEL) for name in (*INITRAMFS_MODULES, *modules)}
    files: dict[str, Node] = {
        **GOLDEN,
        INITRD: cpio(EARLY) + cpio(dict(sorted({"init": b"#!/bin/sh\n", **members, **programs}.items()))),
        f"{MODULES}/modules.builtin": "".join(f"kernel/{name}.ko\n" for name in ("fs/ext4", "md/md-mod", "md/raid1")),
    }
    root = volume_of(files, uuid=ROOT_UUID)
    root.members = ("sda2",)
    volumes = (root, volume_of(None, 2, stack if isinstance(stack, str) else "unknown"))
    storage = Storage((disk_of(*volumes),), volumes, Stack() if isinstance(stack, str) else stack)
    return Facts({Storage: storage, Guest: find_guest(storage, root.name)}, COLLECTORS)


def test_a_logical_volume_wants_its_drivers_and_lvm_in_the_initramfs() -> None:
    good = initramfs_opens_the_root_volume(stacked(group(), "dm-mod", programs={"usr/sbin/lvm": elf()}))
    assert (good.status, places(good)) == (Status.OK, [INITRD, INITRD])
    for without, lacking in (
        (stacked(group(), programs={"sbin/lvm": elf()}), "dm_mod"),
        (stacked(group(), "dm-mod"), "no lvm"),
        (stacked(group(), "dm-mod", programs={"sbin/lvm": b""}), "empty"),
        (stacked(group(), "dm-mod", programs={"etc/lvm": elf(), "sbin/lvmpolld": elf()}), "no lvm"),
        (stacked(group("mirror"), "dm-mod", programs={"sbin/lvm": elf()}), "dm_mirror"),
    ):
        bad = initramfs_opens_the_root_volume(without)
        assert (bad.status, places(bad)) == (Status.FAILED, [INITRD])
        assert lacking in bad.evidence[0].seen
    # lvm2 installed, update-initramfs -u
    fixed = stacked(group("mirror"), "dm-mod", "dm-mirror", programs={"sbin/lvm": elf()})
    assert initramfs_opens_the_root_volume(fixed).status is Status.OK


def test_an_encrypted_volume_wants_one_of_the_programs_that_open_it() -> None:
    for path in ("sbin/cryptsetup", "usr/bin/systemd-cryptsetup"):
        verdict = initramfs_opens_the_root_volume(stacked("crypto_LUKS", "dm-crypt", "dm-mod", programs={path: elf()}))
        assert (verdict.status, verdict.evidence[-1].seen) == (Status.OK, f"{path} is in the initial RAM disk")
    bad = initramfs_opens_the_root_volume(stacked("crypto_LUKS", "dm-crypt", "dm-mod", programs={"sbin/lvm": elf()}))
    assert (bad.status, places(bad)) == (Status.FAILED, [INITRD])
    assert bad.evidence[0].seen == "no cryptsetup and no systemd-cryptsetup in an initial RAM disk"


def test_an_array_is_assembled_by_mdadm_or_where_it_is_old_by_the_kernel() -> None:
    assert initramfs_opens_the_root_volume(stacked(array("1.2"), programs={"sbin/mdadm": elf()})).status is Status.OK
    lacking = initramfs_opens_the_root_volume(stacked(array("1.2"), programs={"sbin/lvm": elf()}))
    assert (lacking.status, places(lacking)) == (Status.FAILED, [INITRD])
    assert initramfs_opens_the_root_volume(stacked(array("0.90"))).status is Status.OK


def test_what_opens_a_partition_is_not_asked() -> None:
    with pytest.raises(NotApplicable):
        initramfs_opens_the_root_volume(facts())


def ramdisk(*names: str, init: bytes = b"#!/bin/sh\n") -> dict[str, Node | None]:
    return {INITRD: cpio(EARLY) + cpio(dict.fromkeys(names, init) | {"usr/x": b"x"})}


def test_the_initramfs_must_have_an_init() -> None:
    assert initramfs_has_init(facts()).status is Status.OK
    for change in (ramdisk(), ramdisk("init", init=b""), ramdisk("sbin/init")):
        verdict = initramfs_has_init(facts(change))
        assert (verdict.status, places(verdict)) == (Status.FAILED, [INITRD])
    # update-initramfs -u
    assert initramfs_has_init(facts(ramdisk("init"))).status is Status.OK
    with pytest.raises(NotApplicable):
        initramfs_has_init(facts(changed(CFG, f"initrd\t/boot/initrd.img-{KERNEL}", "true")))


@pytest.mark.parametrize(
    ("members", "status", "seen"),
    [
        ({"init": Link("usr/lib/systemd/systemd"), "usr/lib/systemd/systemd": elf()}, Status.OK, "a program"),
        ({"init": Link("/sbin/init"), "sbin": Link("usr/sbin"), "usr/lib/systemd/systemd": elf(),
          "usr/sbin/init": Link("../lib/systemd/systemd")}, Status.OK, "a program"),
        ({"init": Link("bin/systemd")}, Status.FAILED, "a link to bin/systemd, which is not there"),
        ({"init": Link("bin/sh"), "bin/sh": b""}, Status.FAILED, "it is empty"),
        ({"init": Link("opt/start"), "opt/start": elf()}, Status.WARNING, "a link to opt/start"),
        ({"init": Link("bin/a"), "bin/a": Link("b"), "bin/b": Link("a")}, Status.FAILED,
         "a link to bin/a, which is not there"),
    ],
    ids=["systemd", "by-way-of-sbin", "nowhere", "empty", "elsewhere", "loop"],
)  # fmt: skip
def test_an_init_that_is_a_link_leads_to_a_program(members: dict[str, bytes | Link], status: Status, seen: str) -> None:
    verdict = initramfs_has_init(facts({INITRD: cpio(members)}))
    assert (verdict.status, verdict.evidence[-1].seen) == (status, seen)
    assert verdict.known is (status is not Status.WARNING)


def test_what_is_not_known_of_the_kernel_is_never_ok() -> None:
    reason = UnknownFact("no root file system")
    nothing = Facts({DefaultKernel: reason, DefaultDrivers: reason})
    other = arguments("rdinit=/start")
    cut: dict[str, Node | None] = {INITRD: golden_initramfs("lz4")[:4000]}
    for verdict in (
        default_kernel_image_is_whole(nothing),
        initramfs_has_init(nothing),
        initramfs_holds_the_root_driver(nothing),
        initramfs_opens_the_root_volume(nothing),
        initramfs_has_init(facts(other)),
        initramfs_has_init(facts(cut)),
    ):
        assert (verdict.status, verdict.known) == (Status.WARNING, False)
