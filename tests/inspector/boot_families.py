"""Guests of several distributions in memory, as far as they boot: menus, kernels, initial RAM disks, modules.

Layout and texts are what the distribution's own tools write, shortened. No boot code lies on these disks.
"""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from msgspec.structs import replace as changed

from fixtures.files import Files, Link, Node
from fixtures.initramfs import COMPRESSORS, cpio
from fixtures.kernel import bzimage, elf, module
from inspector.collectors import COLLECTORS
from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.mounts import find_guest
from tests.volumes import storage_of, volume_of

BOOT_UUID = "b0000000-0000-4000-8000-000000000001"
ROOT_UUID = "a0000000-0000-4000-8000-000000000002"
ESP_UUID = "ABCD-1234"
ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
DRIVERS = {"virtio_blk": "drivers/block", "virtio_pci": "drivers/virtio", "virtio": "drivers/virtio",
           "virtio_ring": "drivers/virtio", "virtio_net": "drivers/net"}  # fmt: skip
SUFFIXES: dict[str, Callable[[bytes], bytes]] = {
    ".ko": bytes,
    ".ko.xz": lzma.compress,
    ".ko.gz": gzip.compress,
    ".ko.zst": COMPRESSORS["zstd"],
}


@dataclass(frozen=True)
class Family:
    """A guest: the files of its root, of /boot and of the ESP (empty: there is none), and where it is mounted.

    `config` is the guest path of the file in which its menu or entry stands.
    """

    config: str
    version: str
    root: Files
    boot: Files
    esp: Files
    boot_type: str = "ext4"
    root_type: str = "ext4"
    esp_at: str = "/boot/efi"

    def changed(self, volume: str, change: Mapping[str, Node | None]) -> Family:
        """Return it with files of `root`, `boot` or `esp` changed, or taken away (None)."""
        files: Files = getattr(self, volume)
        assert all(path in files or node is not None for path, node in change.items())
        made: Files = {path: node for path, node in {**files, **change}.items() if node is not None}
        match volume:
            case "root":
                return replace(self, root=made)
            case "boot":
                return replace(self, boot=made)
        return replace(self, esp=made)

    def edited(self, volume: str, path: str, old: str, new: str) -> Family:
        """Return it with a text in a file of `volume` replaced."""
        text = getattr(self, volume)[path]
        assert isinstance(text, str)
        assert old in text
        return self.changed(volume, {path: text.replace(old, new)})

    def facts(self) -> Facts:
        """Return the facts of this guest."""
        volumes: list[Volume] = []
        lines = [f"UUID={ROOT_UUID} / {self.root_type} defaults 0 1"]
        if self.boot:
            volumes.append(volume_of(self.boot, 1, self.boot_type, uuid=BOOT_UUID))
            lines.append(f"UUID={BOOT_UUID} /boot {self.boot_type} defaults 0 2")
        if self.esp:
            esp = volume_of(self.esp, 3, "vfat", uuid=ESP_UUID)
            assert esp.partition is not None
            esp.partition = changed(esp.partition, type=ESP_TYPE)
            volumes.append(esp)
            lines.append(f"UUID={ESP_UUID} {self.esp_at} vfat defaults 0 2")
        root: Files = {**self.root, "/etc/fstab": "\n".join(lines) + "\n"}
        volumes.append(volume_of(root, 2, self.root_type, uuid=ROOT_UUID))
        storage = storage_of(*volumes)
        return Facts({Storage: storage, Guest: find_guest(storage)}, COLLECTORS)


def ram_disk(version: str, suffix: str, compression: str, *more: str, top: str = "usr/lib/modules") -> bytes:
    """An initial RAM disk with modules named as the distribution compresses them."""
    pack = SUFFIXES[suffix]
    names = {**DRIVERS, **dict.fromkeys(more, "fs")}
    files = {"init": b"#!/bin/sh\n", "usr/sbin/modprobe": elf()}
    files |= {
        f"{top}/{version}/kernel/{folder}/{name}{suffix}": pack(module(name, version)) for name, folder in names.items()
    }
    return COMPRESSORS[compression](cpio(files))


def modules(version: str, suffix: str, *more: str, top: str = "/usr/lib/modules") -> Files:
    """The directory of modules on the root."""
    names = {**DRIVERS, **dict.fromkeys(more, "fs")}
    lines = [f"kernel/{folder}/{name}{suffix}:" for name, folder in names.items()]
    found: dict[str, Node] = {
        f"{top}/{version}/modules.dep": "\n".join(lines) + "\n",
        f"{top}/{version}/modules.builtin": "",
    }
    return found | {f"{top}/{version}/{line[:-1]}": b"x" for line in lines}


def system(release: str) -> Files:
    """What every root has."""
    return {"/etc/os-release": release, "/usr/lib/systemd/systemd": elf(), "/sbin/init": elf(), "/lib": Link("usr/lib")}


V6 = "2.6.32-754.el6.x86_64"
CENTOS6 = Family(
    "/boot/grub/grub.conf",
    V6,
    {"/etc/redhat-release": "CentOS release 6.10 (Final)\n", "/sbin/init": elf(),
     **modules(V6, ".ko", "ext4", top="/lib/modules")},
    {
        "/grub/grub.conf": f"""\
# grub.conf generated by anaconda
#boot=/dev/sda
default=0
timeout=5
splashimage=(hd0,0)/grub/splash.xpm.gz
hiddenmenu
title CentOS ({V6})
\troot (hd0,0)
\tkernel /vmlinuz-{V6} ro root=UUID={ROOT_UUID} rd_NO_LUKS crashkernel=auto rhgb quiet
\tinitrd /initramfs-{V6}.img
""",
        "/grub/menu.lst": Link("./grub.conf"),
        f"/vmlinuz-{V6}": bzimage(V6),
        f"/initramfs-{V6}.img": ram_disk(V6, ".ko", "gzip", "ext4", top="lib/modules"),
    },
    {},
)  # fmt: skip

V7 = "3.10.0-1160.el7.x86_64"
CENTOS7 = Family(
    "/boot/grub2/grub.cfg",
    V7,
    {**system('NAME="CentOS Linux"\nVERSION_ID="7"\nID="centos"\n'), **modules(V7, ".ko.xz", "xfs")},
    {
        "/grub2/grub.cfg": f"""\
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${{next_entry}}" ] ; then
   set default="${{next_entry}}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${{saved_entry}}"
fi
set timeout=5
menuentry 'CentOS Linux ({V7}) 7 (Core)' --class centos --unrestricted $menuentry_id_option 'gnulinux-{V7}-advanced' {{
\tload_video
\tset gfxpayload=keep
\tinsmod gzio
\tinsmod xfs
\tset root='hd0,msdos1'
\tsearch --no-floppy --fs-uuid --set=root --hint-bios=hd0,msdos1 {BOOT_UUID}
\tlinux16 /vmlinuz-{V7} root=UUID={ROOT_UUID} ro crashkernel=auto console=ttyS0 net.ifnames=0
\tinitrd16 /initramfs-{V7}.img
}}
""",
        "/grub2/grubenv": f"# GRUB Environment Block\nsaved_entry=CentOS Linux ({V7}) 7 (Core)\n".ljust(1024, "#"),
        f"/vmlinuz-{V7}": bzimage(V7),
        f"/initramfs-{V7}.img": ram_disk(V7, ".ko.xz", "gzip", "xfs"),
    },
    {},
    "xfs",
    "xfs",
)

BLS_CFG = f"""\
if [ -f ${{config_directory}}/grubenv ]; then
  load_env -f ${{config_directory}}/grubenv
elif [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${{next_entry}}" ] ; then
   set default="${{next_entry}}"
else
   set default="${{saved_entry}}"
fi
set timeout=5
insmod increment
if [ -n "${{boot_counter}}" -a "${{boot_success}}" = "0" ]; then
  if  [ "${{boot_counter}}" = "0" -o "${{boot_counter}}" = "-1" ]; then
    set default=1
    set boot_counter=-1
  else
    decrement boot_counter
  fi
  save_env boot_counter
fi
search --no-floppy --fs-uuid --set=root {BOOT_UUID}
if [ -z "${{kernelopts}}" ]; then
  set kernelopts="root=UUID={ROOT_UUID} ro crashkernel=auto "
fi
insmod blscfg
blscfg
if [ "${{menu_auto_hide}}" -a "${{boot_success}}" = "1" ]; then
  set timeout_style=hidden
  set timeout=1
fi
"""
MACHINE = "0f3a5b6c0f3a5b6c0f3a5b6c0f3a5b6c"


def red_hat(release: str, version: str, old: str, options: str, variables: str, kind: str, esp: Files) -> Family:
    """A guest that boots with blscfg; its older kernel is not the default."""
    boot: dict[str, Node] = {
        "/grub2/grub.cfg": BLS_CFG,
        "/grub2/grubenv": f"# GRUB Environment Block\nsaved_entry={MACHINE}-{version}\n{variables}".ljust(1024, "#"),
    }
    for one in (version, old):
        boot[f"/vmlinuz-{one}"] = bzimage(one)
        boot[f"/initramfs-{one}.img"] = ram_disk(one, ".ko.xz", "zstd" if "fc" in one else "gzip", kind)
        boot[f"/loader/entries/{MACHINE}-{one}.conf"] = (
            f"title {one}\nversion {one}\nlinux /vmlinuz-{one}\ninitrd /initramfs-{one}.img $tuned_initrd\n"
            f"options {options}\ngrub_users $grub_users\ngrub_arg --unrestricted\ngrub_class kernel\n"
        )
    return Family(
        f"/boot/loader/entries/{MACHINE}-{version}.conf",
        version,
        {**system(release), **modules(version, ".ko.xz", kind), **modules(old, ".ko.xz", kind)},
        boot,
        esp,
        kind,
        kind,
    )


STUB: Files = {
    "/EFI/redhat/grub.cfg": f"search --no-floppy --fs-uuid --set=dev {BOOT_UUID}\nset prefix=($dev)/grub2\n"
    "export $prefix\nconfigfile $prefix/grub.cfg\n"
}
RHEL8 = red_hat(
    'NAME="Red Hat Enterprise Linux"\nID="rhel"\nVERSION_ID="8.10"\n',
    "4.18.0-553.el8_10.x86_64",
    "4.18.0-80.el8.x86_64",
    "$kernelopts $tuned_params",
    f"kernelopts=root=UUID={ROOT_UUID} ro crashkernel=auto console=ttyS0\ntuned_params=skew_tick=1\nboot_success=0\n",
    "xfs",
    {},
)
RHEL9 = red_hat(
    'NAME="Red Hat Enterprise Linux"\nID="rhel"\nVERSION_ID="9.5"\n',
    "5.14.0-503.11.1.el9_5.x86_64",
    "5.14.0-70.el9.x86_64",
    f"root=UUID={ROOT_UUID} ro console=ttyS0 $tuned_params",
    "boot_success=1\n",
    "xfs",
    STUB,
)
FEDORA = red_hat(
    "NAME=Fedora Linux\nID=fedora\nVERSION_ID=43\n",
    "6.17.1-300.fc43.x86_64",
    "6.16.9-200.fc43.x86_64",
    f"root=UUID={ROOT_UUID} ro no_timer_check",
    "menu_auto_hide=1\nboot_success=1\nboot_indeterminate=0\n",
    "ext4",
    STUB,
)

VALPINE = "6.6.31-0-virt"
ALPINE = Family(
    "/boot/extlinux.conf",
    VALPINE,
    {"/etc/os-release": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.0\n', "/sbin/init": Link("/bin/busybox"),
     "/bin/busybox": elf(), **modules(VALPINE, ".ko.gz", "ext4", top="/lib/modules")},
    {
        "/extlinux.conf": f"""\
# Generated by update-extlinux 6.04_pre1-r15
DEFAULT menu.c32
PROMPT 0
MENU TITLE Alpine/Linux Boot Menu
MENU HIDDEN
MENU AUTOBOOT Alpine will be booted automatically in # seconds.
TIMEOUT 30
LABEL virt
  MENU DEFAULT
  MENU LABEL Linux virt
  LINUX vmlinuz-virt
  INITRD initramfs-virt
  APPEND root=UUID={ROOT_UUID} modules=sd-mod,usb-storage,ext4 quiet rootfstype=ext4

MENU SEPARATOR
""",
        "/ldlinux.sys": b"x",
        "/menu.c32": b"x",
        "/vmlinuz-virt": bzimage(VALPINE),
        "/initramfs-virt": ram_disk(VALPINE, ".ko.gz", "gzip", "ext4", top="lib/modules"),
    },
    {},
)  # fmt: skip

VARCH = "6.9.1-arch1-1"
ARCH = Family(
    "/boot/loader/entries/arch.conf",
    VARCH,
    {**system('NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n'), **modules(VARCH, ".ko.zst", "ext4")},
    {},
    {
        "/EFI/systemd/systemd-bootx64.efi": b"x",
        "/loader/loader.conf": "default  arch.conf\ntimeout  4\nconsole-mode max\neditor   no\n",
        "/loader/entries/arch.conf": f"title   Arch Linux\nlinux   /vmlinuz-linux\ninitrd  /initramfs-linux.img\n"
        f"options root=UUID={ROOT_UUID} rw rootfstype=ext4\n",
        "/loader/entries/arch-fallback.conf": "title   Arch Linux (fallback)\nlinux   /vmlinuz-linux\n"
        f"initrd  /initramfs-linux-fallback.img\noptions root=UUID={ROOT_UUID} rw\n",
        "/vmlinuz-linux": bzimage(VARCH),
        "/initramfs-linux.img": ram_disk(VARCH, ".ko.zst", "zstd", "ext4"),
    },
    esp_at="/boot",
)
FAMILIES = {
    "centos-6": CENTOS6, "centos-7": CENTOS7, "rhel-8": RHEL8, "rhel-9": RHEL9, "fedora-43": FEDORA,
    "alpine-3.20": ALPINE, "arch": ARCH,
}  # fmt: skip
