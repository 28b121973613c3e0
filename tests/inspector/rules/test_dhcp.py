"""The network rules, on a Debian guest in memory and on its faults."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import File, Files, Link
from fixtures.golden import GOLDEN
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootFile, DefaultKernel
from inspector.facts.cloud_init import CloudInit
from inspector.facts.network import NetworkConfig
from inspector.facts.services import Services
from inspector.rules.dhcp import (
    RULES,
    dhcp_client_installed,
    interface_names_match_kernel,
    network_config_parses,
    network_not_bound_to_mac,
    network_service_enabled,
    one_back_end_per_interface,
    primary_interface_uses_dhcp,
)
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.place import Place
from tests.facts_of import facts_of

GRUB = Place("/boot/grub/grub.cfg", 89)
ETH0 = "/etc/network/interfaces.d/eth0"
UNITS = "/etc/systemd/system"
NETWORKING = f"{UNITS}/networking.service"
WANTS = f"{UNITS}/multi-user.target.wants"
NETWORK = "/etc/systemd/network/10-a.network"
CONNECTION = "/etc/NetworkManager/system-connections/a.nmconnection"
NETPLAN = "/etc/netplan/50-a.yaml"
NO_CLOUD_INIT = {"/etc/cloud/cloud-init.disabled": ""}
RULES_FILE = {
    "/usr/lib/udev/rules.d/80-net-setup-link.rules": "x",
    "/usr/lib/systemd/network/99-default.link": "[Match]\nOriginalName=*\n[Link]\nNamePolicy=keep kernel slot path\n",
}
UNIT = "[Service]\nExecStart=/bin/true {}\n[Install]\nWantedBy=multi-user.target\n"
NETWORKD: dict[str, Any] = {
    NETWORKING: Link("/dev/null"),
    "/usr/lib/systemd/system/systemd-networkd.service": UNIT.format("systemd-networkd"),
    f"{WANTS}/systemd-networkd.service": Link("/usr/lib/systemd/system/systemd-networkd.service"),
}
NETWORKMANAGER: dict[str, Any] = {
    NETWORKING: Link("/dev/null"),
    ETH0: "",
    "/usr/lib/systemd/system/NetworkManager.service": UNIT.format("NetworkManager"),
    f"{WANTS}/NetworkManager.service": Link("/usr/lib/systemd/system/NetworkManager.service"),
}
DHCP_FILE = "[Match]\nName=eth0\n[Network]\nDHCP=yes\n"
DHCP_CONNECTION = "[connection]\nid=a\ntype=ethernet\n[ipv4]\nmethod=auto\n"


def facts(change: dict[str, Any] | None = None, *arguments: str, given: dict[Any, Any] | None = None) -> Facts:
    files: Files = {path: node for path, node in {**GOLDEN, **(change or {})}.items() if node is not None}
    words = arguments or ("net.ifnames=0", "biosdevname=0")
    image = BootFile(GRUB, "/vmlinuz", "/vmlinuz", "sda1", mounted=True, size=1)
    kernel = DefaultKernel("6.1.0", image, (), words, GRUB)
    return facts_of(files, given={DefaultKernel: kernel, **(given or {})})


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]


def judge(rule: Rule, change: dict[str, Any] | None = None, *arguments: str) -> tuple[Status, list[str]]:
    verdict = rule(facts(change, *arguments))
    return verdict.status, places(verdict)


# -- four ways, for every rule


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_golden_guest_is_ok(rule: Rule) -> None:
    verdict = rule(facts())
    assert verdict.status is Status.OK
    assert all(evidence.seen for evidence in verdict.evidence)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("noun", [Services, DefaultKernel, NetworkConfig], ids=lambda noun: noun.__name__)
def test_unknown_is_never_ok(rule: Rule, noun: type[Any]) -> None:
    verdict = rule(facts(given={noun: UnknownFact("not readable", Place("/x"))}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert "not readable" in verdict.evidence[0].seen


STATIC = "auto eth0\niface eth0 inet static\n address 10.0.0.5/24\n"
FAULTS: list[tuple[Rule, dict[str, Any], Status, str, dict[str, Any]]] = [
    (network_service_enabled, {NETWORKING: Link("/dev/null")}, Status.FAILED, NETWORKING, {NETWORKING: None}),
    (
        network_config_parses,
        {ETH0: "auto eth0\niface eth0 inet dchp\n"},
        Status.WARNING,
        f"{ETH0}:2",
        {ETH0: "auto eth0\niface eth0 inet dhcp\n"},
    ),
    (
        network_config_parses,
        {"/etc/network/interfaces": "auto eth0\niface eth0 inet dchp\n"},
        Status.FAILED,
        "/etc/network/interfaces:2",
        {"/etc/network/interfaces": "auto eth0\niface eth0 inet dhcp\n"},
    ),
    (
        primary_interface_uses_dhcp,
        {ETH0: STATIC, **NO_CLOUD_INIT},
        Status.FAILED,
        f"{ETH0}:2",
        {ETH0: "allow-hotplug eth0\niface eth0 inet dhcp\n"},
    ),
    (
        interface_names_match_kernel,
        {ETH0: "auto ens3\niface ens3 inet dhcp\n"},
        Status.WARNING,
        f"{ETH0}:2",
        {ETH0: "auto eth0\niface eth0 inet dhcp\n"},
    ),
    (
        network_not_bound_to_mac,
        {"/etc/udev/rules.d/70-persistent-net.rules": '# x\nATTR{address}=="52:54:00:00:00:01", NAME="eth0"\n'},
        Status.WARNING,
        "/etc/udev/rules.d/70-persistent-net.rules:2",
        {"/etc/udev/rules.d/70-persistent-net.rules": None},
    ),
    (
        dhcp_client_installed,
        {"/usr/sbin/dhclient": None},
        Status.FAILED,
        "/usr/sbin/dhclient",
        {"/usr/sbin/dhcpcd": File("\x7fELF", 0o755)},
    ),
    (
        one_back_end_per_interface,
        {**NETWORKD, NETWORKING: None, NETWORK: DHCP_FILE},
        Status.WARNING,
        f"{NETWORK}:4",
        {f"{WANTS}/systemd-networkd.service": None},
    ),
]


@pytest.mark.parametrize(("rule", "change", "status", "place", "fix"), FAULTS)
def test_a_fault_has_its_place_and_the_fix_mends_it(
    rule: Rule, change: dict[str, Any], status: Status, place: str, fix: dict[str, Any]
) -> None:
    found, where = judge(rule, change)
    assert found is status
    assert place in where
    assert judge(rule, {**change, **fix})[0] is Status.OK


# -- primary-interface-uses-dhcp


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({**NETWORKD, NETWORK: DHCP_FILE}, f"{NETWORK}:4"),
        ({**NETWORKD, NETWORK: "[Match]\nName=e*\n[Network]\nDHCP=ipv4\n"}, f"{NETWORK}:4"),
        ({**NETWORKD, NETWORK: "[Match]\nDriver=virtio*\nType=ether\n[Network]\nDHCP=ipv4\n"}, f"{NETWORK}:5"),
        ({**NETWORKMANAGER, CONNECTION: File(DHCP_CONNECTION, 0o600)}, f"{CONNECTION}:5"),
        (
            {
                **NETWORKD,
                "/usr/sbin/netplan": File("x", 0o755),
                NETPLAN: "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n",
            },
            f"{NETPLAN}:3",
        ),
    ],
)
def test_dhcp_of_every_back_end(change: dict[str, Any], place: str) -> None:
    status, where = judge(primary_interface_uses_dhcp, {**change, **NO_CLOUD_INIT})
    assert status is Status.OK
    assert where[0] == place


def test_the_first_file_that_matches_decides_for_networkd() -> None:
    first = {**NETWORKD, **NO_CLOUD_INIT, "/etc/systemd/network/00-z.network": "[Match]\nName=*\n[Network]\nDHCP=no\n"}
    change = {**first, NETWORK: DHCP_FILE}
    assert judge(primary_interface_uses_dhcp, change)[0] is Status.FAILED
    masked = {**change, "/etc/systemd/network/00-z.network": Link("/dev/null")}
    assert judge(primary_interface_uses_dhcp, masked)[0] is Status.OK
    vendor = {
        **NETWORKD,
        **NO_CLOUD_INIT,
        "/usr/lib/systemd/network/10-a.network": DHCP_FILE,
        NETWORK: Link("/dev/null"),
    }
    assert judge(primary_interface_uses_dhcp, vendor)[0] is Status.FAILED


def test_drop_ins_count_for_networkd() -> None:
    change = {**NETWORKD, **NO_CLOUD_INIT, NETWORK: DHCP_FILE, f"{NETWORK}.d/x.conf": "[Network]\nDHCP=no\n"}
    assert judge(primary_interface_uses_dhcp, change)[0] is Status.FAILED


def test_netplan_without_its_generator_says_nothing() -> None:
    change = {**NETWORKD, **NO_CLOUD_INIT, NETPLAN: "network: {ethernets: {eth0: {dhcp4: true}}}\n"}
    assert judge(primary_interface_uses_dhcp, change)[0] is Status.FAILED


def test_a_profile_that_others_can_read_is_ignored_by_networkmanager() -> None:
    change = {**NETWORKMANAGER, CONNECTION: File(DHCP_CONNECTION, 0o644)}
    assert judge(network_config_parses, change)[1] == [CONNECTION]
    # There is still the default profile.
    assert judge(primary_interface_uses_dhcp, {**change, **NO_CLOUD_INIT})[0] is Status.WARNING
    server = {"/etc/NetworkManager/conf.d/00-server.conf": "[main]\nno-auto-default=*\n"}
    assert judge(primary_interface_uses_dhcp, {**change, **NO_CLOUD_INIT, **server})[0] is Status.FAILED


def test_networkmanager_leaves_what_ifupdown_has() -> None:
    change = {
        **NETWORKMANAGER,
        **NO_CLOUD_INIT,
        "/etc/NetworkManager/NetworkManager.conf": "[main]\nplugins=ifupdown,keyfile\n[ifupdown]\nmanaged=false\n",
        ETH0: STATIC,
    }
    assert judge(primary_interface_uses_dhcp, change)[0] is Status.FAILED


def test_cloud_init_mends_a_static_address() -> None:
    verdict = primary_interface_uses_dhcp(facts({ETH0: STATIC}))
    assert verdict.status is Status.WARNING
    assert places(verdict) == [f"{ETH0}:2", "/usr/bin/cloud-init"]


@pytest.mark.parametrize(
    "change",
    [
        {"/etc/cloud/cloud.cfg.d/99.cfg": "network: {config: disabled}\n"},
        {"/var/lib/cloud/data/upgraded-network": ""},
        {f"{UNITS}/cloud-init-local.service": Link("/dev/null")},
        {"/usr/bin/cloud-init": None},
        {"/etc/network/interfaces": "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet manual\n"},
    ],
)
def test_where_cloud_init_cannot_mend_it_is_a_failure(change: dict[str, Any]) -> None:
    assert judge(primary_interface_uses_dhcp, {ETH0: STATIC, **change})[0] is Status.FAILED


def test_cloud_init_alone_is_enough_where_nothing_is_configured() -> None:
    assert judge(primary_interface_uses_dhcp, {ETH0: ""})[0] is Status.OK
    assert judge(primary_interface_uses_dhcp, {ETH0: "", **NO_CLOUD_INIT})[0] is Status.FAILED


@pytest.mark.parametrize(
    ("network", "status"),
    [
        ("{version: 2, ethernets: {eth0: {dhcp4: true}}}", Status.OK),
        ("{version: 2, ethernets: {eth0: {addresses: [10.0.0.2/24]}}}", Status.FAILED),
        ("{version: 1, config: [{type: physical, name: eth0, subnets: [{type: dhcp}]}]}", Status.OK),
        (
            "{version: 1, config: [{type: physical, name: eth0},"
            " {type: bond, name: bond0, bond_interfaces: [eth0], subnets: [{type: dhcp}]}]}",
            Status.OK,
        ),
        (
            "{version: 1, config: [{type: physical, name: eth0, subnets: [{type: static, address: 10.0.0.2/24}]}]}",
            Status.FAILED,
        ),
        ("{version: 9}", Status.FAILED),
    ],
)
def test_what_cloud_init_itself_is_told(network: str, status: Status) -> None:
    change = {ETH0: "", "/etc/cloud/cloud.cfg.d/99.cfg": f"network: {network}\n"}
    assert judge(primary_interface_uses_dhcp, change)[0] is status


def test_names_without_the_argument() -> None:
    plain = ("quiet",)
    eth0 = {**RULES_FILE, **NO_CLOUD_INIT}
    assert judge(interface_names_match_kernel, eth0, *plain)[0] is Status.WARNING
    assert judge(primary_interface_uses_dhcp, eth0, *plain)[0] is Status.FAILED
    slot = {**eth0, ETH0: "auto ens5\niface ens5 inet dhcp\n"}
    assert judge(interface_names_match_kernel, slot, *plain)[0] is Status.WARNING
    assert judge(primary_interface_uses_dhcp, slot, *plain)[0] is Status.WARNING
    every = {**eth0, ETH0: "auto /en*=net\niface net inet dhcp\n"}
    assert judge(interface_names_match_kernel, every, *plain)[0] is Status.OK
    assert judge(primary_interface_uses_dhcp, every, *plain)[0] is Status.OK


@pytest.mark.parametrize(
    "change",
    [
        {"/etc/systemd/network/99-default.link": Link("/dev/null")},
        {"/etc/udev/rules.d/80-net-setup-link.rules": Link("/dev/null")},
        {"/etc/systemd/network/10-n.link": "[Match]\nOriginalName=*\n[Link]\nName=eth0\n"},
        {"/etc/systemd/network/10-n.link": "[Match]\nOriginalName=*\n[Link]\nNamePolicy=kernel\n"},
        {"/usr/lib/udev/rules.d/80-net-setup-link.rules": None},
    ],
)
def test_other_ways_to_keep_eth0(change: dict[str, Any]) -> None:
    files = {**RULES_FILE, **change}
    assert judge(primary_interface_uses_dhcp, files, "quiet")[0] is Status.OK
    assert judge(interface_names_match_kernel, files, "quiet")[0] is Status.OK


def test_a_profile_for_one_hardware_address_never_applies() -> None:
    text = "[Match]\nMACAddress=52:54:00:00:00:01\n[Network]\nDHCP=yes\n"
    change = {**NETWORKD, **NO_CLOUD_INIT, NETWORK: text}
    assert judge(network_not_bound_to_mac, change) == (Status.WARNING, [f"{NETWORK}:2"])
    status, places = judge(primary_interface_uses_dhcp, change)
    assert (status, places[0]) == (Status.FAILED, f"{NETWORK}:2")


def test_a_bridge_takes_the_address_of_its_port() -> None:
    change = {
        **NETWORKD,
        **NO_CLOUD_INIT,
        NETWORK: "[Match]\nName=eth0\n[Network]\nBridge=br0\n",
        "/etc/systemd/network/20-br.network": "[Match]\nName=br0\n[Network]\nDHCP=yes\n",
        "/etc/systemd/network/20-br.netdev": "[NetDev]\nName=br0\nKind=bridge\n",
    }
    assert judge(primary_interface_uses_dhcp, change)[0] is Status.OK


def test_a_bond_that_is_named_by_its_uuid_gives_its_port_the_address() -> None:
    uuid = "26543a28-3963-4940-9f4d-f0843d2c4a97"
    port = f"[connection]\nid=p\ntype=ethernet\ninterface-name=eth0\nmaster={uuid.upper()}\nslave-type=bond\n"
    bond = f"[connection]\nid=b\nuuid={uuid}\ntype=bond\ninterface-name=bond0\n[ipv4]\nmethod=auto\n"
    other = "/etc/NetworkManager/system-connections/b.nmconnection"
    change = {**NETWORKMANAGER, **NO_CLOUD_INIT, CONNECTION: File(port, 0o600), other: File(bond, 0o600)}
    assert judge(primary_interface_uses_dhcp, change)[0] is Status.OK
    manual = bond.replace("method=auto", "method=disabled")
    assert judge(primary_interface_uses_dhcp, {**change, other: File(manual, 0o600)})[0] is Status.FAILED


def test_files_of_other_back_ends_leave_it_open() -> None:
    change = {NETWORKING: Link("/dev/null"), "/etc/sysconfig/network-scripts/ifcfg-eth0": "BOOTPROTO=dhcp\n"}
    for rule in (network_service_enabled, primary_interface_uses_dhcp):
        verdict = rule(facts(change))
        assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_rules_that_do_not_concern_a_guest_say_so() -> None:
    nothing = facts({NETWORKING: Link("/dev/null")})
    for rule in (
        network_config_parses,
        interface_names_match_kernel,
        one_back_end_per_interface,
        dhcp_client_installed,
    ):
        with pytest.raises(NotApplicable):
            rule(nothing)


def test_the_network_scripts_run_dhclient() -> None:
    scripts: dict[str, Any] = {
        NETWORKING: Link("/dev/null"),
        ETH0: "",
        "/etc/rc.d/init.d/network": File("#!/bin/sh\n", 0o755),
        "/etc/rc.d/rc3.d/S10network": Link("../init.d/network"),
        "/usr/lib/systemd/system-generators/systemd-sysv-generator": File("x", 0o755),
        "/etc/sysconfig/network-scripts/network-functions": "",
        "/etc/sysconfig/network-scripts/ifcfg-eth0": "DEVICE=eth0\nONBOOT=yes\nBOOTPROTO=dhcp\n",
    }
    assert dhcp_client_installed(facts(scripts)).status is Status.OK
    gone = dhcp_client_installed(facts({**scripts, "/usr/sbin/dhclient": None}))
    assert (gone.status, gone.evidence[0].place) == (Status.FAILED, Place("/usr/sbin/dhclient"))
    other = {"/usr/sbin/udhcpc": File(b"\x7fELF", 0o755)}
    assert dhcp_client_installed(facts({**scripts, "/usr/sbin/dhclient": None, **other})).status is Status.FAILED


def test_a_guest_without_any_back_end() -> None:
    made = facts(given={NetworkConfig: NetworkConfig((), facts()[NetworkConfig].names)})
    assert network_service_enabled(made).status is Status.FAILED
    assert primary_interface_uses_dhcp(made).status is Status.FAILED


def test_what_cloud_init_would_do_may_be_unknown() -> None:
    made = facts({ETH0: STATIC}, given={CloudInit: UnknownFact("cloud-init cannot be read")})
    assert primary_interface_uses_dhcp(made).known is False


def test_files_for_containers_and_tunnels_are_for_no_card() -> None:
    vendor = {
        "/usr/lib/systemd/network/80-container-host0.network": (
            "[Match]\nVirtualization=container\nName=host0\n[Network]\nDHCP=yes\n"
        ),
        "/usr/lib/systemd/network/80-wifi.network": "[Match]\nWLANInterfaceType=station\n[Network]\nDHCP=yes\n",
    }
    change = {**NETWORKD, **NO_CLOUD_INIT, **vendor}
    assert judge(primary_interface_uses_dhcp, change)[0] is Status.FAILED
    with pytest.raises(NotApplicable):
        interface_names_match_kernel(facts({**change, NETWORK: "[Match]\nType=!loopback\n[Network]\nDHCP=yes\n"}))
    assert (
        judge(primary_interface_uses_dhcp, {**change, NETWORK: "[Match]\nKind=!*\n[Network]\nDHCP=yes\n"})[0]
        is Status.OK
    )


def test_cloud_init_writes_for_the_first_renderer() -> None:
    settings = "system_info: {network: {renderers: [networkd, eni]}}\n"
    asked = {ETH0: STATIC, "/etc/cloud/cloud.cfg.d/99.cfg": settings}
    # systemd-networkd is installed and does not run: what is written for it is not read.
    assert judge(primary_interface_uses_dhcp, asked)[0] is Status.FAILED
    assert judge(primary_interface_uses_dhcp, {**asked, **NETWORKD})[0] is Status.OK


def test_networkmanager_may_be_told_to_leave_devices_alone() -> None:
    conf = "[device-x]\nmatch-device=interface-name:eth*\nmanaged=0\n"
    change = {**NETWORKMANAGER, **NO_CLOUD_INIT, "/etc/NetworkManager/conf.d/x.conf": conf}
    assert judge(primary_interface_uses_dhcp, change)[0] is Status.FAILED


def test_netplan_starts_networkd_for_what_cloud_init_writes() -> None:
    ubuntu: dict[str, Any] = {
        "/usr/sbin/netplan": File("x", 0o755),
        "/usr/sbin/ifup": None,
        "/usr/lib/systemd/system/networking.service": None,
        f"{WANTS}/networking.service": None,
        "/etc/systemd/system/network-online.target.wants/networking.service": None,
        ETH0: None,
        "/etc/network/interfaces": None,
    }
    for rule in (network_service_enabled, primary_interface_uses_dhcp):
        assert judge(rule, ubuntu)[0] is Status.OK
        assert judge(rule, {**ubuntu, **NO_CLOUD_INIT})[0] is Status.FAILED
        masked = {**ubuntu, f"{UNITS}/systemd-networkd.service": Link("/dev/null")}
        assert judge(rule, masked)[0] is Status.FAILED
