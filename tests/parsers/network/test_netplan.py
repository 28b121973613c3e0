"""netplan: what `netplan generate` writes for systemd-networkd and NetworkManager is the oracle."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from parsers.network.connection import parse_connection
from parsers.network.interface import Configuration, Kind, Match, Method, Profile
from parsers.network.netplan import merge_netplan, parse_netplan
from parsers.network.networkd import networkd_configuration, parse_networkd
from parsers.place import Place
from tests.corpus import corpus, entries
from tests.parsers.damaged_text import damaged_texts

PARTS = {
    "npt-common-ref": "network: {bridges: {br0: {interfaces: [eno1, switchports], dhcp4: true}}}",
    "npt-vlans-vlan_with_missing_netdef_found_in_the_next_file_wont_fail": "network: {ethernets: {eth0: {}}}",
}
"""The second file of those whose expected answer belongs to two, of which the corpus holds one."""
ACCEPTED = {
    "npt-args-file_args_notfound": "netplan fails for a file that its arguments name, not for this one",
    "npt-args-generate_fails_during_try": "the environment of the test makes it fail",
    "npt-bonds-bond_primary_member_duplicate": "a second file names another primary",
    "npt-errors-id_redef_type_mismatch": "a second file has the same id in another section",
    "npt-errors-ignore_errors_multiple_files": "another file is wrong",
    "npt-errors-ignore_syntax_errors": "another file is wrong",
    "npt-errors-gateway_and_default_route": "netplan warns, and writes all of it",
    "npt-errors-multiple_default_routes_on_specific_metrics": "netplan warns, and writes all of it",
    "npt-errors-multiple_ip4_gateways": "netplan warns, and writes all of it",
}
"""What the corpus has as refused and is not, by itself."""
NOT_COMPARED = {
    "npt-tunnels-wireguard_with_private_key_flags": "the profile lacks the address of its manual IPv6: none for nmcli",
}
"""What netplan wrote, and NetworkManager would refuse."""
_AGAIN, _KEY, _NEWER = "the last of equal keys counts in YAML", "a newer release may know the key", "0.106 takes it"
TOLD = {
    "npt-bonds-bond_duplicate_primary_member": _AGAIN,
    "npt-bridges-bridge_path_cost_already_defined": _AGAIN,
    "npt-bridges-bridge_port_prio_already_defined": _AGAIN,
    "npt-ovs-duplicate_map_entry": _AGAIN,
    "npt-errors-ignore_errors_bad_ap_nd": _KEY,
    "npt-errors-ignore_errors_bad_ap_nm": _KEY,
    "npt-errors-ignore_errors_bad_bridge": _KEY,
    "npt-errors-ignore_errors_bad_veth_peer": _KEY,
    "npt-errors-ignore_errors_bad_vlan": _KEY,
    "npt-errors-ignore_errors_bad_wifi_nd": _KEY,
    "npt-bonds-bond_invalid_lacp_rate": _NEWER,
    "npt-passthrough-passthrough_empty_keyfile_group": _NEWER,
    "npt-passthrough-passthrough_wifi_without_network_manager": _NEWER,
    "npt-routing-ip_rule_missing_priority_fails_ipv4": _NEWER,
    "npt-routing-ip_rule_missing_priority_fails_ipv6": _NEWER,
    "npt-vrfs-vrf_routing_policy_missing_priority_nm": _NEWER,
}
"""What netplan, or some release of it, refuses, and is a problem here: a warning, never fatal, never OK."""
ENTRIES = tuple(it for it in entries("known") if "/netplan/" in it["file"])


def read(*texts: str) -> Configuration:
    return merge_netplan(parse_netplan(text, f"/etc/netplan/{n:02}.yaml") for n, text in enumerate(texts))


def one(text: str) -> Profile:
    (profile,) = read(text).profiles
    return profile


def test_dhcp_on_one_interface() -> None:
    assert one("network:\n  version: 2\n  ethernets:\n    ens3:\n      dhcp4: true\n") == Profile(
        Place("/etc/netplan/00.yaml", 4),
        "netplan",
        "ens3",
        Match(names=("ens3",)),
        ipv4=Method.DHCP,
        renderer="networkd",
    )


@pytest.mark.parametrize("text", ["true", "yes", "on", "y", "'true'"])
def test_every_word_for_true(text: str) -> None:
    assert one(f"network: {{ethernets: {{e: {{dhcp4: {text}}}}}}}").ipv4 is Method.DHCP


def test_match_and_renaming() -> None:
    found = one(
        "network:\n ethernets:\n  a:\n   match: {name: 'en*', macaddress: 11:22:33:44:55:10, driver: [virtio_net]}\n"
        "   set-name: eth0\n   addresses: [10.0.0.2/24, 'fd00::1/64']\n"
        "   routes: [{to: default, via: 10.0.0.1}]\n"
    )
    assert found.match == Match(("en*",), ("11:22:33:44:55:10",), ("virtio_net",))
    assert (found.renamed, found.ipv4, found.ipv6) == ("eth0", Method.STATIC, Method.STATIC)
    assert (found.addresses, found.gateway) == (("10.0.0.2/24",), "10.0.0.1")


def test_an_empty_match_takes_every_interface() -> None:
    assert one("network: {ethernets: {any: {match: {}, dhcp4: true}}}").match.any


def test_later_files_override_scalars_merge_mappings_and_join_lists() -> None:
    first = "network: {renderer: networkd, ethernets: {e: {dhcp4: true, addresses: [10.0.0.2/24]}}}"
    second = "network: {renderer: NetworkManager, ethernets: {e: {dhcp4: false, addresses: [10.0.0.3/24]}}}"
    (found,) = read(first, second).profiles
    assert (found.ipv4, found.addresses, found.renderer) == (
        Method.STATIC,
        ("10.0.0.2/24", "10.0.0.3/24"),
        "NetworkManager",
    )


def test_a_section_given_twice_is_merged_within_a_file() -> None:
    found = read("network:\n ethernets: {a: {dhcp4: true}}\n ethernets: {b: {dhcp4: true}}\n")
    assert ([it.name for it in found.profiles], found.problems) == (["a", "b"], ())


def test_members_know_their_master() -> None:
    found = {it.name: it for it in read("network: {ethernets: {e: {}}, bridges: {br0: {interfaces: [e]}}}").profiles}
    assert found["e"].master == "br0"
    assert found["br0"].kind is Kind.BRIDGE


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("network:\n  ethernets:\n    e: [\n", 4),
        ("network:\n  version: 3\n", 2),
        ("network:\n  renderer: wat\n", 2),
        ("network:\n  ethernets:\n    e:\n      dhcp4: perhaps\n", 4),
        ("network:\n  ethernets:\n    e:\n      addresses: [10.0.0.1]\n", 4),
        ("network:\n  ethernets:\n    e:\n      addresses: 10.0.0.1/24\n", 4),
        ("network:\n  ethernets:\n    e: true\n", 3),
        ("network:\n  bridges:\n    b:\n      interfaces: [nothing]\n", 4),
        ("network:\n  vlans:\n    v: {id: 9999, link: e}\n", 3),
        ("- network\n", 1),
    ],
)
def test_a_mistake_is_fatal_and_has_its_line(text: str, line: int) -> None:
    found = read("network: {ethernets: {fine: {dhcp4: true}}}", text)
    assert found.fatal is not None
    assert found.fatal.place in (Place("/etc/netplan/01.yaml", line), Place("/etc/netplan/01.yaml", line - 1))
    assert found.profiles == ()


def test_an_unknown_key_is_reported() -> None:
    (problem,) = read("network:\n  ethernets:\n    e:\n      dhcp: true\n").problems
    assert problem.place.line == 4


def test_repeated_sections_cannot_take_forever() -> None:
    text = "network:\n" + "".join(f" ethernets: {{e{n}: {{}}}}\n" for n in range(40_000))
    assert read(text).fatal is not None


def test_damage_never_escapes() -> None:
    text = (
        "network:\n  version: 2\n  ethernets:\n    e: &x\n      match: {name: 'en*', macaddress: 11:22:33:44:55:66}\n"
        "      set-name: y\n      addresses: [10.0.0.2/24]\n      routes: [{to: default, via: 10.0.0.1}]\n"
        "  bonds: {b: {interfaces: [e], dhcp4: yes, parameters: {mode: 802.3ad, primary: e, arp-ip-targets: [1.2.3.4]\n"
        "  }}}\n"
        "  vlans: {v: {id: 5, link: b}}\n  wifis: {w: {access-points: {a: {band: 5GHz, channel: 9, auth: {}}}}}\n"
        "  bridges: {r: {parameters: {path-cost: {e: 1}}, openvswitch: {controller: {addresses: ['ptcp:1']}}}}\n"
        "  virtual-ethernets: {p: {peer: q}, q: {peer: p, routing-policy: [{from: 10.0.0.1}]}}\n"
    )
    for damaged in damaged_texts(text, "{}[]:,&*!|>'\"#-? \n\t\0\udc80x1~"):
        read(damaged, text)


# -- the corpus


@pytest.mark.corpus
@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["id"] for entry in ENTRIES])
def test_the_corpus(entry: dict[str, Any]) -> None:
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    more = [parse_netplan(PARTS[entry["id"]], "/x")] if entry["id"] in PARTS else []
    found = merge_netplan([parse_netplan(text, entry["file"]), *more])
    expected = entry["expected"]
    if entry["id"] in ACCEPTED:
        assert (found.fatal, found.problems) == (None, ())
    elif entry["id"] in TOLD:
        assert found.fatal is None
        assert found.problems
    elif expected.get("expect_fail"):
        assert found.fatal is not None
    else:
        assert found.fatal is None
        compared = compare(found, rendered(expected.get("networkd") or {}), rendered_nm(expected.get("nm") or {}))
        written = bool(expected.get("networkd") or expected.get("nm"))
        assert (compared > 0) is (written and entry["id"] not in NOT_COMPARED)


@pytest.mark.corpus
def test_what_differs_is_there() -> None:
    refused = {it["id"] for it in entries("known") if (it.get("expected") or {}).get("expect_fail")}
    assert ACCEPTED.keys() | TOLD.keys() <= refused


def rendered(files: dict[str, str]) -> dict[str, Profile]:
    names = [name for name in files if name.endswith(".network")]
    parsed = [parse_networkd(files[name], name) for name in names]
    by_path = {it.path: networkd_configuration([it]).profiles for it in parsed}
    return {path.removesuffix(".network"): profiles[0] for path, profiles in by_path.items() if profiles}


def rendered_nm(files: dict[str, str]) -> dict[str, Profile]:
    found = {name: parse_connection(text, name).profiles for name, text in files.items() if isinstance(text, str)}
    return {name: profiles[0] for name, profiles in found.items() if profiles}


def written_for(profile: Profile, files: dict[str, Profile]) -> Profile | None:
    """Find what netplan wrote for a definition; for Wi-Fi it writes a file for each network."""
    name = quote(profile.name, safe="")
    networks = (file for it, file in files.items() if profile.kind is Kind.WIRELESS and it.startswith(f"{name}-"))
    return files.get(name) or next(networks, None)


def compare(found: Configuration, networkd: dict[str, Profile], nm: dict[str, Profile]) -> int:
    compared = 0
    for profile in found.profiles:
        for written in (networkd, nm):
            theirs = written_for(profile, written)
            if theirs is None:
                continue
            compared += 1
            # A passthrough group, and the arguments of a modem, speak NetworkManager's language past netplan's.
            if profile.kind is not Kind.OTHER and theirs.kind is not Kind.OTHER and profile.master is None:
                # For NetworkManager, no IPv4 at all is written as method=link-local.
                none = {Method.NONE, Method.LINK_LOCAL} if theirs.backend == "networkmanager" else {theirs.ipv4}
                assert profile.ipv4 in none | {theirs.ipv4}
                assert set(profile.addresses) == set(theirs.addresses)
            if profile.physical and theirs.backend == "networkd" and profile.match.any is False:
                assert (profile.match.macs, bool(theirs.master)) == (theirs.match.macs, bool(profile.master))
    return compared


# -- the tool

TOOL_CASES = (
    ("network: {ethernets: {e: {dhcp4: true}}}",),
    ("network: {ethernets: {e: {addresses: [10.0.0.2/24], routes: [{to: default, via: 10.0.0.1}]}}}",),
    ("network: {ethernets: {e: {dhcp4: true}}}", "network: {ethernets: {e: {dhcp4: no, addresses: [10.1.0.2/24]}}}"),
    ("network: {ethernets: {e: {match: {name: 'en*'}, dhcp4: on}}}",),
    ("network: {ethernets: {e: {match: {}, dhcp4: on}}}",),
    ("network: {ethernets: {e: {link-local: [ipv4]}}}",),
    ("network: {ethernets: {e: {dhcp4: maybe}}}",),
    ("network: {ethernets: {e: {addresses: [10.0.0.2]}}}",),
    ("network: {version: 3}",),
    ("network: [",),
    ("network: {ethernets: {e: {}}, bridges: {b: {interfaces: [e], dhcp4: true}}}",),
    ("network: {ethernets: {e: {}}, vlans: {v: {id: 5, link: e, dhcp4: true}}}",),
    ("network: {ethernets: {e: {}}, bonds: {b: {interfaces: [x]}}}",),
    ("network: {ethernets: {e: {dhcp4: true}}}\n---\nnetwork: [",),
    ("network: {ethernets: {e: {dhcp4: true, match: {macaddress: 00:11:22:33:44:55}, set-name: eth0}}}",),
    ("",),
    ("network:\n",),
    ("network: {ethernets: {e: {dhcp4: }}}",),
    ("network: {ethernets: }",),
    ("foo: bar",),
    ("network: {ethernets: {e: {dhcp4: True, set-name: foo}}}",),
    ("network: {ethernets: {e: {gateway4: wat}}}",),
    ("network: {ethernets: {e: {match: {name: x, foo: y}}}}",),
    ("network: {ethernets: {e: {optional: wat}}}",),
)


@pytest.mark.parametrize("texts", TOOL_CASES, ids=str)
def test_netplan_generate_agrees(texts: tuple[str, ...], tmp_path: Path) -> None:
    tool = shutil.which("generate", path="/usr/libexec/netplan:/usr/lib/netplan")
    if tool is None:
        pytest.skip("netplan's generator (Debian package netplan.io) is absent: the oracle was not asked")
    folder = tmp_path / "etc" / "netplan"
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"{number:02}.yaml").write_text(text)
        (folder / f"{number:02}.yaml").chmod(0o600)
    run = subprocess.run([tool, "--root-dir", tmp_path], capture_output=True, text=True, check=False)
    found = read(*texts)
    assert (found.fatal is None) == (run.returncode == 0), run.stderr
    written = {
        path.name.removeprefix("10-netplan-"): path.read_text()
        for path in (tmp_path / "run" / "systemd" / "network").glob("*")
    }
    assert compare(found, rendered(written), {}) == len(found.profiles) - sum(it.match.any for it in found.profiles)
