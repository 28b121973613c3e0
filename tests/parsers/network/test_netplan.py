"""netplan: what `netplan generate` writes for systemd-networkd and NetworkManager is the oracle."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from parsers.network.interface import Configuration, Kind, Match, Method, Profile
from parsers.network.keyfile import parse_connection
from parsers.network.netplan import merge_netplan, parse_netplan
from parsers.network.networkd import networkd_configuration, parse_networkd
from parsers.place import Place
from tests.corpus import corpus, entries

PARTS = {"npt-common-ref"}
"""Texts whose expected answer belongs to several files, of which the corpus holds one."""
ENTRIES = tuple(it for it in entries("known") if "/netplan/" in it["file"] and it["id"] not in PARTS)


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
    assert [it.name for it in found.profiles] == ["a", "b"]


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
    rng = random.Random(4)
    text = (
        "network:\n  version: 2\n  ethernets:\n    e: &x\n      match: {name: 'en*', macaddress: 11:22:33:44:55:66}\n"
        "      set-name: y\n      addresses: [10.0.0.2/24]\n      routes: [{to: default, via: 10.0.0.1}]\n"
        "  bonds: {b: {interfaces: [e], dhcp4: yes}}\n  vlans: {v: {id: 5, link: b}}\n"
    )
    for _ in range(400):
        characters = list(text)
        for _ in range(rng.randrange(1, 5)):
            characters[rng.randrange(len(characters))] = rng.choice("{}[]:,&*!|>'\"#-? \n\t\0\udc80x1~")
        read("".join(characters), text)


# -- the corpus


@pytest.mark.corpus
@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["id"] for entry in ENTRIES])
def test_the_corpus(entry: dict[str, Any]) -> None:
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    found = merge_netplan([parse_netplan(text, entry["file"])])
    expected = entry["expected"]
    if expected.get("expect_fail"):
        # netplan's own schema is larger than what is checked here; what is refused must at least not be wrong.
        return
    assert found.fatal is None
    compare(found, rendered(expected.get("networkd") or {}), rendered_nm(expected.get("nm") or {}))


@pytest.mark.corpus
def test_a_good_part_of_what_netplan_refuses_is_refused() -> None:
    bad = [entry for entry in ENTRIES if entry["expected"].get("expect_fail")]
    texts = [corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape") for entry in bad]
    found = [merge_netplan([parse_netplan(text, "x")]) for text in texts]
    # Wireless keys, tunnels, Open vSwitch, routing policy and the environment of a test are not checked.
    assert sum(1 for it in found if it.fatal or it.problems) >= len(bad) // 5


def rendered(files: dict[str, str]) -> dict[str, Profile]:
    names = [name for name in files if name.endswith(".network")]
    parsed = [parse_networkd(files[name], name) for name in names]
    by_path = {it.path: networkd_configuration([it]).profiles for it in parsed}
    return {path.removesuffix(".network"): profiles[0] for path, profiles in by_path.items() if profiles}


def rendered_nm(files: dict[str, str]) -> dict[str, Profile]:
    found = {name: parse_connection(text, name).profiles for name, text in files.items() if isinstance(text, str)}
    return {name: profiles[0] for name, profiles in found.items() if profiles}


def compare(found: Configuration, networkd: dict[str, Profile], nm: dict[str, Profile]) -> int:
    compared = 0
    for profile in found.profiles:
        for theirs in (networkd.get(profile.name), nm.get(profile.name)):
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
    tool = shutil.which("netplan") or shutil.which("/usr/sbin/netplan")
    if tool is None:
        pytest.skip("netplan (Debian package netplan.io) is absent: the oracle was not asked")
    folder = tmp_path / "etc" / "netplan"
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"{number:02}.yaml").write_text(text)
        (folder / f"{number:02}.yaml").chmod(0o600)
    run = subprocess.run([tool, "generate", "--root-dir", tmp_path], capture_output=True, text=True, check=False)
    found = read(*texts)
    assert (found.fatal is None) == (run.returncode == 0), run.stderr
    written = {
        path.name.removeprefix("10-netplan-"): path.read_text()
        for path in (tmp_path / "run" / "systemd" / "network").glob("*")
    }
    assert compare(found, rendered(written), {}) == len(found.profiles) - sum(it.match.any for it in found.profiles)
