"""Whether a kernel has the drivers at hand that lead to its root, before it mounts it."""

from __future__ import annotations

from inspector.facts.drivers import Driver, KernelDrivers
from inspector.verdict import Evidence, Verdict, failed, ok, unknown


def judge_root_drivers(kernel: KernelDrivers, what: str, *names: str) -> Verdict:
    """Tell whether the drivers `names`, and all that they need, are at hand before the root is mounted."""
    chain = kernel.chain(*names)
    blocked = [problem for driver in chain for problem in driver.blocks]
    if blocked:
        evidence = map(Evidence.of, blocked)
        return failed(f"the {what} driver of kernel {kernel.version} is kept from being loaded", *evidence)
    lacking = [driver for driver in chain if not driver.builtin and not driver.initramfs]
    if not lacking and not kernel.unread:
        return ok(f"kernel {kernel.version} finds {what}s at boot", *map(_source, chain))
    if kernel.unread:
        evidence = map(Evidence.of, kernel.unread)
        return unknown(f"the initial RAM disk of kernel {kernel.version} cannot be read in full", *evidence)
    return failed(
        f"kernel {kernel.version} has no {what} driver at boot: {', '.join(driver.name for driver in lacking)}",
        *_lacking(kernel, lacking),
    )


def _source(driver: Driver) -> Evidence:
    if driver.builtin:
        return Evidence(driver.builtin, f"{driver.name} is part of the kernel")
    assert driver.initramfs is not None  # noqa: S101 - the caller has sorted the others out
    return Evidence(driver.initramfs, f"{driver.name} is in the initial RAM disk")


def _lacking(kernel: KernelDrivers, lacking: list[Driver]) -> list[Evidence]:
    names = ", ".join(driver.name for driver in lacking)
    evidence = [Evidence(place, "the initial RAM disk is not there") for place in kernel.missing]
    evidence += [Evidence(place, f"{names} not in it") for place in kernel.initramfs]
    evidence += [
        Evidence(driver.disabled, f"{driver.name} was left out of the kernel") for driver in lacking if driver.disabled
    ]
    if not kernel.initramfs and not kernel.missing:
        evidence.append(Evidence(kernel.modules, f"no initial RAM disk is loaded, and {names} not built in"))
    return evidence
