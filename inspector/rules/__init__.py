"""Every rule, by name. A module of this package ends with its tuple `RULES`; the modules are listed here."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Final

from inspector.rules.rule import Rule

MODULES: Final[tuple[str, ...]] = (
    "accounts",
    "agents",
    "boot_device",
    "boot_mode",
    "btrfs",
    "caches",
    "cloud_init",
    "cloud_init_settings",
    "dhcp",
    "download_settings",
    "file_attributes",
    "file_system_state",
    "file_system_type",
    "firewall",
    "first_boot",
    "fstab",
    "grub",
    "image",
    "kernel",
    "kernel_modules",
    "leftovers",
    "lib_directory",
    "machine_identity",
    "network_secrets",
    "network_settings",
    "nvme",
    "online_resize",
    "operating_system",
    "packages",
    "partition_table",
    "partition_use",
    "password_login",
    "release_files",
    "root_options",
    "routes",
    "selinux",
    "sshd",
    "sudo",
    "system_image",
    "system_start",
    "usage",
    "virtio",
    "volumes",
    "windows.accounts",
    "windows.antivirus",
    "windows.boot",
    "windows.boot_entries",
    "windows.boot_sector",
    "windows.cloud_assistant",
    "windows.cloudbase_init",
    "windows.data_disks",
    "windows.desktop",
    "windows.device_installation",
    "windows.driver_packages",
    "windows.drivers",
    "windows.environment",
    "windows.filter_drivers",
    "windows.firewall",
    "windows.foreign_tools",
    "windows.hibernation",
    "windows.hosts",
    "windows.identity",
    "windows.ipsec",
    "windows.log_on",
    "windows.network",
    "windows.page_file",
    "windows.registry",
    "windows.release",
    "windows.remote_desktop",
    "windows.safe_mode",
    "windows.servers",
    "windows.services",
    "windows.servicing",
    "windows.setup",
    "windows.system_drive",
    "windows.system_programs",
    "windows.unattend",
    "windows.updates",
    "windows.virtio",
    "windows.virtio_match",
    "windows.vminit",
    "windows.volume_layout",
)
"""Modules of this package that hold rules, in alphabetical order."""

ABOUT_ANY: Final = frozenset(
    {
        "boot_mode",
        "file_system_state",
        "image",
        "partition_table",
        "partition_use",
        "system_image",
        "usage",
        "volumes",
    }
)
"""Those with rules about any guest, which a check of Windows imports, too; some have rules about Linux beside them."""

WINDOWS: Final = "windows-"
"""What the names of the rules about Windows begin with, and no others."""


@cache
def rules() -> dict[str, Rule]:
    """Return every rule by its name."""
    return {**_loaded("any"), **_loaded("linux"), **_loaded("windows")}


def find_rule(name: str, family: str | None = None) -> Rule | None:
    """Return the rule of a name; None where there is none.

    For a guest of a `family` modules about the other one alone are not imported, nor their rules returned.
    """
    if name.startswith(WINDOWS):
        return None if family == "linux" else _loaded("windows").get(name)
    found = _loaded("any").get(name)
    return found if found or family == "windows" else _loaded("linux").get(name)


@cache
def _loaded(group: str) -> dict[str, Rule]:
    """Return the rules of the modules in a group: "windows", "any" or "linux"."""
    names = [module for module in MODULES if group == _group(module)]
    modules = [importlib.import_module(f"{__name__}.{module}") for module in names]
    return {rule.name: rule for module in modules for rule in module.RULES}


def _group(module: str) -> str:
    return "windows" if module.startswith("windows.") else "any" if module in ABOUT_ANY else "linux"
