"""Agents and tools that clouds and hypervisors put into their guests: by what they are known, and which of them start.

Known by packages of the distributions, by files of the vendors' own installers, and by units. A unit that waits for
its own hypervisor (`ConditionVirtualization=`, systemd.unit(5)) is not started on another one.
Not told apart: versions. QEMU's guest agent is judged by a rule of its own.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

import msgspec

from inspector.facts import Facts, UnknownFact
from inspector.facts.packages import Packages
from inspector.facts.services import Services, UnitState
from inspector.guest import Guest
from inspector.linux.leftover_files import absent
from inspector.linux.units import SEARCH
from inspector.verdict import Evidence
from parsers.linux.systemd import parse_unit

_HERE: Final = frozenset({"yes", "true", "1", "on", "vm", "kvm", "qemu"})
"""Values of ConditionVirtualization= that hold on a KVM host."""
_UNIT_LIMIT: Final = 1 << 18


class Agent(msgspec.Struct, frozen=True):
    """What an agent is known by. `home` is the cloud or hypervisor that it belongs to; `files` are shell patterns."""

    name: str
    home: str
    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


AGENTS: Final = (
    Agent(
        "VMware Tools",
        "vmware",
        ("open-vm-tools", "open-vm-tools-desktop", "vmware-tools-core"),
        ("/usr/bin/vmtoolsd", "/usr/bin/vmware-uninstall-tools.pl", "/usr/lib/vmware-tools/sbin*/vmtoolsd",
         "/etc/vmware-tools/locations"),
        ("vmtoolsd", "open-vm-tools", "vmware-tools", "vmware-tools-services", "vgauthd", "vgauth"),
    ),
    Agent(
        "VirtualBox Guest Additions",
        "virtualbox",
        ("virtualbox-guest-utils", "virtualbox-guest-x11", "virtualbox-guest-dkms", "virtualbox-guest-additions",
         "virtualbox-guest-tools", "virtualbox-guest-utils-nox"),
        ("/usr/sbin/VBoxService", "/usr/bin/VBoxService", "/opt/VBoxGuestAdditions-*/sbin/VBoxService",
         "/var/lib/VBoxGuestAdditions/config"),
        ("vboxadd", "vboxadd-service", "virtualbox-guest-utils", "vboxservice", "vboxguest"),
    ),
    Agent(
        "the daemons of Hyper-V",
        "hyper-v",
        ("hyperv-daemons", "hypervkvpd", "hypervvssd", "hypervfcopyd", "hyperv", "hyper-v", "hvtools"),
        ("/usr/sbin/hypervkvpd", "/usr/sbin/hv_kvp_daemon", "/usr/bin/hv_kvp_daemon",
         "/usr/lib/hyper-v/bin/hv_kvp_daemon"),
        ("hypervkvpd", "hypervvssd", "hypervfcopyd", "hv-kvp-daemon", "hv-vss-daemon", "hv-fcopy-daemon",
         "hv_kvp_daemon", "hv_vss_daemon", "hv_fcopy_daemon", "hyperv-daemons.hv-kvp-daemon",
         "hyperv-daemons.hv-vss-daemon", "hyperv-daemons.hv-fcopy-daemon"),
    ),
    Agent(
        "the guest utilities of Xen",
        "xen",
        ("xe-guest-utilities", "xe-guest-utilities-latest", "xe-guest-utilities-xenstore"),
        ("/usr/sbin/xe-daemon", "/usr/sbin/xe-linux-distribution"),
        ("xe-daemon", "xe-linux-distribution", "xe-guest-utilities", "xendomains-guest"),
    ),
    Agent(
        "Parallels Tools",
        "parallels",
        (),
        ("/usr/lib/parallels-tools/install", "/usr/bin/prltoolsd"),
        ("prltoolsd", "prltools"),
    ),
    Agent(
        "Nutanix Guest Tools", "nutanix", ("nutanix-guest-agent",), ("/usr/local/nutanix/ngt/*",), ("ngt_guest_agent",)
    ),
    Agent(
        "the guest agent of oVirt",
        "ovirt",
        ("ovirt-guest-agent", "ovirt-guest-agent-common", "rhevm-guest-agent-common"),
        ("/usr/share/ovirt-guest-agent/ovirt-guest-agent.py",),
        ("ovirt-guest-agent",),
    ),
    Agent(
        "the agent of Azure",
        "azure",
        ("walinuxagent", "WALinuxAgent", "waagent", "python-azure-agent", "azure-vm-utils"),
        ("/usr/sbin/waagent", "/usr/bin/waagent"),
        ("walinuxagent", "waagent"),
    ),
    Agent(
        "the guest agent of Google Cloud",
        "google",
        ("google-guest-agent", "google-compute-engine", "gce-compute-image-packages", "google-osconfig-agent",
         "google-compute-daemon"),
        ("/usr/bin/google_guest_agent", "/usr/bin/google_guest_agent_manager", "/usr/bin/google_osconfig_agent",
         "/usr/bin/google_accounts_daemon"),
        ("google-guest-agent", "google-guest-agent-manager", "google-osconfig-agent", "google-startup-scripts",
         "google-shutdown-scripts", "google-accounts-daemon"),
    ),
    Agent(
        "the agents of AWS",
        "aws",
        ("amazon-ssm-agent", "ec2-instance-connect", "ec2-hibinit-agent", "amazon-cloudwatch-agent"),
        ("/usr/bin/amazon-ssm-agent", "/usr/sbin/amazon-ssm-agent", "/var/lib/snapd/snaps/amazon-ssm-agent_*.snap"),
        ("amazon-ssm-agent", "snap.amazon-ssm-agent.amazon-ssm-agent", "hibinit-agent", "amazon-cloudwatch-agent"),
    ),
    Agent(
        "the agents of Tencent Cloud",
        "tencent",
        (),
        ("/usr/local/qcloud/stargate/*", "/usr/local/qcloud/monitor/*", "/usr/local/qcloud/YunJing/*",
         "/usr/local/qcloud/tat_agent/*"),
        ("tat_agent", "YDService", "sgagent", "barad_agent"),
    ),
    Agent(
        "the agents of Huawei Cloud",
        "huawei",
        ("hostguard", "telescope"),
        ("/CloudResetPwdAgent/*", "/CloudrResetPwdAgent/*", "/CloudResetPwdUpdateAgent/*",
         "/usr/local/hostguard/bin/hostguard", "/usr/local/telescope/*", "/usr/local/uniagent/*"),
        ("cloudResetPwdAgent", "cloudResetPwdUpdateAgent", "hostguard", "telescoped", "uniagent"),
    ),
    Agent(
        "the agents of Baidu AI Cloud",
        "baidu",
        ("bcm-agent",),
        ("/opt/bcm-agent/*", "/opt/hosteye/*", "/opt/avalokita/*"),
        ("bcm-agent", "hosteye", "avalokita"),
    ),
    Agent(
        "the agents of Alibaba Cloud",
        "alibaba",
        ("aliyun_assist", "aliyun-assist"),
        ("/usr/local/share/aliyun-assist/*/aliyun-service", "/usr/local/share/assist-daemon/assist_daemon",
         "/usr/local/aegis/aegis_client/*/AliYunDun", "/usr/local/cloudmonitor/*"),
        ("aliyun", "AssistDaemon", "aegis", "cloudmonitor"),
    ),
    Agent(
        "the agents of Oracle Cloud",
        "oracle",
        ("oracle-cloud-agent",),
        ("/usr/libexec/oracle-cloud-agent/agent", "/var/lib/snapd/snaps/oracle-cloud-agent_*.snap"),
        ("oracle-cloud-agent", "oracle-cloud-agent-updater", "snap.oracle-cloud-agent.oracle-cloud-agent"),
    ),
    Agent(
        "the agents of DigitalOcean",
        "digitalocean",
        ("droplet-agent", "do-agent"),
        ("/opt/digitalocean/bin/droplet-agent", "/opt/digitalocean/bin/do-agent"),
        ("droplet-agent", "do-agent"),
    ),
    Agent(
        "what Vagrant needs of its boxes",
        "vagrant",
        (),
        ("/home/vagrant/.ssh/authorized_keys", "/etc/sudoers.d/*vagrant", "/etc/vagrant_box_build_*"),
    ),
)  # fmt: skip


class Presence(msgspec.Struct, frozen=True):
    """An agent that was found. `idle` is why nothing starts it; empty where something does, or may."""

    agent: Agent
    seen: tuple[Evidence, ...]
    idle: tuple[Evidence, ...]


def find_agents(facts: Facts, own: frozenset[str]) -> Iterator[Presence]:
    """Give the agents in the guest whose home is none of `own`.

    Raises:
        UnknownFact: the guest's services are not known.
    """
    guest, services = facts[Guest], facts[Services]
    for agent in AGENTS:
        if agent.home not in own:
            presence = _presence(facts, guest, services, agent)
            if presence.seen:
                yield presence


def _presence(facts: Facts, guest: Guest, services: Services, agent: Agent) -> Presence:
    states = [state for state in (services.state(f"{unit}.service") for unit in agent.units) if state.installed]
    paths = [path for pattern in agent.files for path in guest.glob(pattern)[:1]]
    there = [*_packages(facts, agent), *(Evidence(guest.place(path), agent.name) for path in paths)]
    waits = [(state, _waiting(guest, state) if state.enabled else None) for state in states]
    starts = [Evidence(it.place, f"{it.unit}: {it.reason}") for it, waiting in waits if it.enabled and not waiting]
    idle = [waiting or Evidence(it.place, f"{it.unit}: {it.reason}") for it, waiting in waits]
    if starts or not idle:
        return Presence(agent, (*starts, *there), ())
    return Presence(agent, (*there, *idle), tuple(idle))


def _packages(facts: Facts, agent: Agent) -> list[Evidence]:
    """The packages, where the database can be read; files and units speak for themselves where it cannot."""
    try:
        found = [facts[Packages].find(name) for name in agent.packages]
    except UnknownFact:
        return []
    return [Evidence(package.place, f"{package.name} {package.full_version}") for package in found if package]


def _waiting(guest: Guest, state: UnitState) -> Evidence | None:
    """What keeps a unit that is enabled from starting on this hypervisor; nothing where a drop-in may say otherwise."""
    if state.path is None or any(guest.is_dir(f"{folder}/{posixpath.basename(state.path)}.d") for folder in SEARCH):
        return None
    unit = parse_unit(guest.read_text(state.path, _UNIT_LIMIT), state.path)
    for assignment in unit.all("Unit", "ConditionVirtualization"):
        if assignment.value and assignment.value[0] not in "!|" and assignment.value.lower() not in _HERE:
            return Evidence(assignment.place, f"{state.unit} starts on {assignment.value} alone")
    return None


def looked_for(own: frozenset[str]) -> list[Evidence]:
    """Return evidence that nothing is where the agents would be."""
    return absent(agent.files[0] for agent in AGENTS if agent.home not in own)
