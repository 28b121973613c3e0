"""Menus of loaders that read one file system, and which of several loaders decides."""

from __future__ import annotations

import struct

import pytest
from msgspec.structs import replace

from fixtures.files import Node
from fixtures.kernel import bzimage, elf
from inspector.boot.uefi import uefi_chain
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig, DefaultKernel
from inspector.facts.drivers import DefaultDrivers
from inspector.facts.platform import BootChain, BootModes, ChainState, Loader
from inspector.guest import Guest
from inspector.rules.grub import grub_config_exists, grub_menus_agree, grub_root_resolves
from inspector.verdict import Evidence, NotApplicable, Status
from parsers.boot.menu import LoadedFile
from parsers.place import Place
from tests.inspector.boot_families import ALPINE, ARCH, CENTOS6, RHEL9, ROOT_UUID, VARCH, Family, ram_disk
from tests.volumes import disk_of, volume_of

DPS_ROOT = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"


def program(*sections: tuple[str, bytes]) -> bytes:
    """An EFI application for x86-64 with these sections."""
    start, at = 64, 64 + 24 + 240 + 40 * len(sections)
    optional = bytearray(240)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<H", optional, 68, 10)
    table = body = b""
    for name, content in sections:
        where = at + len(body)
        table += name.encode().ljust(8, b"\0") + struct.pack(
            "<IIIIIIHHI", len(content), 0, len(content), where, 0, 0, 0, 0, 0
        )
        body += content
    head = b"MZ" + bytes(58) + struct.pack("<I", start)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, 240, 0x206)
    return head + coff + bytes(optional) + table + body


SYSTEMD_BOOT = program((".text", b"x"), (".sdmagic", b"#### LoaderInfo: systemd-boot 255.4-1 ####\0"))
GRUB = program((".text", b"x"), ("mods", b"x"))
SHIM = program((".text", b"x"), (".vendor_cert", b"x"))
UKI = program(
    (".osrel", b"ID=arch\nPRETTY_NAME='Arch Linux'\n"), (".uname", VARCH.encode()),
    (".cmdline", f"root=UUID={ROOT_UUID} rw".encode()), (".linux", bzimage(VARCH)),
    (".initrd", ram_disk(VARCH, ".ko.zst", "zstd", "ext4")),
)  # fmt: skip
LINES = {"/EFI/systemd/systemd-bootx64.efi", "/loader/loader.conf"}
ONLY_UKI = ARCH.changed("esp", {**{path: None for path in ARCH.esp if path not in LINES}, "/EFI/Linux/arch.efi": UKI})


def deciding(family: Family, bios: Loader | None, uefi: Loader | None) -> Facts:
    """The facts of a guest with complete chains to these loaders."""
    made = family.facts()

    def chain(loader: Loader | None) -> BootChain:
        seen = (Evidence(Place("disk.raw", offset=0), "boot code"),)
        return BootChain(ChainState.COMPLETE if loader else ChainState.ABSENT, "a chain", seen, loader)

    return Facts(
        {Storage: made[Storage], Guest: made[Guest], BootModes: BootModes(chain(bios), chain(uefi))}, COLLECTORS
    )


@pytest.mark.parametrize(
    ("files", "loader"),
    [
        ({"/EFI/BOOT/BOOTX64.EFI": SYSTEMD_BOOT}, Loader.SYSTEMD_BOOT),
        ({"/EFI/BOOT/BOOTX64.EFI": GRUB, "/EFI/systemd/systemd-bootx64.efi": SYSTEMD_BOOT}, Loader.GRUB2),
        ({"/EFI/BOOT/BOOTX64.EFI": UKI}, Loader.UKI),
        (
            {"/EFI/BOOT/BOOTX64.EFI": SHIM, "/EFI/fedora/shimx64.efi": SHIM, "/EFI/fedora/grubx64.efi": GRUB},
            Loader.GRUB2,
        ),
        ({"/EFI/a/grubx64.efi": GRUB, "/EFI/systemd/systemd-bootx64.efi": SYSTEMD_BOOT}, None),
        ({"/EFI/BOOT/BOOTX64.EFI": program((".text", b"x"))}, None),
    ],
)
def test_a_loader_is_told_by_its_sections(files: dict[str, Node], loader: Loader | None) -> None:
    volume = volume_of(files, 1, "vfat")
    assert volume.partition
    volume.partition = replace(volume.partition, type="0xef")
    chain, _ = uefi_chain(disk_of(volume))
    assert (chain.state, chain.loader) == (ChainState.COMPLETE, loader)


LEGACY = "default 0\ntimeout 5\ntitle old\nroot (hd0,0)\nkernel /vmlinuz-0 root=LABEL=old\n"
BOTH = RHEL9.changed("boot", {"/grub/menu.lst": LEGACY})


def test_the_boot_code_tells_which_of_two_loaders_decides() -> None:
    grub2 = deciding(BOTH, Loader.GRUB2, None)
    assert grub2[BootConfig].menu.loader == Loader.GRUB2
    assert [menu.loader for menu in grub2[BootConfig].rivals] == [Loader.GRUB2, Loader.GRUB2]  # the stub, and /boot
    assert grub_menus_agree(grub2).status is Status.OK
    legacy = deciding(BOTH, Loader.GRUB_LEGACY, None)
    assert legacy[BootConfig].menu.loader == Loader.GRUB_LEGACY
    with pytest.raises(NotApplicable):
        grub_menus_agree(legacy)
    verdict = grub_config_exists(legacy)
    assert verdict.status is Status.OK
    assert "a chain" in verdict.evidence[-1].seen


def test_where_nothing_tells_it_the_menus_must_agree() -> None:
    facts = deciding(BOTH, None, None)
    assert facts[BootConfig].decided is None
    assert grub_menus_agree(facts).status is Status.WARNING


def test_a_loader_without_a_menu_boots_nothing_whatever_others_have() -> None:
    facts = deciding(ALPINE, Loader.GRUB2, None)
    verdict = grub_config_exists(facts)
    assert verdict.status is Status.FAILED
    assert verdict.message == "GRUB 2 decides, but has no configuration"
    assert {"disk.raw", "/boot/extlinux.conf"} == {evidence.place.path for evidence in verdict.evidence}
    with pytest.raises(UnknownFact, match="no configuration of GRUB 2, which decides, was found"):
        _ = facts[BootConfig].menu


def test_old_boot_sectors_of_grub_2_pass_for_those_of_grub_legacy() -> None:
    facts = deciding(RHEL9, Loader.GRUB_LEGACY, None)
    assert (facts[BootConfig].decided, facts[BootConfig].menu.loader) == (None, Loader.GRUB2)


def test_of_two_modes_that_of_a_bios_decides() -> None:
    assert deciding(BOTH, Loader.GRUB_LEGACY, Loader.GRUB2)[BootConfig].menu.loader == Loader.GRUB_LEGACY


def test_a_unified_kernel_image_is_an_entry_of_systemd_boot() -> None:
    facts = ONLY_UKI.edited("esp", "/loader/loader.conf", "default  arch.conf\n", "").facts()
    kernel = facts[DefaultKernel]
    assert (kernel.version, kernel.entry, kernel.value("root")) == (VARCH, "Arch Linux", f"UUID={ROOT_UUID}")
    assert (kernel.image.path, kernel.image.section) == ("/boot/EFI/Linux/arch.efi", ".linux")
    assert [(file.path, file.section) for file in kernel.initramfs] == [("/boot/EFI/Linux/arch.efi", ".initrd")]
    assert kernel.header is not None
    drivers = facts[DefaultDrivers].kernel
    assert drivers.unread == ()
    assert drivers.get("virtio_blk").initramfs is not None
    assert kernel.place.key == ".cmdline"


def test_a_unified_kernel_image_that_the_firmware_starts() -> None:
    family = ARCH.changed("esp", {**dict.fromkeys(ARCH.esp), "/EFI/BOOT/BOOTX64.EFI": UKI})
    facts = deciding(family, None, Loader.UKI)
    assert facts[BootConfig].menu.loader == Loader.UKI
    assert facts[DefaultKernel].version == VARCH
    assert grub_config_exists(facts).status is Status.OK


def test_a_broken_image_is_no_entry() -> None:
    family = ONLY_UKI.changed("esp", {"/EFI/Linux/arch.efi": UKI[:3000]})
    menu = family.facts()[BootConfig].menus[0]
    assert (menu.loader, menu.entries) == (Loader.SYSTEMD_BOOT, ())
    assert [problem.place.path for problem in menu.problems] == ["/boot/EFI/Linux/arch.efi"]


def test_entries_on_a_partition_of_their_own() -> None:
    extended = volume_of(
        {"/loader/entries/x.conf": "title x\nlinux /k\noptions root=LABEL=x\n", "/k": bzimage("6.0")},
        5,
        "vfat",
        uuid="X",
    )
    assert extended.partition
    extended.partition = replace(extended.partition, type="bc13c2ff-59e6-4262-a352-b275fd6f7172")
    made = ARCH.changed("esp", {path: None for path in ARCH.esp if "entries" in path}).facts()
    disk = made[Storage].system_disk
    volumes = (*disk.volumes, extended)
    storage = Storage((disk_of(*volumes),), volumes)
    menu = Facts({Storage: storage, Guest: made[Guest]}, COLLECTORS)[BootConfig].menus[0]
    assert [(entry.id, entry.linux.device if entry.linux else None) for entry in menu.entries] == [("x.conf", "sda5")]


def test_a_root_without_root_may_be_found_by_its_type() -> None:
    family = ARCH.edited("esp", "/loader/entries/arch.conf", f"root=UUID={ROOT_UUID} ", "")
    facts = family.facts()
    assert grub_root_resolves(facts).status is Status.FAILED
    root = facts[Guest].mount_of("/").volume
    assert root is not None
    assert root.partition is not None
    root.partition = replace(root.partition, type=DPS_ROOT)
    verdict = grub_root_resolves(facts)
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_u_boot_goes_on_with_the_first_label() -> None:
    plain = ALPINE.changed("boot", {"/extlinux.conf": "label a\nlinux /vmlinuz-virt\nappend root=LABEL=x\n"})
    assert plain.facts()[BootConfig].menu.entry is None
    arm = plain.changed("root", {"/bin/busybox": elf(machine=183)})
    entry = arm.facts()[BootConfig].menu.entry
    assert entry is not None
    assert entry.linux is not None
    assert entry.linux.path == "/vmlinuz-virt"


def test_the_first_disk_of_grub_legacy_is_the_first_of_the_machine() -> None:
    menu = CENTOS6.facts()[BootConfig].menu
    assert menu.entry is not None
    assert isinstance(menu.entry.linux, LoadedFile)
    assert menu.entry.linux.device == "sda1"
    uuid = CENTOS6.edited("boot", "/grub/grub.conf", "root (hd0,0)", "uuid b0000000-0000-4000-8000-000000000001")
    entry = uuid.facts()[BootConfig].menu.entry
    assert entry is not None
    assert entry.linux is not None
    assert (entry.linux.device, [search.device for search in entry.searches]) == ("sda1", ["sda1"])
    gone = CENTOS6.edited("boot", "/grub/grub.conf", "root (hd0,0)", "uuid dead").facts()
    lost = gone[BootConfig].menu.entry
    assert lost is not None
    assert [search.device for search in lost.searches] == [None]


def test_the_saved_entry_of_grub_legacy_stands_beside_it() -> None:
    text = CENTOS6.boot["/grub/grub.conf"]
    assert isinstance(text, str)
    saved = CENTOS6.changed(
        "boot", {"/grub/grub.conf": text.replace("default=0", "default saved") + LEGACY[20:], "/grub/default": "1\n#\n"}
    )
    entry = saved.facts()[BootConfig].menu.entry
    assert entry is not None
    assert entry.title == "old"


def test_syslinux_without_the_program_of_its_menu_boots_nothing() -> None:
    menu = "/menu.c32"
    (found,) = ALPINE.changed("boot", {menu: None}).facts()[BootConfig].menus
    assert [str(item.place) for item in found.unmet] == ["/boot/extlinux.conf:2"]
    assert ALPINE.facts()[BootConfig].menus[0].unmet == ()
    named = ALPINE.edited("boot", "/extlinux.conf", "DEFAULT menu.c32", "PATH /lib\nDEFAULT menu.c32")
    assert named.changed("boot", {menu: None}).facts()[BootConfig].menus[0].unmet == ()  # sought elsewhere, too
