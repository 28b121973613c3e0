"""Values that netplan refuses: each case is asked of `netplan generate`, too."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from parsers.network.netplan import merge_netplan, parse_netplan
from parsers.network.netplan_values import family_of
from parsers.place import Place
from parsers.yaml_document import Scalar

ROUTES: Final = {
    "to: default, via: 10.0.0.1": True,
    "to: 0.0.0.0/0, via: 10.0.0.1": True,
    "to: '::/0', via: 'fd00::1'": True,
    "to: 10.0.0.0/8, scope: link": True,
    "to: 10.0.0.0/8": True,
    "to: 10.0.0.0/33, via: 10.0.0.1": True,
    "via: 10.0.0.1": False,
    "scope: link": False,
    "to: 10.0.0.0/8, via: 'fd00::1'": False,
    "to: 10.0.0.0/8, type: wat": False,
    "to: 10.0.0.0/8, scope: wat": False,
    "to: x, via: 10.0.0.1": False,
    "to: 10.0.0.0/8, via: x": False,
    "to: 10.0.0.0/8, via: 10.0.0.1, metric: x": False,
    "to: 10.0.0.0/8, via: 10.0.0.1, on-link: x": False,
    "to: 10.0.0.0/8, via: 10.0.0.1, from: x": False,
    "to: default, via: 10.0.0.1, from: 'fd00::1'": False,
    "to: 10.0.0.0/8, via: 10.0.0.1, table: 4294967295": True,
    "to: 10.0.0.0/8, via: 10.0.0.1, table: 4294967296": False,
    "to: 10.0.0.0/8, via: 10.0.0.1, table: main": False,
}
POLICIES: Final = {
    "from: 10.0.0.1": True,
    "to: 10.0.0.0/8, table: 5": True,
    "table: 5": False,
    "from: x": False,
    "from: 10.0.0.0/8, to: 'fd00::1/64'": False,
    "from: 10.0.0.1, priority: x": False,
    "from: 10.0.0.1, type-of-service: 256": False,
}
BONDS: Final = {
    "mode: 802.3ad": True,
    "mode: 4": False,
    "primary: e": True,
    "primary: zz": False,
    "arp-ip-targets: ['fd00::1']": False,
    "arp-ip-targets: [10.0.0.1]": True,
    "gratuitous-arp: xx": False,
    "min-links: xx": False,
    "all-slaves-active: xx": False,
    "transmit-hash-policy: xx": True,
    "learn-packet-interval: zz": True,
}
BRIDGES: Final = {
    "stp: xx": False,
    "priority: xx": False,
    "path-cost: {e: 1}": True,
    "path-cost: {z: 1}": False,
    "path-cost: {e: -1}": True,
    "path-cost: {e: x}": False,
    "port-priority: {e: 63}": True,
    "port-priority: {e: 64}": False,
    "forward-delay: xx": True,
}
CARDS: Final = {
    "ignore-carrier: xx": False,
    "ipv6-privacy: yes": True,
    "generic-receive-offload: xx": False,
    "dhcp-identifier: xx": False,
    "dhcp-identifier: duid": True,
    "ipv6-address-generation: xx": False,
    "ipv6-address-token: xx": False,
    "ipv6-address-token: '::2'": True,
    "ipv6-address-token: '::2', ipv6-address-generation: eui64": False,
    "infiniband-mode: xx": False,
    "embedded-switch-mode: xx": False,
    "mtu: -1": False,
    "link: none": False,
    "nameservers: xx": False,
    "optional-addresses: xx": False,
    "activation-mode: xx": False,
    "match: {driver: 'a b'}": False,
    "match: {name: 'a b'}": False,
    "auth: {key-management: xx}": False,
}
WIFIS: Final = {
    "access-points: {a: {password: abcdefgh}}": True,
    "access-points: {a: {mode: bogus}}": False,
    "access-points: {a: {band: bogus}}": False,
    "access-points: {a: {band: 2.4GHz, channel: 15}}": False,
    "dhcp4: true": False,
    "match: {driver: x}, access-points: {a: {}}": False,
}
CASES: Final = (
    *((f"ethernets: {{e: {{routes: [{{{it}}}]}}}}", good) for it, good in ROUTES.items()),
    *((f"ethernets: {{e: {{routing-policy: [{{{it}}}]}}}}", good) for it, good in POLICIES.items()),
    *(
        (f"ethernets: {{e: {{}}}}, {kind}: {{b: {{interfaces: [e], parameters: {{{it}}}}}}}", good)
        for kind, cases in (("bonds", BONDS), ("bridges", BRIDGES))
        for it, good in cases.items()
    ),
    *((f"ethernets: {{e: {{{it}}}}}", good) for it, good in CARDS.items()),
    *((f"wifis: {{w: {{{it}}}}}", good) for it, good in WIFIS.items()),
    ("bridges: {b: {wakeonlan: true}}", False),
    ("bridges: {b: {set-name: x}}", False),
    ("modems: {m: {auto-config: true}}", False),
    ("vlans: {v: {id: 5, link: nothing}}", False),
    ("renderer: NetworkManager, ethernets: {e: {activation-mode: off}}", False),
    (
        "renderer: NetworkManager, ethernets: {e: {addresses: [10.0.0.2/24], "
        "routes: [{to: 10.1.0.0/16, via: 10.0.0.1, type: blackhole}]}}",
        False,
    ),
    ("tunnels: {t: {mode: vxlan, id: 17000000}}", False),
    ("tunnels: {t: {mode: vxlan, id: 5, flow-label: 1111111}}", False),
    ("tunnels: {t: {mode: vxlan, id: 5, port-range: [a, 10]}}", False),
    ("renderer: NetworkManager, nm-devices: {d: {networkmanager: {passthrough: {connection.uuid: x}}}}", False),
)


@pytest.mark.parametrize(("text", "good"), CASES, ids=[text for text, _ in CASES])
def test_what_netplan_refuses(text: str, good: bool) -> None:
    found = merge_netplan([parse_netplan(f"network: {{{text}}}", "/etc/netplan/1.yaml")])
    assert (found.fatal is None) is good
    assert good or found.problems[-1].place == Place("/etc/netplan/1.yaml", 1)


def test_netplan_generate_agrees(tmp_path: Path) -> None:
    tool = shutil.which("generate", path="/usr/libexec/netplan:/usr/lib/netplan")
    if tool is None:
        pytest.skip("netplan's generator (Debian package netplan.io) is absent: the oracle was not asked")
    different = []
    for number, (text, good) in enumerate(CASES):
        folder = tmp_path / str(number) / "etc" / "netplan"
        folder.mkdir(parents=True)
        (folder / "1.yaml").write_text(f"network: {{{text}}}")
        (folder / "1.yaml").chmod(0o600)
        run = subprocess.run([tool, "--root-dir", folder.parents[1]], capture_output=True, text=True, check=False)
        if (run.returncode == 0) is not good:
            different.append((text, run.stderr))
    assert different == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ethernets: {e: {routes: [{to: default}]}}", "via of the default route wanted"),
        ("ethernets: {e: {routes: [{to: 10.0.0.0/8, wat: 1}]}}", "a key of a route wanted, wat"),
        ("ethernets: {e: {}}, bonds: {b: {interfaces: [e], parameters: {lacp-rate: x}}}", "lacp-rate: slow or fast"),
        ("ethernets: {e: {}}, bonds: {b: {interfaces: [e], parameters: {wat: x}}}", "a parameter of a bond wanted"),
        ("ethernets: {e: {match: {}}}", "a condition in match wanted"),
        (
            "renderer: NetworkManager, ethernets: {e: {routing-policy: [{to: 10.0.0.0/8}]}}",
            "a priority wanted for NetworkManager",
        ),
    ],
)
def test_what_some_releases_refuse_is_a_problem(text: str, message: str) -> None:
    found = merge_netplan([parse_netplan(f"network: {{{text}}}", "/x")])
    assert found.fatal is None
    assert [message in it.message for it in found.problems] == [True]


def test_networkmanager_takes_an_empty_match() -> None:
    text = "network: {renderer: NetworkManager, ethernets: {e: {match: {}, dhcp4: true}}}"
    assert merge_netplan([parse_netplan(text, "/x")]).problems == ()


@pytest.mark.parametrize(
    ("peers", "good"),
    [
        ("a: {peer: b}, b: {peer: a}", True),
        ("a: {peer: b}", False),
        ("a: {peer: b}, b: {peer: c}", False),
        ("a: {}, b: {peer: a}", False),
    ],
)
def test_the_ends_of_a_pair_name_one_another(peers: str, good: bool) -> None:
    found = merge_netplan([parse_netplan(f"network: {{virtual-ethernets: {{{peers}}}}}", "/x")])
    assert (found.fatal is None) is good


@pytest.mark.parametrize(
    ("text", "family"), [("10.0.0.1", 4), ("10.0.0.0/8", 4), ("fd00::/8", 6), ("x", None), ("", None), ("::1", 6)]
)
def test_families(text: str, family: int | None) -> None:
    assert family_of(Scalar(Place("/x", 1), text, text)) == family
