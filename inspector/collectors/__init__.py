"""How each fact is collected: one function per noun, imported when the noun is first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from inspector.facts import Collector

MODULES: Final[dict[str, str]] = {
    "inspector.facts.boot.BootConfig": "boot:collect_boot_config",
    "inspector.facts.boot.DefaultKernel": "boot:collect_default_kernel",
    "inspector.facts.boot.Kernels": "boot:collect_kernels",
    "inspector.facts.drivers.DefaultDrivers": "drivers:collect_default_drivers",
    "inspector.facts.drivers.OtherDrivers": "drivers:collect_other_drivers",
    "inspector.facts.accounts.Accounts": "accounts:collect_accounts",
    "inspector.facts.cloud_init.CloudInit": "cloud_init:collect_cloud_init",
    "inspector.facts.hostname.Hostname": "hostname:collect_hostname",
    "inspector.facts.network.NetworkConfig": "network:collect_network",
    "inspector.facts.packages.Packages": "packages:collect_packages",
    "inspector.facts.platform.Architecture": "platform:collect_architecture",
    "inspector.facts.platform.BootModes": "platform:collect_boot_modes",
    "inspector.facts.platform.DiskContent": "platform:collect_disk_content",
    "inspector.facts.rtc.RtcMode": "rtc:collect_rtc_mode",
    "inspector.facts.selinux.Selinux": "selinux:collect_selinux",
    "inspector.facts.sshd.Sshd": "sshd:collect_sshd",
    "inspector.facts.sudo.Sudo": "sudo:collect_sudo",
    "inspector.facts.windows_boot.WindowsBoot": "windows_boot:collect_windows_boot",
    "inspector.facts.windows_packages.ServicingPackages": "windows_packages:collect_servicing_packages",
    "inspector.facts.windows_drivers.VirtioDevices": "windows_drivers:collect_virtio_devices",
    "inspector.facts.windows_drivers.VirtioDrivers": "windows_drivers:collect_virtio_drivers",
    "inspector.facts.windows_software.WindowsSoftware": "windows_software:collect_windows_software",
    "inspector.facts.windows_version.WindowsVersion": "windows:collect_windows_version",
    "inspector.mounts.Roots": "platform:collect_roots",
    "inspector.windows.registry.Registry": "windows:collect_registry",
    "inspector.windows.services.Services": "windows:collect_services",
    "parsers.linux.crypttab.Crypttab": "fstab:collect_crypttab",
    "parsers.linux.fstab.Fstab": "fstab:collect_fstab",
    "parsers.linux.os_release.OsRelease": "os_release:collect_os_release",
    "inspector.facts.services.Services": "services:collect_services",
}
"""Noun ("module.Class" below `parsers` or `inspector`) -> "module:function" below this package."""


class _Collectors(Mapping[type[Any], Collector]):
    """The collectors by the type of their fact; nothing is imported before it is asked for."""

    def __getitem__(self, noun: type[Any]) -> Collector:
        module, _, function = MODULES[f"{noun.__module__}.{noun.__qualname__}"].partition(":")
        collector: Collector = getattr(importlib.import_module(f"{__name__}.{module}"), function)
        return collector

    def __iter__(self) -> Iterator[type[Any]]:
        for noun in MODULES:
            module, _, name = noun.rpartition(".")
            yield getattr(importlib.import_module(module), name)

    def __len__(self) -> int:
        return len(MODULES)


COLLECTORS: Final = _Collectors()
