"""The kernel that boots by default, with the files that belong to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from inspector.device import resolve
from inspector.disk import Disk
from inspector.facts import Facts
from inspector.facts.boot import DefaultKernel, Kernels
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, warning
from parsers.place import Place

_DRACUT: Final[dict[str, Callable[[str], str]]] = {
    "rd.lvm.lv": lambda value: f"/dev/{value}",
    "rd.lvm.vg": lambda value: f"/dev/mapper/{value}",
    "rd.luks.uuid": lambda value: f"UUID={value.removeprefix('luks-')}",
}
"""Arguments of dracut.cmdline(7), each with what makes the specification of a device of its value."""


@rule("default-kernel-is-complete", "The default kernel has its image, its modules and its initial RAM disk")
def default_kernel_is_complete(facts: Facts) -> Verdict:
    """The version is what the image says of itself; where the image does not say it, the one in its name.

    Why: without its modules a kernel has few drivers; without an initial RAM disk it rarely finds its root.

    Fix: reinstall the kernel's package, then run `update-initramfs -u` and `update-grub`.

    Reads: the default boot entry, the kernel image, /lib/modules.
    """
    kernel = facts[DefaultKernel]
    flaws = [
        Evidence(file.place, f"{file.named} is not there")
        for file in (kernel.image, *kernel.initramfs)
        if not file.exists
    ]
    if kernel.version is None:
        flaws.append(Evidence(kernel.image.file_place, "the version of the kernel is not known"))
        return failed("the version of the default kernel is not known", *flaws)
    modules = _modules(facts[Kernels], kernel.version)
    if modules is None:
        sought = (f"{top}/{kernel.version}" for top in ("/usr/lib/modules", "/lib/modules"))
        flaws += [Evidence(Place(path), f"no modules of kernel {kernel.version}") for path in sought]
    if flaws:
        return failed(f"kernel {kernel.version} is not complete", *flaws)
    evidence = [Evidence(kernel.place, f"the default entry boots {kernel.image.named}")]
    evidence += [Evidence(Place(modules), "its modules")] if modules else []
    if not kernel.initramfs:
        return warning(f"kernel {kernel.version} is loaded without an initial RAM disk", *evidence)
    return ok(f"kernel {kernel.version} is complete", *evidence)


def _modules(kernels: Kernels, version: str) -> str | None:
    installed = kernels.get(version)
    return installed.modules if installed else None


@rule("dracut-devices-exist", "The volumes that the kernel arguments rd.* ask for are in the image")
def dracut_devices_exist(facts: Facts) -> Verdict:
    """Why: dracut waits for each of them, minutes long, and then gives up and drops to a shell.

    Fix: take the argument of the missing volume out of GRUB_CMDLINE_LINUX in /etc/default/grub, and run `update-grub`.

    Reads: the kernel arguments of the default entry, the volumes of the image.
    """
    kernel = facts[DefaultKernel]
    specs = [(name, value, spec(value)) for name, spec in _DRACUT.items() for value in kernel.values(name) if value]
    if not specs:
        raise NotApplicable("no volumes are asked for by rd.lvm.lv, rd.luks.uuid and the like")
    volumes = facts[Disk].volumes
    missing = [f"{name}={value}" for name, value, spec in specs if resolve(spec, volumes) is None]
    if missing:
        return failed(
            f"{len(missing)} volumes are not in the image", *(Evidence(kernel.place, seen) for seen in missing)
        )
    return ok("every volume is in the image", *(Evidence(kernel.place, f"{name}={value}") for name, value, _ in specs))


RULES = (default_kernel_is_complete, dracut_devices_exist)
