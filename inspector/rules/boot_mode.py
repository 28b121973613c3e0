"""Whether some firmware can start the guest: boot code for a BIOS, loaders for UEFI."""

from __future__ import annotations

import posixpath

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig
from inspector.facts.platform import Architecture, BootChain, BootModes, ChainState, Loader
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from parsers.linux.elf import parse_elf
from parsers.linux.fstab import Fstab
from parsers.place import ParseError, Place

_FIRMWARE_MACHINES = frozenset({"x86_64", "x32", "i386", "aarch64", "arm", "riscv64", "loongarch64"})
_ALSO_STARTS = {"x86_64": {"i386"}, "i386": {"x86_64"}, "x32": {"x86_64"}}


def _chains(modes: BootModes) -> list[tuple[str, BootChain]]:
    return [("BIOS", modes.bios), ("UEFI", modes.uefi)]


def _evidence(*chains: BootChain) -> list[Evidence]:
    return [item for chain in chains for item in chain.evidence]


@rule("boot-loader-installed", "At least one kind of firmware finds everything it needs to start the guest", os="any")
def boot_loader_installed(facts: Facts) -> Verdict:
    r"""The chain of a BIOS (boot sector, core image or active partition) or of UEFI (partition, loader) is complete.

    Why: without boot code, or with half of it, the instance stops before the kernel, with a blank console.

    Fix: install the boot loader for the boot mode that the image declares: `grub-install /dev/vda` for BIOS, or
    `grub-install --target=x86_64-efi --removable` with the EFI system partition mounted for UEFI; of Windows, run
    `bcdboot C:\Windows /s S: /f ALL`, and for BIOS `bootsect /nt60 S: /mbr`, S: being the partition that is started,
    from the recovery console.

    Reads: first sector, core image, active partition, EFI system partition.

    References: GRUB manual "BIOS installation"; UEFI 2.10, 3.5.1; Microsoft, BCDBoot and Bootsect Command-Line Options
    """
    modes = facts[BootModes]
    complete = [(name, chain) for name, chain in _chains(modes) if chain.state is ChainState.COMPLETE]
    if complete:
        message = "; ".join(f"{name}: {chain.message}" for name, chain in complete)
        return ok(message, *_evidence(*(chain for _, chain in complete)))
    message = "; ".join(f"{name}: {chain.message}" for name, chain in _chains(modes))
    evidence = _evidence(modes.bios, modes.uefi)
    if any(chain.state is ChainState.UNKNOWN for _, chain in _chains(modes)):
        return unknown(f"it cannot be told whether the guest boots ({message})", *evidence)
    _needs_firmware(facts)
    return failed(f"nothing starts the guest ({message})", *evidence)


def _needs_firmware(facts: Facts) -> None:
    """Raise NotApplicable for machines that neither a BIOS nor UEFI starts."""
    try:
        machine = facts[Architecture].machine
    except UnknownFact:
        return
    if machine not in _FIRMWARE_MACHINES:
        raise NotApplicable(f"neither a BIOS nor UEFI starts a {machine} guest")


@rule("boot-modes-are-whole", "No boot mode is installed by half", os="any")
def boot_modes_are_whole(facts: Facts) -> Verdict:
    """Beside a complete boot chain there is no half of the other.

    Why: whoever sees an EFI system partition, or boot code, declares the image for that mode, in which it does not
    start.

    Fix: complete the other mode (`grub-install` for it, on Windows `bcdboot`), or remove its half: the empty EFI
    system partition, or the boot code that has nothing to load.

    Reads: what boot-loader-installed reads.

    References: GRUB manual "BIOS installation"; UEFI 2.10, 3.5.1
    """
    modes = facts[BootModes]
    if modes.mode in {None, "none"}:
        raise NotApplicable("no boot mode is complete")
    broken = [(name, chain) for name, chain in _chains(modes) if chain.state is ChainState.BROKEN]
    if broken:
        message = "; ".join(f"{name}: {chain.message}" for name, chain in broken)
        return warning(f"half of a boot mode is installed ({message})", *_evidence(*(chain for _, chain in broken)))
    unclear = [(name, chain) for name, chain in _chains(modes) if chain.state is ChainState.UNKNOWN]
    if unclear:
        name, chain = unclear[0]
        return unknown(f"{name}: {chain.message}", *chain.evidence)
    return ok(f"boot modes: {modes.mode}", *_evidence(modes.bios, modes.uefi))


@rule("uefi-fallback-loader-exists", "UEFI firmware without boot entries finds a loader", os="any")
def uefi_fallback_loader_exists(facts: Facts) -> Verdict:
    """EFI/BOOT/BOOT<machine>.EFI is on the EFI system partition.

    Why: an image carries no boot entries; a new instance's firmware looks for the fallback path alone, and does not
    find the loader of a vendor's directory.

    Fix: run `grub-install --removable`, or copy the vendor's loaders to EFI/BOOT (shimx64.efi as BOOTX64.EFI, and
    grubx64.efi beside it; of Windows, bootmgfw.efi as BOOTX64.EFI).

    Reads: the directories below EFI on the EFI system partition.

    References: UEFI 2.10, 3.5.1.1.
    """
    modes = facts[BootModes]
    if modes.uefi.state is ChainState.ABSENT:
        raise NotApplicable("the image has no EFI system partition")
    fallbacks = [loader for loader in modes.loaders if loader.fallback and not loader.flaw]
    if fallbacks:
        seen = (Evidence(loader.place, f"EFI loader for {loader.machine}") for loader in fallbacks)
        return ok("firmware finds a loader without a boot entry", *seen)
    if modes.uefi.state is ChainState.UNKNOWN:
        return unknown(modes.uefi.message, *modes.uefi.evidence)
    if modes.uefi.state is ChainState.BROKEN:
        raise NotApplicable(f"UEFI does not start this image: {modes.uefi.message}")
    return warning("only a boot entry, which the image does not carry, would find the loader", *modes.uefi.evidence)


@rule("efi-loader-fits-architecture", "The EFI loaders are for the machine that the system is for")
def efi_loader_fits_architecture(facts: Facts) -> Verdict:
    """At least one usable EFI loader is for the guest's architecture.

    Why: firmware of an x86_64 machine cannot start a loader for aarch64, and the other way round.

    Fix: install the boot loader of the system's own architecture (`grub-install --target=arm64-efi`).

    Reads: the heads of the EFI loaders, and of the first program that every guest has.

    References: UEFI 2.10, 3.5.1.1 and 2.1.1
    """
    loaders = [loader for loader in facts[BootModes].loaders if not loader.flaw]
    if not loaders:
        raise NotApplicable("no EFI loader is installed")
    architecture = facts[Architecture]
    wanted = {architecture.machine} | _ALSO_STARTS.get(architecture.machine, set())
    system = Evidence(architecture.place, f"a program for {architecture.machine}")
    seen = [Evidence(loader.place, f"EFI loader for {loader.machine}") for loader in loaders]
    if any(loader.machine in wanted for loader in loaders):
        return ok(f"an EFI loader for {architecture.machine}", system, *seen)
    message = f"no EFI loader for {architecture.machine}"
    bios = facts[BootModes].bios.state is ChainState.COMPLETE
    return (warning if bios else failed)(message, system, *seen)


_MODULES = ("/boot/grub/i386-pc", "/boot/grub2/i386-pc")


@rule("grub-files-match-boot-code", "GRUB's boot code and GRUB's files in /boot are both there")
def grub_files_match_boot_code(facts: Facts) -> Verdict:
    """GRUB's modules for a BIOS lie in /boot where its boot code is installed, and boot code where its modules lie.

    A menu that is made of boot entries needs `blscfg.mod` besides.

    Why: a core image that does not find `normal.mod` stops in the rescue shell; modules without boot code are what
    is left of an image whose first sectors were lost.

    Fix: run `grub-install /dev/vda`, which writes the boot code and the modules together.

    Reads: the first sector, the core image, and /boot/grub/i386-pc.

    References: GRUB manual "BIOS installation"; grub-install(8)
    """
    modes, guest = facts[BootModes], facts[Guest]
    found = [path for path in _MODULES if guest.is_dir(path)]
    normal = [path for path in found if _is_module(guest, f"{path}/normal.mod")]
    if not found and not modes.grub_code:
        raise NotApplicable("GRUB for a BIOS is not installed")
    if modes.grub_code and normal:
        if (lost := _without_blscfg(facts, normal[0])) is not None:
            return warning("GRUB's boot code without the module that makes a menu of boot entries", *lost)
        return ok(
            "GRUB's boot code and modules", *modes.bios.evidence, Evidence(Place(normal[0]), "normal.mod is there")
        )
    if modes.grub_code:
        missing = Evidence(Place(found[0] if found else _MODULES[0]), "normal.mod is not there, or no module of GRUB")
        return warning("GRUB's boot code without its modules", *modes.bios.evidence, missing)
    if modes.bios.state is ChainState.UNKNOWN:
        return unknown(modes.bios.message, *modes.bios.evidence)
    modules = Evidence(Place(found[0]), "GRUB's modules for a BIOS")
    if modes.uefi.state is ChainState.COMPLETE:
        return ok("GRUB's modules for a BIOS are not used: UEFI starts the guest", modules, *modes.uefi.evidence)
    return warning("GRUB's modules without its boot code", modules, *modes.bios.evidence)


def _without_blscfg(facts: Facts, modules: str) -> tuple[Evidence, ...] | None:
    """The boot entries that the menu is made of, and the module that is missing for it; None where nothing is."""
    path = f"{modules}/blscfg.mod"
    if _is_module(facts[Guest], path):
        return None
    try:
        menus = facts[BootConfig].menus
    except UnknownFact:  # the rules of the menu say so
        return None
    home = posixpath.dirname(modules)
    own = (menu for menu in menus if menu.loader is Loader.GRUB2 and menu.start.path == f"{home}/grub.cfg")
    entry = next((entry for menu in own for entry in menu.entries if "/loader/entries/" in entry.place.path), None)
    if entry is None:
        return None
    return Evidence(entry.place, "an entry of the menu"), Evidence(Place(path), "it is not there, or no module of GRUB")


def _is_module(guest: Guest, path: str) -> bool:
    if not guest.is_file(path):
        return False
    try:
        return parse_elf(guest.open(path)).machine in {"i386", "x86_64"}
    except ParseError:
        return False


@rule("boot-mode-matches-declared", "The guest boots in the mode that the image declares", os="any")
def boot_mode_matches_declared(facts: Facts, *, declared: str) -> Verdict:
    """The chain of the `declared` mode ("bios", "uefi", "both") is complete; "any" asks for none.

    Why: an instance is started in the declared mode, whatever the disk is prepared for.

    Fix: declare the mode that is installed, or install the boot loader of the declared one.

    Reads: what boot-loader-installed reads.

    References: https://www.alibabacloud.com/help/en/ecs/user-guide/import-a-custom-image
    """
    if declared == "any":
        raise NotApplicable("no boot mode is declared")
    modes = facts[BootModes]
    wanted = [chain for name, chain in _chains(modes) if declared in {name.lower(), "both"}]
    missing = [chain for chain in wanted if chain.state is not ChainState.COMPLETE]
    if not missing:
        return ok(f"{declared} was declared and is complete", *_evidence(*wanted))
    message = f"{declared} was declared: {'; '.join(chain.message for chain in missing)}"
    if any(chain.state is ChainState.UNKNOWN for chain in missing):
        return unknown(message, *_evidence(*missing))
    return failed(message, *_evidence(*missing))


_ESP_MOUNTS = frozenset({"/boot/efi", "/efi"})


@rule("efi-mount-has-partition", "Where fstab mounts an EFI system partition, the disk has one")
def efi_mount_has_partition(facts: Facts) -> Verdict:
    """A line of /etc/fstab for /boot/efi or /efi goes with an EFI system partition in the partition table.

    Why: the mount fails and the boot stops in emergency mode; a guest that was installed for UEFI lost its loader.

    Fix: remove the line, or add `nofail`, where the guest boots by BIOS; else restore the EFI system partition.

    Reads: /etc/fstab and the partition table.

    References: UEFI 2.10, 13.3.1; systemd.mount(5)
    """
    entries = [entry for entry in facts[Fstab].entries if entry.mount_point.rstrip("/") in _ESP_MOUNTS]
    entries = [entry for entry in entries if "noauto" not in entry.options]
    if not entries:
        raise NotApplicable("fstab mounts no EFI system partition")
    modes = facts[BootModes]
    uefi = modes.uefi
    lines = [Evidence(entry.place, f"{entry.device} {entry.mount_point}") for entry in entries]
    if modes.has_system_partition:
        return ok("there is an EFI system partition", *lines, *uefi.evidence)
    if all("nofail" in entry.options for entry in entries):
        return ok("there is no EFI system partition, and the mount is optional", *lines)
    return failed("fstab mounts an EFI system partition, the disk has none", *lines, *uefi.evidence)


RULES = (
    boot_loader_installed,
    boot_mode_matches_declared,
    boot_modes_are_whole,
    efi_loader_fits_architecture,
    efi_mount_has_partition,
    grub_files_match_boot_code,
    uefi_fallback_loader_exists,
)
