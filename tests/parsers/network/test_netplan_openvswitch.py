"""Open vSwitch in netplan's files; the corpus holds what `netplan generate` says of whole files (test_netplan.py)."""

from __future__ import annotations

import pytest

from parsers.network.netplan import merge_netplan, parse_netplan

BOND = "ethernets: {e: {}, f: {}}, bonds: {b: {interfaces: %s, %s openvswitch: {}}}, bridges: {r: {interfaces: %s}}"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("bridges: {b: {openvswitch: {protocols: [OpenFlow13]}}}", True),
        ("bridges: {b: {openvswitch: {controller: {addresses: ['ptcp:6653:127.0.0.1', 'unix:/run/x']}}}}", True),
        ("bridges: {b: {openvswitch: {controller: {addresses: ['tcp:10.0.0.1']}}}}", True),
        ("bridges: {b: {openvswitch: {controller: {addresses: [ptcp]}}}}", False),
        ("bridges: {b: {openvswitch: {controller: {addresses: ['ptcp:65536']}}}}", False),
        ("bridges: {b: {openvswitch: {controller: {connection-mode: x}}}}", False),
        ("bridges: {b: {openvswitch: {lacp: active}}}", False),
        ("ethernets: {e: {openvswitch: {}}}", False),
        ("ethernets: {e: {openvswitch: {external-ids: {a: b}}}}", True),
        ("ethernets: {e: {openvswitch: {protocols: []}}}", False),
        (BOND % ("[e, f]", "", "[b]"), True),
        (BOND % ("[e, f]", "parameters: {mode: balance-tcp},", "[b]"), True),
        (BOND % ("[e, f]", "parameters: {mode: balance-rr},", "[b]"), False),
        (BOND % ("[e]", "", "[b]"), False),
        (BOND % ("[e, f]", "", "[]"), False),
        ("openvswitch: {ports: [[p, q]]}", False),
        ("openvswitch: {ports: [[p, q]]}, bridges: {a: {interfaces: [p]}, b: {interfaces: [q]}}", True),
    ],
)
def test_what_open_vswitch_cannot_do_is_refused(text: str, good: bool) -> None:
    found = merge_netplan([parse_netplan(f"network: {{{text}}}", "/x")])
    assert (found.fatal is None) is good, found.fatal
