"""The modules of cloud-init: the names that its releases have had, and how often each runs.

References: docs.cloud-init.io, "Module reference" ("Module frequency"), and the settings that a module's own source
gives. A module that names no frequency runs once per instance. The defaults are those of 22.4; a release may have
changed one, so that the source that a guest has is asked first where it is had.
Not done: modules that a distribution adds of its own, whose source alone tells.
"""

from __future__ import annotations

import re
from typing import Final

ALWAYS: Final = frozenset(
    {
        "bootcmd", "chef", "disable_ec2_metadata", "emit_upstart", "final_message", "growpart", "migrator",
        "refresh_rmc_and_interface", "resizefs", "scripts_per_boot", "update_etc_hosts", "update_hostname",
        "zypper_add_repo",
    }
)  # fmt: skip
ONCE: Final = frozenset({"scripts_per_once", "ubuntu_autoinstall"})
PER_INSTANCE: Final = frozenset(
    {
        "ansible", "apk_configure", "apt_configure", "apt_pipelining", "apt_update_upgrade", "bootc", "byobu",
        "ca_certs", "debug", "disk_setup", "fan", "foo", "grub_dpkg", "install_hotplug", "keyboard",
        "keys_to_console", "landscape", "locale", "lxd", "mcollective", "mounts", "netplan_nm_patch", "ntp",
        "package_update_upgrade_install", "phone_home", "power_state_change", "puppet", "raspberry_pi", "reset_rmc",
        "resolv_conf", "rh_subscription", "rightscale_userdata", "rsyslog", "runcmd", "salt_minion",
        "scripts_per_instance", "scripts_user", "scripts_vendor", "seed_random", "set_hostname", "set_passwords",
        "snap", "snap_config", "snappy", "spacewalk", "ssh", "ssh_authkey_fingerprints", "ssh_import_id", "timezone",
        "ubuntu_advantage", "ubuntu_drivers", "ubuntu_init_switch", "ubuntu_pro", "users_groups", "wireguard",
        "write_files", "write_files_deferred", "yum_add_repo",
    }
)  # fmt: skip
KNOWN: Final = ALWAYS | ONCE | PER_INSTANCE
RENAMED: Final = {"ubuntu_advantage": "ubuntu_pro"}
"""Old names that newer releases take for the new ones."""
_CONSTANT: Final = {"ALWAYS": "always", "ONCE": "once", "INSTANCE": "once-per-instance"}
_SETTING: Final = re.compile(
    r"(?:^frequency[ \t]*=|^[ \t]+[\"']frequency[\"'][ \t]*:)[ \t]*(?:[\w.]*\.)?per_(always|once|instance)\b",
    re.MULTILINE | re.IGNORECASE,
)


def default_frequency(name: str) -> str:
    """Return how often a module runs where nothing says otherwise: "always", "once" or "once-per-instance"."""
    return "always" if name in ALWAYS else "once" if name in ONCE else "once-per-instance"


def canonical_name(name: str) -> str:
    """Return the name of a module as its file has it, without `cc_` and `.py`."""
    return name.strip().replace("-", "_").removesuffix(".py").removeprefix("cc_")


def parse_module_frequency(source: str) -> str:
    """Return the frequency that the Python source of a module gives it."""
    match = _SETTING.search(source)
    return _CONSTANT[match[1].upper()] if match else "once-per-instance"
