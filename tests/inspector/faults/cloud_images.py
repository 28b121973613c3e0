"""Faults of the disks that the distributions' cloud images have, each of its own kind of disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from fixtures.disk import BOOT_UUID
from fixtures.families.cloud_images import cloud_image
from fixtures.families.cloud_layout import CloudImage, partition_uuid
from fixtures.files import File, Node
from inspector.verdict import Status

F, W = Status.FAILED, Status.WARNING
_OTHER: Final = "deadbeef-0000-4000-8000-000000000001"
_UKI: Final = "/efi/EFI/Linux/arch-linux.efi"


@dataclass(frozen=True)
class ImageFault:
    """A fault of an image: texts that are replaced, and files that are taken away (None).

    `checks` turn, the fault's own first, which gets `status` for what a rule of it saw at `place`.
    """

    image: str
    name: str
    changes: Mapping[str, tuple[str, str] | None]
    checks: str
    status: Status
    place: str

    def faulty(self) -> CloudImage:
        """Return the image with the fault."""
        image = cloud_image(self.image)
        files = dict(image.files)
        for path, change in self.changes.items():
            node = files.pop(path)
            if change is not None:
                files[path] = _replaced(node, *change)
        return replace(image, files=files)


def _replaced(node: Node, old: str, new: str) -> Node:
    content = node.content if isinstance(node, File) else node
    if not isinstance(content, str | bytes):
        raise TypeError(old)
    data = content.encode() if isinstance(content, str) else content
    assert old.encode() in data, old
    made: str | bytes = data.replace(old.encode(), new.encode())
    if isinstance(content, str) and isinstance(made, bytes):
        made = made.decode()
    return replace(node, content=made) if isinstance(node, File) else made


_STUBS: Final = ("/boot/efi/EFI/ubuntu/grub.cfg", "/boot/efi/EFI/BOOT/grub.cfg")
IMAGE_FAULTS: Final = (
    ImageFault(
        "ubuntu-24.04",
        "stubs-search-another-disk",
        dict.fromkeys(_STUBS, (BOOT_UUID, _OTHER)),
        "Grub",
        F,
        "/boot/efi/EFI/ubuntu/grub.cfg:1",
    ),
    ImageFault(
        "ubuntu-24.04",
        "no-second-try",
        {"/boot/grub/grubenv": None},
        "Nvme KernelVersion Grub",
        F,
        "/usr/lib/modules/6.8.0-45-generic",
    ),
    ImageFault(
        "debian-12",
        "partition-of-another-disk",
        {"/etc/fstab": (partition_uuid("debian-12", 15), _OTHER)},
        "Fstab",
        F,
        "/etc/fstab:2",
    ),
    ImageFault(
        "alpine-3.20 bios",
        "label-of-another-disk",
        {"/boot/extlinux.conf": ("root=LABEL=/ ", "root=LABEL=root ")},
        "Grub",
        F,
        "/boot/extlinux.conf:13",
    ),
    ImageFault(
        "alpine-3.20 uefi",
        "fallback-loader-gone",
        {"/boot/efi/EFI/boot/bootx64.efi": None},
        "BootMode",
        W,
        "/EFI/alpine/grubx64.efi",
    ),
    ImageFault(
        "arch", "root-stays-read-only", {"/boot/grub/grub.cfg": (" rw ", " ro ")}, "Fstab", W, "/boot/grub/grub.cfg:50"
    ),
    ImageFault(
        "arch unified", "unified-image-of-another-root", {_UKI: ("root=UUID=6f", "root=UUID=7f")}, "Grub", F, _UKI
    ),
    ImageFault(
        "opensuse-15.6",
        "subvolume-gone",
        {"/etc/fstab": ("subvol=/@/srv", "subvol=/@/served")},
        "Fstab",
        F,
        "/etc/fstab:8",
    ),
)
"""The faults, of each image those that other disks do not know."""
