"""Which files of a guest make up its network configuration, and in which order."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fixtures.files import File, Link
from fixtures.golden import GOLDEN
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootFile, DefaultKernel
from inspector.facts.network import PREDICTABLE, BackEnd, NetworkConfig
from parsers.place import Place
from tests.facts_of import facts_of

GRUB = Place("/boot/grub/grub.cfg", 89)
UNIT = "[Service]\nExecStart=/bin/true {}\n[Install]\nWantedBy=multi-user.target\n"
WANTS = "/etc/systemd/system/multi-user.target.wants"


def facts(change: dict[str, Any], *arguments: str) -> Facts:
    files = {path: node for path, node in {**GOLDEN, **change}.items() if node is not None}
    image = BootFile(GRUB, "/vmlinuz", "/vmlinuz", "sda1", mounted=True, size=1)
    return facts_of(files, given={DefaultKernel: DefaultKernel("6.1", image, (), arguments, GRUB)})


def network(change: dict[str, Any], *arguments: str) -> NetworkConfig:
    return facts(change, *arguments)[NetworkConfig]


def backend(change: dict[str, Any], name: str) -> BackEnd:
    return next(it for it in network(change).backends if it.name == name)


def running(unit: str) -> dict[str, Any]:
    path = f"/usr/lib/systemd/system/{unit}"
    return {path: UNIT.format(unit.removesuffix(".service")), f"{WANTS}/{unit}": Link(path)}


def test_the_golden_guest() -> None:
    found = network({}, "net.ifnames=0")
    assert [(it.name, it.enabled) for it in found.backends] == [("ifupdown", True), ("networkd", False)]
    assert found.names.names == ("eth0",)
    assert (found.bindings, found.unread) == ((), ())


def test_files_in_etc_hide_those_of_the_vendor_and_all_are_sorted_by_name() -> None:
    change = {
        "/usr/lib/systemd/network/20-b.network": "[Match]\nName=vendor\n[Network]\nDHCP=yes\n",
        "/etc/systemd/network/20-b.network": "[Match]\nName=own\n[Network]\nDHCP=yes\n",
        "/usr/lib/systemd/network/10-a.network": "[Match]\nName=first\n[Network]\nDHCP=yes\n",
        "/usr/lib/systemd/network/30-c.network": "[Match]\nName=hidden\n[Network]\nDHCP=yes\n",
        "/etc/systemd/network/30-c.network": "",
        "/usr/lib/systemd/network/10-a.network.d/x.conf": "[Network]\nAddress=10.0.0.1/24\n",
    }
    profiles = backend(change, "networkd").configuration.profiles
    assert [it.match.names for it in profiles] == [("first",), ("own",)]
    assert profiles[0].addresses == ("10.0.0.1/24",)


def test_netplan_is_read_by_name_over_its_directories() -> None:
    change = {
        "/usr/sbin/netplan": File("x", 0o755),
        "/usr/lib/netplan/90-z.yaml": "network: {ethernets: {e: {dhcp4: true, addresses: [10.0.0.1/24]}}}\n",
        "/etc/netplan/10-a.yaml": "network: {ethernets: {e: {dhcp4: false}}}\n",
        "/usr/lib/netplan/50-x.yaml": "network: [\n",
        "/etc/netplan/50-x.yaml": "network: {ethernets: {f: {renderer: NetworkManager, dhcp4: true}}}\n",
        **running("NetworkManager.service"),
    }
    (profile,) = backend(change, "networkd").configuration.profiles
    assert (profile.name, profile.ipv4) == ("e", "dhcp")
    assert [it.name for it in backend(change, "networkmanager").configuration.profiles] == ["f"]


def test_netplan_files_take_part_in_the_order_of_networkd() -> None:
    change = {
        "/usr/sbin/netplan": File("x", 0o755),
        "/etc/netplan/a.yaml": "network: {ethernets: {e: {dhcp4: true}}}\n",
        "/etc/systemd/network/05-x.network": "[Match]\nName=x\n",
        "/etc/systemd/network/20-y.network": "[Match]\nName=y\n",
    }
    profiles = backend(change, "networkd").configuration.profiles
    assert [it.match.names[0] for it in profiles] == ["x", "e", "y"]


def test_interfaces_with_its_includes_and_cloud_inits_file() -> None:
    golden = backend({}, "ifupdown")
    assert golden.additions
    assert {it.name for it in golden.configuration.profiles} == {"lo", "eth0"}
    directory = backend({"/etc/network/interfaces": "source-directory interfaces.d\n"}, "ifupdown")
    assert directory.additions
    assert {it.name for it in directory.configuration.profiles} == {"eth0"}
    alone = backend({"/etc/network/interfaces": "source interfaces.d/*.cfg\n"}, "ifupdown")
    assert (alone.additions, alone.configuration.profiles) == (False, ())
    gone = backend({"/etc/network/interfaces": None}, "ifupdown")
    assert (gone.additions, gone.configuration.profiles) == (False, ())


def test_connections_of_networkmanager() -> None:
    text = "[connection]\nid={}\ntype=ethernet\n"
    folder = "/etc/NetworkManager/system-connections"
    change = {
        **running("NetworkManager.service"),
        f"{folder}/a.nmconnection": File(text.format("a"), 0o600),
        f"{folder}/b.nmconnection": File(text.format("b"), 0o600, uid=1000),
        f"{folder}/c.nmconnection": File(text.format("c"), 0o640),
        f"{folder}/d.nmconnection~": File(text.format("d"), 0o600),
        f"{folder}/.e.nmconnection": File(text.format("e"), 0o600),
        f"{folder}/broken.nmconnection": File("garbage\n", 0o600),
        "/usr/lib/NetworkManager/system-connections/a.nmconnection": File(text.format("hidden"), 0o600),
    }
    found = backend(change, "networkmanager")
    assert [it.name for it in found.configuration.profiles] == ["a"]
    assert [it.place.path.rpartition("/")[2] for it in found.configuration.problems] == [
        "b.nmconnection",
        "broken.nmconnection",
        "c.nmconnection",
    ]
    assert found.default is not None


def test_networkmanager_conf_in_its_order() -> None:
    change = {
        **running("NetworkManager.service"),
        "/usr/lib/NetworkManager/conf.d/10-x.conf": "[main]\nno-auto-default=*\n",
        "/etc/NetworkManager/NetworkManager.conf": "[main]\nplugins=keyfile\n",
    }
    assert backend(change, "networkmanager").default is None
    assert backend({**change, "/etc/NetworkManager/conf.d/10-x.conf": ""}, "networkmanager").default is not None


def test_dhcpcd_promises_dhcp_unless_it_was_told_otherwise() -> None:
    change = running("dhcpcd.service")
    assert backend(change, "dhcpcd").default is not None
    told = {**change, "/etc/dhcpcd.conf": "static ip_address=10.0.0.2/24\n"}
    assert backend(told, "dhcpcd").default is None


@pytest.mark.parametrize(
    ("change", "arguments", "names"),
    [
        ({}, ("net.ifnames=0",), ("eth0",)),
        ({}, (), ("eth0",)),
        ({"/usr/lib/udev/rules.d/80-net-setup-link.rules": "x"}, (), ("eth0",)),
        (
            {
                "/usr/lib/udev/rules.d/80-net-setup-link.rules": "x",
                "/usr/lib/systemd/network/99-default.link": "[Match]\nOriginalName=*\n[Link]\nNamePolicy=keep slot\n",
            },
            (),
            PREDICTABLE,
        ),
        (
            {
                "/usr/lib/udev/rules.d/80-net-setup-link.rules": "x",
                "/usr/lib/systemd/network/99-default.link": "[Match]\nOriginalName=*\n[Link]\nNamePolicy=keep slot\n",
                "/etc/systemd/network/10-a.link": "[Match]\nMACAddress=52:54:00:00:00:01\n[Link]\nName=lan0\n",
                "/etc/systemd/network/20-b.link": "[Match]\nType=ether\n[Link]\nName=net0\n",
            },
            (),
            ("net0",),
        ),
    ],
)
def test_names(change: dict[str, Any], arguments: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert network(change, *arguments).names.names == names


def test_what_is_tied_to_a_hardware_address() -> None:
    change = {
        "/etc/udev/rules.d/70-persistent-net.rules": '# eth0\nATTR{address}=="52:54:00:00:00:01", NAME="eth0"\n',
        "/etc/systemd/network/10-a.link": "[Match]\nMACAddress=52:54:00:00:00:02\n[Link]\nName=lan0\n",
    }
    assert [str(it.place) for it in network(change).bindings] == [
        "/etc/udev/rules.d/70-persistent-net.rules:2",
        "/etc/systemd/network/10-a.link:4",
    ]


def test_files_of_back_ends_that_are_not_read() -> None:
    change = {"/etc/sysconfig/network-scripts/ifcfg-eth0": "", "/etc/sysconfig/network-scripts/ifcfg-lo": ""}
    assert network(change).unread == (Place("/etc/sysconfig/network-scripts/ifcfg-eth0"),)


def test_a_file_that_is_too_long_is_unknown_not_absent() -> None:
    made = facts({"/etc/network/interfaces": "#" * (2 << 20)})
    with pytest.raises(UnknownFact, match="at most"):
        made[NetworkConfig]


def test_includes_cannot_have_the_whole_disk_searched() -> None:
    for text in ("source /*/*/*/*/*/*\n", "source /etc/*/a*\n" * 200):
        with pytest.raises(UnknownFact, match="too many files"):
            network({"/etc/network/interfaces": text})


def test_long_files_of_blanks_take_no_time() -> None:
    start = time.process_time()
    network({**running("dhcpcd.service"), "/etc/dhcpcd.conf": "\n" * 1_000_000})
    assert time.process_time() - start < 5


CARD_RULES: dict[str, Any] = {"/usr/lib/udev/rules.d/80-net-setup-link.rules": "x"}


@pytest.mark.parametrize("match", ["OriginalName=*", "Driver=virtio_net", "Driver=e1000 virtio_net"])
def test_a_name_of_a_link_file_counts_whatever_the_kernels_arguments(match: str) -> None:
    link = {"/etc/systemd/network/10.link": f"[Match]\n{match}\n[Link]\nName=wan0\n"}
    found = network({**CARD_RULES, **link}, "net.ifnames=0")
    assert (found.names.names, str(found.names.place)) == (("wan0",), "/etc/systemd/network/10.link:4")
    assert network(link, "net.ifnames=0").names.names == ("eth0",)


def test_a_policy_does_not_count_with_net_ifnames_0() -> None:
    link = {"/etc/systemd/network/10.link": "[Match]\nOriginalName=*\n[Link]\nNamePolicy=slot\n"}
    assert network({**CARD_RULES, **link}, "net.ifnames=0").names.names == ("eth0",)


@pytest.mark.parametrize(
    ("policy", "arguments", "names"),
    [
        ("path", (), PREDICTABLE),
        ("path", ("net.ifnames=0",), ("lan0",)),
        ("keep kernel database", (), ("lan0",)),
        ("", (), ("lan0",)),
    ],
)
def test_a_policy_goes_before_a_name(policy: str, arguments: tuple[str, ...], names: tuple[str, ...]) -> None:
    text = f"[Match]\nOriginalName=*\n[Link]\nNamePolicy={policy}\nName=lan0\n"
    assert network({**CARD_RULES, "/etc/systemd/network/10.link": text}, *arguments).names.names == names


def test_debians_settings_take_interfaces_and_the_service_back() -> None:
    off = network({"/etc/default/networking": "#CONFIGURE_INTERFACES=no\nCONFIGURE_INTERFACES=no\n"}, "net.ifnames=0")
    assert [it.enabled for it in off.backends if it.name == "ifupdown"] == [False]
    assert str(off.backends[0].place) == "/etc/default/networking:2"
    some = network({"/etc/default/networking": 'EXCLUDE_INTERFACES="eth0,eth1"\n'}, "net.ifnames=0")
    assert some.backends[0].ignores == ("eth0", "eth1")


@pytest.mark.parametrize(
    ("file", "read"), [(File("x", 0o600), False), (File("x", 0o640, gid=998), True), (File("x", 0o644), True)]
)
def test_networkd_reads_what_others_may_read(file: File, read: bool) -> None:
    text = "[Match]\nName=eth0\n[Network]\nDHCP=yes\n"
    change = {
        **running("systemd-networkd.service"),
        "/etc/systemd/network/1.network": File(text, file.mode, gid=file.gid),
    }
    configuration = next(it for it in network(change).backends if it.name == "networkd").configuration
    assert bool(configuration.profiles) is read
    assert bool(configuration.problems) is not read


def test_a_match_of_unknown_keys_takes_no_interface() -> None:
    change = {**running("systemd-networkd.service"), "/etc/systemd/network/1.network": "[Match]\nNmae=eth0\n"}
    configuration = next(it for it in network(change).backends if it.name == "networkd").configuration
    assert configuration.profiles == ()


def test_networkmanager_that_was_switched_off_by_hand() -> None:
    state = {"/var/lib/NetworkManager/NetworkManager.state": "[main]\nNetworkingEnabled=false\n"}
    change = {**running("NetworkManager.service"), **state}
    assert [it.enabled for it in network(change).backends if it.name == "networkmanager"] == [False]
