"""Every configuration sample of the corpus that has an independent answer is held against it by a test.

`HELD` names, for each kind of sample (its folder), the tuples that tests are made of: a test that is given a sample by
one of them must compare it. `UNREAD` are the samples that no parser reads, each with the reason. What a test knowingly
lets differ is listed, with reasons, beside that test.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, Final

import pytest

from tests.corpus import entries

HELD: Final[dict[str, tuple[str, ...]]] = {
    # -- networks and cloud-init
    "cloud": ("tests.parsers.network.test_one_network:OTHERS",),
    "cloud-init": ("tests.parsers.network.test_one_network:SAMPLES",),
    "ifcfg": (
        "tests.parsers.network.test_ifcfg_samples:SAMPLES",
        "tests.parsers.network.test_ifcfg_samples:OF_NETWORKMANAGER",
    ),
    "interfaces": ("tests.parsers.network.test_ifupdown_samples:SAMPLES",),
    "netmisc": ("tests.parsers.linux.test_shell_assignments:SAMPLES",),
    "netplan": ("tests.parsers.network.test_netplan:ENTRIES",),
    "network": (
        "tests.parsers.network.test_one_network:OTHERS",
        "tests.parsers.linux.test_shell_assignments:SAMPLES",
    ),
    "networkd": ("tests.parsers.network.test_networkd:ENTRIES", "tests.parsers.network.test_one_network:SAMPLES"),
    "nmconnection": ("tests.parsers.network.test_connection:ENTRIES", "tests.parsers.network.test_keyfile:ENTRIES"),
    "resolv.conf": ("tests.inspector.rules.test_network_settings:RESOLV_CONF",),
    # -- everything else
    "bootcfg": ("tests.parsers.boot.test_syslinux:SAMPLES",),
    "crypttab": ("tests.parsers.linux.test_crypttab:KNOWN",),
    "fstab": ("tests.parsers.linux.test_fstab:CORPUS", "tests.parsers.linux.test_fstab:AUGEAS"),
    "grub": (
        "tests.parsers.boot.test_grub_legacy_samples:ASSERTED",
        "tests.parsers.boot.grub.test_samples:ASSERTED",
        "tests.parsers.boot.grub.test_blscfg:RHEL9",
    ),
    "grub1": ("tests.parsers.boot.test_grub_legacy_samples:KNOWN",),
    "grub2": ("tests.parsers.boot.grub.test_samples:KNOWN",),
    "grubby": ("tests.parsers.boot.test_grubenv:ASSERTED",),
    "grubenv": ("tests.parsers.boot.test_grubenv:KNOWN",),
    "hosts": ("tests.parsers.linux.test_hosts:KNOWN",),
    "kdump": ("tests.parsers.linux.test_shell_assignments:SAMPLES",),
    "mount": ("tests.parsers.linux.test_fstab:MOUNTS",),
    "os-release": ("tests.parsers.linux.test_os_release:KNOWN", "tests.parsers.linux.test_shell_assignments:SAMPLES"),
    "redhat-release": ("tests.parsers.linux.test_os_release:PROSE",),
    "selinux": ("tests.parsers.linux.test_selinux:KNOWN", "tests.parsers.linux.test_selinux:OTHERS"),
    "sshd_config": ("tests.parsers.linux.sshd.test_samples:KNOWN",),
    "sudoers": ("tests.parsers.linux.sudoers.test_sudoers:SAMPLES",),
    "sysconfig": ("tests.parsers.linux.test_shell_assignments:SAMPLES",),
    "systemd": ("tests.parsers.linux.test_systemd:ASSERTED",),
}
"""Kind -> "module:TUPLE"; the members of a tuple are entries of the corpus, ids of them, or tuples that begin so."""

UNREAD: Final[dict[str, str]] = {
    # -- networks and cloud-init
    "nmcli/": "the output of nmcli",
    "in-ifcfg-CONTEXT_PATH": "the name of a file",
    "in-ifcfg-IFCFG_PATH_2": "the name of a file",
    "in-ifcfg-IFCFG_PATH_ETH2": "the name of a file",
    "in-sysconfig_ifcfg_static_route-CONTEXT_PATH_DEVICE_2": "the name of a file",
    "in-networkmanager_dhclient-DHCLIENT_RHEL_7": "a program that dhclient calls, and no setting",
    "in-networkmanager_dhclient-VULNERABLE_RHEL_7": "a program that dhclient calls, and no setting",
    "nm-route-test-static-routes-legacy": "routes, which do not decide whether a guest is given its address",
    "nm-route6-test-wired-ipv6-manual": "routes, which do not decide whether a guest is given its address",
    **{
        entry["id"]: "what commands print on a running system, and settings of Red Hat's subscriptions"
        for entry in entries("known")
        if entry["id"].startswith(("in-cloud_init-", "in-cloud_instance-", "in-cloud_provider-"))
    },
    # -- everything else
    "cmd-blkid/": "the output of a command, which no image holds",
    "cmd-lsblk/": "the output of a command, which no image holds",
    "cmd-lvm/": "the output of commands, which no image holds; the metadata themselves are read from the disk",
    "cmd-parted/": "the output of a command, which no image holds",
    "cmdline/": "/proc/cmdline of a running system",
    "dnf/": "the output of dnf module",
    "locale/": "the output of localectl",
    "mdstat/": "/proc/mdstat of a running system; arrays are read from their superblocks",
    "rpm/": "the output of rpm -qa and rpm -V; packages are read from the databases",
    "sysctl/": "kernel settings, of which no rule asks anything",
    "yum/": "repositories, of which no rule asks anything, and the output of yum",
    "gb-elilo.2": "the loader of Itanium, which no profile takes",
    "gb-lilo.5": "LILO keeps the blocks of its files in a map, so that lilo.conf does not tell what boots",
    "gb-yaboot.2": "the loader of PowerPC, which no profile takes",
    "gb-yaboot.3": "the loader of PowerPC, which no profile takes",
    "gb-zipl.2": "the loader of IBM Z, which no profile takes",
    "in-cryptsetup-LUKS1_DUMP": "the output of cryptsetup luksDump",
    "in-cryptsetup-LUKS2_DUMP": "the output of cryptsetup luksDump",
    "in-cryptsetup_luksDump-LUKS1_DUMP": "the output of cryptsetup luksDump",
    "in-grub_conf-CMDLINE_V2": "/proc/cmdline of a running system",
    "in-grub_conf-INSTALLED_RPMS_V1": "the output of rpm -qa",
    "in-grub_conf-INSTALLED_RPMS_V2": "the output of rpm -qa",
    "in-grub_conf_missing_boot_files-LS_BOOT_1": "the output of ls",
    "in-grub_conf_missing_boot_files-LS_BOOT_2": "the output of ls",
    "in-kdump-KDUMP_TARGET_CONFLICT_1": "kdump.conf, of which no rule asks anything",
    "in-kdump-KDUMP_WITH_BLACKLIST": "kdump.conf, of which no rule asks anything",
    "in-kdump-KDUMP_WITH_NET": "kdump.conf, of which no rule asks anything",
    "in-redhat_release-UNAME": "the output of uname",
    "in-redhat_release-UNAME_10": "the output of uname",
    "in-sudoers-SUDOERS_PATH2": "the name of a file",
    "in-systemd_analyze-OUTPUT": "the output of systemd-analyze blame",
    **{
        entry["id"]: "the output of grubby, or what it says when it fails"
        for entry in entries("known")
        if entry["id"].startswith(("in-grubby-DEFAULT_KERNEL", "in-grubby-GRUBBY_INFO_ALL"))
    },
}
"""Id, or folder and a slash -> why no parser is there to be held against the answer: the output of commands, settings
that decide nothing."""

SAMPLES: Final = tuple(
    entry for entry in entries("known") if entry["file"].startswith("configs/") and entry.get("expected")
)
KINDS: Final = tuple(sorted({entry["file"].split("/")[1] for entry in SAMPLES}))


def ids(members: Iterable[Any]) -> set[str]:
    """Return the ids of what a tuple of `HELD` has for members."""
    found = set()
    for member in members:
        first = member[0] if isinstance(member, tuple) else member
        found.add(first["id"] if isinstance(first, dict) else first)
    return found


def held(kind: str) -> set[str]:
    """Return the ids of the samples that tests of a kind compare."""
    found: set[str] = set()
    for name in HELD.get(kind, ()):
        module, _, attribute = name.partition(":")
        found |= ids(getattr(importlib.import_module(module), attribute))
    return found


@pytest.mark.corpus
@pytest.mark.parametrize("kind", KINDS)
def test_every_sample_is_held_by_a_test_or_listed_as_unread(kind: str) -> None:
    samples = {entry["id"] for entry in SAMPLES if entry["file"].split("/")[1] == kind}
    unread = samples if f"{kind}/" in UNREAD else UNREAD.keys()
    assert sorted(samples - held(kind) - unread) == []


@pytest.mark.corpus
def test_what_is_listed_is_there() -> None:
    known = {entry["id"] for entry in entries("known")}
    assert sorted(UNREAD.keys() - known - {f"{kind}/" for kind in KINDS}) == []
    assert sorted(HELD.keys() - set(KINDS)) == []
    assert sorted({it for kind in HELD for it in held(kind)} & UNREAD.keys()) == []
