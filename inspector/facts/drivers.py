"""Which drivers a kernel has at the moment when it looks for its root device, and afterwards."""

from __future__ import annotations

import msgspec

from inspector.boot.root_layers import Layer
from parsers.boot.initramfs import Initramfs
from parsers.place import Place, Problem


class Driver(msgspec.Struct, frozen=True):
    """One module of a kernel, and every place from which the kernel could have it.

    Attributes:
        name: as lsmod gives it.
        builtin: the line that says it is part of the kernel.
        initramfs: where it lies in the initial RAM disk; None where it was not found there.
        module: its file in the directory of modules.
        needs: the modules that it cannot do without, itself not among them.
        blocked: what keeps it from being loaded: blacklists, `install` lines.
        disabled: the line of the kernel's configuration that leaves it out.
        held: what keeps it from starting even where it is part of the kernel: `initcall_blacklist=`.
    """

    name: str
    builtin: Place | None = None
    initramfs: Place | None = None
    module: Place | None = None
    needs: tuple[str, ...] = ()
    blocked: tuple[Problem, ...] = ()
    disabled: Place | None = None
    held: tuple[Problem, ...] = ()

    @property
    def blocks(self) -> tuple[Problem, ...]:
        """Everything that keeps it from being there; a blacklist is nothing to what is part of the kernel."""
        return self.held if self.builtin else (*self.blocked, *self.held)


class KernelDrivers(msgspec.Struct, frozen=True):
    """The drivers of one kernel.

    Attributes:
        version: of the kernel.
        modules: the directory of its modules, which may not exist (`has_modules`).
        initramfs: the places of its initial RAM disks.
        scans: what was read of those.
        unread: why the initial RAM disk is not known in full, with the place; empty where it is.
        missing: initial RAM disks that are named but not there.
        root: the driver of the root's file system; None where its type has none that is known.
        layers: what the root's volume is made of, from the top down; empty where it is a partition.
    """

    version: str
    modules: Place
    has_modules: bool
    drivers: tuple[Driver, ...]
    initramfs: tuple[Place, ...] = ()
    scans: tuple[Initramfs, ...] = ()
    unread: tuple[Problem, ...] = ()
    missing: tuple[Place, ...] = ()
    root: str | None = None
    layers: tuple[Layer, ...] = ()

    def get(self, name: str) -> Driver:
        """Return what is known of a driver; nothing is known of one that was not asked for."""
        return next((driver for driver in self.drivers if driver.name == name), Driver(name))

    def chain(self, *names: str) -> tuple[Driver, ...]:
        """Return the drivers and all that they need."""
        wanted = dict.fromkeys(names)
        for name in names:
            wanted.update(dict.fromkeys(self.get(name).needs))
        return tuple(self.get(name) for name in wanted)


class DefaultDrivers(msgspec.Struct, frozen=True):
    """The drivers of the kernel that boots by default."""

    kernel: KernelDrivers


class OtherDrivers(msgspec.Struct, frozen=True):
    """The drivers of the other kernels that have an image, the newest first. `left_out`: versions not looked at."""

    kernels: tuple[KernelDrivers, ...]
    left_out: tuple[str, ...] = ()
