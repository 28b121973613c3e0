"""Rules about modules that the cloud asks for besides the drivers of the system disk and the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.facts import Facts
from inspector.facts.boot import DefaultKernel, InstalledKernel, Kernels
from inspector.guest import Guest, NotFound
from inspector.linux.module_blocks import argument_blocks, modprobe_blocks
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, unknown, warning
from parsers.boot.ikconfig import find_ikconfig
from parsers.boot.kernel_config import KernelOption, parse_kernel_config
from parsers.linux.modules import parse_module_list
from parsers.place import Place

_OPTION: Final = "CONFIG_FW_CFG_SYSFS"
_MODULE: Final = "qemu_fw_cfg"
_MODPROBE: Final = "/etc/modprobe.d"


@rule("wanted-modules-are-not-blocked", "Modules that read what the cloud hands over are not blocked")
def wanted_modules_are_not_blocked(facts: Facts, *, modules: Sequence[str]) -> Verdict:
    """Why: without the file systems of discs that clouds attach, an instance cannot read its own settings.

    Fix: take the lines that are named out of /etc/modprobe.d, or the argument off the kernel, and make the initial RAM
    disk anew.
    Reads: modprobe.d, the arguments of the default kernel, modules.builtin
    """
    guest, kernel = facts[Guest], facts[DefaultKernel]
    blocks = [it for it in (*argument_blocks(kernel), *modprobe_blocks(guest)) if it.place.key in modules]
    if blocks:
        builtin = _builtin(guest, _installed(facts, kernel), frozenset(modules))
        counting = [it for it in blocks if it.place.key not in builtin]
        found = [Evidence(it.place, it.message) for it in counting]
        if found:
            names = ", ".join(dict.fromkeys(str(it.place.key) for it in counting))
            return warning(f"blocked: {names}", *found)
        return ok("blocked, but part of the kernel", *(Evidence(it.place, it.message) for it in blocks))
    seen = f"nothing blocks {', '.join(modules)}"
    return ok("none of them is blocked", Evidence(Place(_MODPROBE), seen), Evidence(kernel.place, seen))


def _installed(facts: Facts, kernel: DefaultKernel) -> InstalledKernel | None:
    return facts[Kernels].get(kernel.version) if kernel.version else None


def _builtin(guest: Guest, kernel: InstalledKernel | None, names: frozenset[str]) -> frozenset[str]:
    """Return those of `names` that are part of the kernel, which no block keeps away."""
    if kernel is None or kernel.modules is None:
        return frozenset()
    path = f"{kernel.modules}/modules.builtin"
    try:
        listed = parse_module_list(guest.read_text(path), path, names)
    except NotFound:
        return frozenset()
    return frozenset(module.name for module in listed.modules)


@rule("kernel-shows-fw-cfg", "The kernel can show what the hypervisor's firmware configuration holds")
def kernel_shows_fw_cfg(facts: Facts) -> Verdict:
    """Why: the cloud hands settings over in QEMU's fw_cfg, which agents read in /sys/firmware/qemu_fw_cfg.

    Fix: boot a kernel that was built with CONFIG_FW_CFG_SYSFS, as those of the distributions since Linux 4.6 are.
    Reads: /boot/config-VERSION, or the configuration within the kernel; modprobe.d
    References: the vendor's specification of marketplace images
    """
    guest, kernel = facts[Guest], facts[DefaultKernel]
    option, place = _option(guest, _installed(facts, kernel))
    if place is None:
        return unknown("the configuration of the default kernel is not known", Evidence(kernel.place, "no config file"))
    if option is None or option.value == "n":
        where = option.place if option else place
        return warning(f"the kernel is built without {_OPTION}", Evidence(where, f"{_OPTION} is not set"))
    seen = Evidence(option.place, f"{_OPTION}={option.value}")
    blocks = [it for it in (*argument_blocks(kernel), *modprobe_blocks(guest)) if it.place.key == _MODULE]
    if blocks and option.value == "m":
        return warning(f"{_MODULE} is blocked", *(Evidence(it.place, it.message) for it in blocks), seen)
    return ok("the kernel shows it", seen)


def _option(guest: Guest, kernel: InstalledKernel | None) -> tuple[KernelOption | None, Place | None]:
    """Return the option, and the place of the configuration; (None, None) where there is no configuration."""
    if kernel is None:
        return None, None
    if kernel.config:
        text: str | None = guest.read_text(kernel.config)
    else:
        text = find_ikconfig(guest.open(kernel.image), kernel.image) if kernel.image else None
    path = kernel.config or kernel.image
    if not text or path is None:
        return None, None
    return parse_kernel_config(text, path, [_OPTION]).get(_OPTION), guest.place(path)


RULES = (wanted_modules_are_not_blocked, kernel_shows_fw_cfg)
