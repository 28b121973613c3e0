"""Faults of cloud-init's settings and of agents that belong to other platforms."""

from __future__ import annotations

from typing import Final

from fixtures.files import File, Link
from fixtures.golden import KERNEL
from tests.inspector.faults.mutation import UNITS, Mutation, W, add, masked, package, sub, text, unit, unit_link

_STATUS: Final = "/var/lib/dpkg/status"
_STANZA: Final = f"{_STATUS}:{len(text(_STATUS).splitlines()) + 2}"
_VMTOOLSD: Final = "/usr/bin/vmtoolsd"
_OPEN_VM_TOOLS: Final = f"{UNITS}/open-vm-tools.service"

_PASSWORDS: Final = "/etc/ssh/sshd_config.d/10-cloudimg-settings.conf"
_CONFIG: Final = f"/boot/config-{KERNEL}"
_FW_CFG_LINE: Final = text(_CONFIG).split("CONFIG_FW_CFG_SYSFS", 1)[0].count("\n") + 1
_MORE: Final = "/etc/cloud/cloud.cfg.d/99-installer.cfg"
_CLEAN: Final = "/var/lib/cloud/instance/manual-clean"

AGENT_FAULTS: Final = (
    Mutation(
        "cloud-init-module-misspelt",
        {_MORE: "cloud_config_modules:\n - locale\n - set-passwords\n - runcmd\n - tymezone\n"},
        "CloudInitSettings",
        W,
        f"{_MORE}:5",
        {_MORE: "cloud_config_modules:\n - locale\n - set-passwords\n - runcmd\n - timezone\n"},
    ),
    Mutation(
        "cloud-init-sends-root-away",
        {_MORE: "disable_root: true\n"},
        "CloudInitSettings",
        W,
        f"{_MORE}:1",
        {_MORE: "disable_root: false\n"},
    ),
    Mutation(
        "cloud-init-keeps-the-host-name",
        {_MORE: "preserve_hostname: true\n"},
        "CloudInitSettings",
        W,
        f"{_MORE}:1",
        {_MORE: "preserve_hostname: false\n"},
    ),
    Mutation(
        "cloud-init-writes-etc-hosts",
        {_MORE: "manage_etc_hosts: localhost\n"},
        "CloudInitSettings",
        W,
        f"{_MORE}:1",
        {_MORE: "manage_etc_hosts: false\n"},
    ),
    Mutation(
        "cloud-init-without-vendor-data",
        {_MORE: "vendor_data: {enabled: false}\n"},
        "CloudInitSettings",
        W,
        f"{_MORE}:1",
        {_MORE: "vendor_data: {enabled: true}\n"},
    ),
    Mutation("cloud-init-cache-kept", {_CLEAN: ""}, "Leftovers", W, _CLEAN, {_CLEAN: None}),
    Mutation(
        "cloud-init-instance-id-fixed",
        {_MORE: "datasource:\n  None:\n    metadata:\n      instance-id: iid-datasource-none\n"},
        "Leftovers",
        W,
        f"{_MORE}:4",
        {_MORE: None},
    ),
    Mutation(
        "vmware-tools-started",
        {
            **add(_STATUS, package("open-vm-tools", "2:12.2.0-1+deb12u2")),
            _VMTOOLSD: File("\x7fELF", 0o755),
            "/usr/lib/systemd/system/open-vm-tools.service": unit("Service for virtual machines hosted on VMware"),
            unit_link("open-vm-tools.service"): Link("/usr/lib/systemd/system/open-vm-tools.service"),
        },
        "ForeignAgents",
        W,
        unit_link("open-vm-tools.service"),
        masked("open-vm-tools.service"),
    ),
    Mutation(
        "azure-agent-installed",
        add(_STATUS, package("waagent", "2.2.45-4")),
        "ForeignAgents",
        W,
        _STANZA,
    ),
    Mutation(
        "virtualbox-additions-left",
        {"/var/lib/VBoxGuestAdditions/config": "INSTALL_DIR='/opt/VBoxGuestAdditions-7.0.10'\n"},
        "ForeignAgents",
        W,
        "/var/lib/VBoxGuestAdditions/config",
        {"/var/lib/VBoxGuestAdditions/config": None},
    ),
    Mutation(
        "huawei-password-agent-left",
        {"/CloudResetPwdAgent/bin/cloudResetPwdAgent.script": "#!/bin/sh\n"},
        "ForeignAgents",
        W,
        "/CloudResetPwdAgent/bin",
        {"/CloudResetPwdAgent": None},
    ),
    Mutation(
        "vagrant-box",
        {"/etc/sudoers.d/vagrant": File("vagrant ALL=(ALL) NOPASSWD: ALL\n", 0o440)},
        "ForeignAgents",
        W,
        "/etc/sudoers.d/vagrant",
        {"/etc/sudoers.d/vagrant": None},
    ),
    Mutation(
        "second-interface",
        {"/etc/network/interfaces.d/eth1": "auto eth1\niface eth1 inet dhcp\n"},
        "NetworkSettings",
        W,
        "/etc/network/interfaces.d/eth1:2",
        {"/etc/network/interfaces.d/eth1": None},
    ),
    Mutation(
        "name-server-fixed",
        {"/etc/resolv.conf": "search example.org\nnameserver 192.168.7.1\n"},
        "NetworkSettings",
        W,
        "/etc/resolv.conf:2",
        {"/etc/resolv.conf": None},
    ),
    Mutation(
        "file-system-module-blocked",
        {"/etc/modprobe.d/cis.conf": "install udf /bin/true\n"},
        "KernelModules",
        W,
        "/etc/modprobe.d/cis.conf:1",
        {"/etc/modprobe.d/cis.conf": None},
    ),
    Mutation(
        "kernel-without-fw-cfg",
        sub(_CONFIG, "CONFIG_FW_CFG_SYSFS=m", "# CONFIG_FW_CFG_SYSFS is not set"),
        "KernelModules",
        W,
        f"{_CONFIG}:{_FW_CFG_LINE}",
    ),
    Mutation(
        "passwords-refused",
        {_PASSWORDS: "PasswordAuthentication no\n"},
        "PasswordLogin",
        W,
        f"{_PASSWORDS}:1",
        {"/etc/cloud/cloud.cfg.d/96_password.cfg": "ssh_pwauth: true\n"},
    ),
)
