"""What machine the guest is for, how that machine would start it, and what the disk holds at all."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from inspector.verdict import Evidence
from parsers.place import Place


class Architecture(msgspec.Struct, frozen=True):
    """The machine that the guest's programs are for, as `uname -m` calls it; `place` is the program that says so."""

    machine: str
    bits: int
    place: Place


class ChainState(StrEnum):
    """How much of a boot chain is there.

    COMPLETE: every piece that can be checked. BROKEN: a piece is there, another is missing. ABSENT: nothing is
    there. UNKNOWN: a piece that decides could not be read, or is not known.
    """

    COMPLETE = "complete"
    BROKEN = "broken"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Loader(StrEnum):
    """The boot loaders whose menus are read."""

    GRUB2 = "GRUB 2"
    GRUB_LEGACY = "GRUB Legacy"
    SYSTEMD_BOOT = "systemd-boot"
    SYSLINUX = "Syslinux"
    UKI = "unified kernel image"


class BootChain(msgspec.Struct, frozen=True):
    """The pieces with which one kind of firmware starts the guest; `evidence` names what is there and what is not.

    `loader` is the boot loader that it comes to; None where that is not told.
    """

    state: ChainState
    message: str
    evidence: tuple[Evidence, ...]
    loader: Loader | None = None


class EfiLoader(msgspec.Struct, frozen=True):
    """A loader on an EFI system partition.

    Attributes:
        place: its path on that partition, and the volume.
        fallback: whether firmware without a boot entry starts it (EFI/BOOT/BOOTX64.EFI).
        machine: as `uname -m` calls it; None where the file is no loader.
        flaw: why it would not start; None where nothing speaks against it.
        loader: which boot loader it is, by its sections; None where they do not tell it.
    """

    place: Place
    fallback: bool
    machine: str | None
    flaw: str | None = None
    loader: Loader | None = None


class BootModes(msgspec.Struct, frozen=True):
    """The boot chain of each kind of firmware.

    Attributes:
        loaders: what was found on EFI system partitions, usable or not.
        grub_code: whether the BIOS chain is GRUB 2's.
        has_system_partition: whether the partition table names an EFI system partition.
    """

    bios: BootChain
    uefi: BootChain
    loaders: tuple[EfiLoader, ...] = ()
    grub_code: bool = False
    has_system_partition: bool = False

    @property
    def mode(self) -> Literal["bios", "uefi", "both", "none"] | None:
        """Which chains are complete; None where none is, but one of them is not known."""
        states = (self.bios.state, self.uefi.state)
        if ChainState.COMPLETE not in states:
            return None if ChainState.UNKNOWN in states else "none"
        if states[0] is states[1]:
            return "both"
        return "bios" if states[0] is ChainState.COMPLETE else "uefi"


class DiskContent(msgspec.Struct, frozen=True):
    """What lies on the disk, told from signatures and from the roots of what can be read.

    Attributes:
        roots: volumes that hold the root of a system, with the file or directory that tells so.
        medium: the signature of an optical medium, where the disk is one.
        unread: volumes that may hold a system but cannot be read, with the reason.
        others: what was found instead: volumes without a system, empty space.
    """

    roots: tuple[Evidence, ...]
    medium: Evidence | None
    unread: tuple[Evidence, ...]
    others: tuple[Evidence, ...]
