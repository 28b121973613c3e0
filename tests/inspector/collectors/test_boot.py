from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from fixtures.golden import KERNEL, ROOT_UUID
from fixtures.kernel import bzimage
from inspector.collectors import COLLECTORS
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig, DefaultKernel, Kernels
from inspector.facts.platform import BootChain, BootModes, ChainState, Loader
from inspector.guest import Guest
from inspector.mounts import find_guest
from inspector.verdict import Evidence
from parsers.boot.grubenv import BLOCK_SIZE, SIGNATURE
from parsers.place import Place
from tests.inspector.boots import CFG, INITRD, MODULES, SETTINGS, VMLINUZ, changed, facts, text
from tests.memory_tree import Files, Link
from tests.volumes import storage_of, volume_of

BOOT_UUID = "0b0b0b0b-0000-4000-8000-000000000002"
MENU = f"""\
if [ -s $prefix/grubenv ]; then
  load_env
fi
set default="${{saved_entry}}"
menuentry new {{
  search --no-floppy --fs-uuid --set=root {BOOT_UUID.upper()}
  linux /vmlinuz-2 root=UUID={ROOT_UUID} ro a=1 a=2 b-c=3 quiet
  initrd /initrd.img-2
}}
menuentry old --id old {{
  search --no-floppy --fs-uuid --set=root {BOOT_UUID}
  linux /vmlinuz root=UUID={ROOT_UUID} ro
  initrd /early.img /initrd.img-1
}}
"""
BOOT: Files = {
    "/grub/grub.cfg": MENU,
    "/vmlinuz-1": bzimage("5.10.0-1"),
    "/vmlinuz-2": bzimage("6.1.0-2"),
    "/vmlinuz": Link("vmlinuz-1"),
    "/initrd.img-1": "x",
    "/early.img": "x",
}


def separate(fstab: str, boot: Files) -> Facts:
    """A guest with /boot on a partition of its own."""
    root: Files = {
        "/etc/os-release": "ID=debian\n",
        "/etc/fstab": f"UUID={ROOT_UUID} / ext4 defaults 0 1\n{fstab}",
        "/boot/vmlinuz-2": "hidden by the mount",
        "/boot/grub/grub.cfg": "menuentry hidden { linux /boot/vmlinuz-9; }\n",
    }
    disk = storage_of(volume_of(boot, 1, uuid=BOOT_UUID), volume_of(root, 2, uuid=ROOT_UUID))
    return Facts({Storage: disk, Guest: find_guest(disk)}, COLLECTORS)


def grubenv(**variables: str) -> str:
    text = SIGNATURE + "".join(f"{name}={value}\n" for name, value in variables.items())
    return text.ljust(BLOCK_SIZE, "#")


MOUNTED = f"UUID={BOOT_UUID} /boot ext4 defaults 0 2\n"


def test_paths_on_a_boot_partition_become_guest_paths() -> None:
    kernel = separate(MOUNTED, BOOT)[DefaultKernel]
    assert (kernel.version, kernel.entry) == ("6.1.0-2", "new")
    assert (kernel.image.path, kernel.image.volume, kernel.image.exists) == ("/boot/vmlinuz-2", "sda1", True)
    assert [(file.path, file.exists) for file in kernel.initramfs] == [("/boot/initrd.img-2", False)]
    assert kernel.place == Place(CFG, 7)
    assert (kernel.value("a"), kernel.value("b_c"), kernel.value("none")) == ("2", "3", None)
    assert kernel.values("a") == ("1", "2")
    assert (kernel.has("quiet"), kernel.has("a")) == (True, False)


def test_the_saved_entry_is_followed_through_links_of_its_volume() -> None:
    kernel = separate(MOUNTED, {**BOOT, "/grub/grubenv": grubenv(saved_entry="old")})[DefaultKernel]
    assert (kernel.version, kernel.entry) == ("5.10.0-1", "old")
    assert [file.path for file in kernel.initramfs] == ["/boot/early.img", "/boot/initrd.img-1"]
    assert kernel.menu is not None
    assert kernel.menu.default.place == Place("/boot/grub/grubenv", 2)


def test_a_boot_partition_that_the_guest_does_not_mount_is_read_all_the_same() -> None:
    # GRUB on the root file system leads to it
    root: Files = {
        "/etc/os-release": "ID=debian\n",
        "/etc/fstab": f"UUID={ROOT_UUID} / ext4 defaults 0 1\n",
        "/boot/grub/grub.cfg": MENU,
    }
    disk = storage_of(volume_of(BOOT, 1, uuid=BOOT_UUID), volume_of(root, 2, uuid=ROOT_UUID))
    kernel = Facts({Storage: disk, Guest: find_guest(disk)}, COLLECTORS)[DefaultKernel]
    assert (kernel.version, kernel.image.exists, kernel.image.mounted) == ("6.1.0-2", True, False)
    assert kernel.image.file_place == Place("/vmlinuz-2", volume="sda1")


def test_devices_by_bios_number_and_those_that_are_not_there() -> None:
    known = changed(CFG, f"search --no-floppy --fs-uuid --set=root {ROOT_UUID}", "set root='hd0,msdos1'")
    assert facts(known)[DefaultKernel].image.volume == "sda1"
    gone = changed(CFG, f"search --no-floppy --fs-uuid --set=root {ROOT_UUID}", "set root='hd1,gpt3'")
    image = facts(gone)[DefaultKernel].image
    assert (image.named, image.path, image.exists) == (f"(hd1,gpt3)/boot/vmlinuz-{KERNEL}", None, False)


def test_a_search_that_fails_leaves_grub_on_the_volume_of_its_configuration() -> None:
    change = changed(CFG, f"--set=root {ROOT_UUID}", "--set=root aaaa")
    kernel = facts(change)[DefaultKernel]
    assert (kernel.version, kernel.image.exists) == (KERNEL, True)
    assert kernel.menu is not None
    assert kernel.menu.entry is not None
    assert [search.device for search in kernel.menu.entry.searches] == [None]


def test_settings_of_the_directory_come_after_the_file() -> None:
    more = {
        "/etc/default/grub.d/50.cfg": 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX x"\n',
        "/etc/default/grub.d/a": "A=1",
    }
    settings = facts(more)[BootConfig].settings
    assert settings is not None
    found = settings.get("GRUB_CMDLINE_LINUX")
    assert found is not None
    assert found.value.endswith("ttyS0,115200n8 x")
    assert found.place.path == "/etc/default/grub.d/50.cfg"
    assert settings.get("A") is None
    assert facts({SETTINGS: None})[BootConfig].settings is None


def test_the_version_is_that_of_the_image_and_else_of_its_name() -> None:
    assert facts({VMLINUZ: bzimage("7.0.0-1")})[DefaultKernel].version == "7.0.0-1"
    assert facts({VMLINUZ: b"damaged"})[DefaultKernel].version == KERNEL
    assert facts({VMLINUZ: None})[DefaultKernel].version == KERNEL


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({CFG: None}, "no configuration of a boot loader was found"),
        ({CFG: None, "/etc/lilo.conf": ""}, "is of a boot loader that is not read"),
        ({CFG: "blscfg\n"}, "comes to no menu entries"),
        ({CFG: "set a=1\n"}, "comes to no menu entries"),
        ({CFG: "menuentry a { chainloader +1; }\n"}, "boots no Linux kernel"),
        ({CFG: "submenu a { true; }\n"}, "is not there"),
    ],
)
def test_what_is_not_known_has_its_reason(change: dict[str, str | None], reason: str) -> None:
    with pytest.raises(UnknownFact, match=reason) as caught:
        facts(change)[DefaultKernel]
    assert caught.value.places


def test_a_broken_file_system_is_unknown() -> None:
    made = facts()
    disk = made[Storage]
    volume = disk.volumes[0]
    volume.tree._broken = frozenset({CFG})  # type: ignore[union-attr]  # the tree in memory
    with pytest.raises(UnknownFact, match="broken on purpose"):
        Facts({Storage: disk, Guest: find_guest(disk)}, COLLECTORS)[BootConfig]


@pytest.mark.parametrize(
    ("loader", "sought"),
    [(Loader.GRUB2, CFG), (Loader.GRUB_LEGACY, "/boot/grub/grub.conf"), (None, CFG)],
)
def test_a_menu_is_sought_where_the_loader_reads_it(loader: Loader | None, sought: str) -> None:
    made = facts({CFG: None})
    seen = (Evidence(Place("disk.raw"), "x"),)
    modes = BootModes(BootChain(ChainState.COMPLETE, "x", seen, loader), BootChain(ChainState.ABSENT, "absent", seen))
    boot = Facts({Storage: made[Storage], Guest: made[Guest], BootModes: modes}, COLLECTORS)[BootConfig]
    assert (boot.menus, boot.sought[0].path) == ((), sought)


@pytest.mark.parametrize(("state", "first"), [("absent", "bios"), ("complete", "uefi")])
def test_uefi_goes_first_where_only_uefi_starts(state: str, first: str) -> None:
    stub = volume_of({"/EFI/debian/grub.cfg": "menuentry efi { linux /vmlinuz-5 x; }\n"}, 2, "vfat", uuid="AAAA-BBBB")
    assert stub.partition is not None
    stub.partition = replace(stub.partition, type="0xef")
    made = facts({}, stub)
    seen = (Evidence(Place("disk.raw"), state),)
    absent = BootChain(ChainState.ABSENT, "absent", seen)
    modes = BootModes(absent, BootChain(ChainState(state), state, seen))
    given = Facts({Storage: made[Storage], Guest: made[Guest], BootModes: modes}, COLLECTORS)
    menus = {menu.firmware: menu.start.path for menu in given[BootConfig].menus}
    assert menus == {"bios": CFG, "uefi": "/EFI/debian/grub.cfg"}
    assert next(iter(menus)) == first
    assert (given[DefaultKernel].place.path == CFG) == (first == "bios")


def test_kernels_and_what_belongs_to_them() -> None:
    found = facts({
        "/boot/vmlinuz-6.1.0-9-amd64": "k",
        "/boot/initramfs-6.1.0-9-amd64.img": "i",
        "/usr/lib/modules/5.10.0-1/modules.dep": "",
        "/usr/lib/modules/empty/x": "",
    })[Kernels]  # fmt: skip
    assert [kernel.version for kernel in found.installed] == ["5.10.0-1", "6.1.0-9-amd64", KERNEL]
    default = found.get(KERNEL)
    assert default is not None
    assert (default.image, default.initramfs, default.modules) == (VMLINUZ, INITRD, MODULES)
    assert default.config == f"/boot/config-{KERNEL}"
    other = found.get("6.1.0-9-amd64")
    assert other is not None
    assert (other.initramfs, other.modules, other.config) == ("/boot/initramfs-6.1.0-9-amd64.img", None, None)
    assert found.get("none") is None


def test_damaged_configurations_are_known_or_unknown_and_nothing_else() -> None:
    chance = random.Random(17)
    pieces = [
        "",
        "{",
        "}",
        "'",
        '"',
        "$",
        "/",
        "(sda1)",
        "(sda9)/x",
        "..",
        "\0",
        ";",
        "\n",
        " /boot",
        "source ",
        "\udcff",
    ]
    for _ in range(120):
        characters = list(text(CFG))
        for _ in range(chance.randrange(1, 30)):
            at = chance.randrange(len(characters))
            characters[at : at + chance.randrange(8)] = chance.choice(pieces)
        made = facts({CFG: "".join(characters)})
        try:
            assert made[DefaultKernel].image.named
        except UnknownFact as unknown:
            assert unknown.reason  # noqa: PT017 - either outcome is good


@pytest.mark.parametrize(
    ("line", "exists"),
    [
        ("linux /boot x", False),
        ("linux /../../../etc/passwd x", True),  # the guest's own
        (f"linux /{'x' * 5000} y", False),
        ("linux (sda9)/vmlinuz x", False),
        ("linux (hd0)/vmlinuz x", False),
        ("linux /etc/passwd/below x", False),
        ("source /boot; linux /vmlinuz x", True),
        ("configfile /boot/grub/grub.cfg; linux /nothing x", False),
    ],
)
def test_odd_paths_lead_nowhere_else(line: str, exists: bool) -> None:
    assert facts({CFG: f"menuentry a {{ {line}; }}\n"})[DefaultKernel].image.exists is exists


def test_an_efi_partition_that_is_gone_hides_no_menu_of_the_root() -> None:
    fstab = f"UUID={ROOT_UUID} / ext4 defaults 0 1\nUUID=DEAD-BEEF /boot/efi vfat umask=0077 0 1\n"
    assert facts({"/etc/fstab": fstab})[BootConfig].menus[0].leads_somewhere
    with pytest.raises(UnknownFact, match="/boot/efi is on a device that is not in the image"):
        facts({"/etc/fstab": fstab, CFG: None})[BootConfig]
