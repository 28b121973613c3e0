"""Rules about modules that the cloud asks for besides the drivers of the system disk and the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.facts import Facts
from inspector.facts.boot import DefaultKernel, InstalledKernel, Kernels
from inspector.guest import Guest, NotFound
from inspector.linux.module_blocks import argument_blocks, modprobe_blocks
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, ok, unknown, warning
from parsers.boot.ikconfig import find_ikconfig
from parsers.boot.kernel_config import KernelOption, parse_kernel_config
from parsers.linux.modules import parse_module_list
from parsers.place import Place
from parsers.version import compare_uapi

_OPTION: Final = "CONFIG_FW_CFG_SYSFS"
_MODULE: Final = "qemu_fw_cfg"
_SINCE: Final = "4.6"
_MODPROBE: Final = "/etc/modprobe.d"


@rule("wanted-modules-are-not-blocked", "Modules that read what the cloud hands over are not blocked")
def wanted_modules_are_not_blocked(facts: Facts, *, modules: Sequence[str]) -> Verdict:
    """Why: without the file systems of discs that clouds attach, an instance cannot read its own settings.

    Fix: take the lines that are named out of /etc/modprobe.d, or the argument off the kernel, and make the initial RAM
    disk anew.
    Reads: modprobe.d, the arguments of the default kernel, modules.builtin
    References: modprobe.d(5)
    """
    guest, kernel = facts[Guest], facts[DefaultKernel]
    blocks = [it for it in (*argument_blocks(kernel), *modprobe_blocks(guest)) if it.place.key in modules]
    if blocks:
        installed = _installed(facts, kernel)
        counting = [it for it in blocks if not _listed(guest, installed, "modules.builtin", str(it.place.key))]
        found = list(map(Evidence.of, counting))
        if found:
            names = ", ".join(dict.fromkeys(str(it.place.key) for it in counting))
            return warning(f"blocked: {names}", *found)
        return ok("blocked, but part of the kernel", *map(Evidence.of, blocks))
    seen = f"nothing blocks {', '.join(modules)}"
    return ok("none of them is blocked", Evidence(Place(_MODPROBE), seen), Evidence(kernel.place, seen))


def _installed(facts: Facts, kernel: DefaultKernel) -> InstalledKernel | None:
    return facts[Kernels].get(kernel.version) if kernel.version else None


@rule("kernel-shows-fw-cfg", "The kernel can show what the hypervisor's firmware configuration holds")
def kernel_shows_fw_cfg(facts: Facts) -> Verdict:
    """Why: the cloud hands settings over in QEMU's fw_cfg, which agents read in /sys/firmware/qemu_fw_cfg.

    Fix: boot a kernel that was built with CONFIG_FW_CFG_SYSFS, as those of the distributions since Linux 4.6 are.
    Reads: modules.builtin and modules.dep, /boot/config-VERSION or the configuration within the kernel, modprobe.d
    References: the vendor's specification of marketplace images
    """
    guest, kernel = facts[Guest], facts[DefaultKernel]
    installed = _installed(facts, kernel)
    builtin, module = (_listed(guest, installed, name, _MODULE) for name in ("modules.builtin", "modules.dep"))
    if builtin:
        return ok("it is part of the kernel", Evidence(builtin, _MODULE))
    option, place = (None, None) if module else _option(guest, installed)
    if module is None and (option is None or option.value == "n"):
        return _without(kernel, option, place)
    seen = [Evidence(module, _MODULE)] if module else []
    seen += [Evidence(option.place, f"{_OPTION}={option.value}")] if option else []
    blocks = [it for it in (*argument_blocks(kernel), *modprobe_blocks(guest)) if it.place.key == _MODULE]
    if blocks and (option is None or option.value == "m"):
        return warning(f"{_MODULE} is blocked", *map(Evidence.of, blocks), *seen)
    return ok("the kernel shows it", *seen)


def _without(kernel: DefaultKernel, option: KernelOption | None, place: Place | None) -> Verdict:
    """Judge a kernel that was found to have no such driver, or of which that is not known."""
    if option is None and kernel.version and compare_uapi(kernel.version, _SINCE) < 0:
        raise NotApplicable(f"kernels before Linux {_SINCE} have no such driver")
    if place is None:
        return unknown("the configuration of the default kernel is not known", Evidence(kernel.place, "no config file"))
    return warning(f"the kernel is built without {_OPTION}", Evidence(option.place if option else place, "not set"))


def _listed(guest: Guest, kernel: InstalledKernel | None, file: str, name: str) -> Place | None:
    """Return the line of modules.builtin or modules.dep that has a module."""
    if kernel is None or kernel.modules is None:
        return None
    path = f"{kernel.modules}/{file}"
    try:
        found = parse_module_list(guest.read_text(path), path, frozenset({name})).get(name)
    except NotFound:
        return None
    return found.place if found else None


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
