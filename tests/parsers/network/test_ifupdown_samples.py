"""The interfaces files of the corpus: as augeas's lens reads them, as NetworkManager's own tests do, and as ifquery."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest

from parsers.network.ifupdown import Interfaces, parse_interfaces
from parsers.network.interface import Method
from tests.corpus import corpus, entries

SAMPLES: Final = tuple(entry for entry in entries("known") if "/interfaces/" in entry["file"])
REFUSED: Final = {
    "nm-eni-test22-duplicate-stanzas": "inet has no method auto for ifup; the lens and NetworkManager take any word",
    "nm-eni-test7": "a line beyond any word that ifup knows; NetworkManager passes over lines that are too long",
    "nm-eni-test8": "a line beyond any word that ifup knows; NetworkManager passes over lines that are too long",
}
"""What ifup refuses, as ifquery agrees, and others do not."""
NOT_READ_BY_AUGEAS: Final = {
    "nm-eni-test11": "a line that is joined within a word's argument",
    "nm-eni-test16": "a mapping without a script, and no end of line",
    "nm-eni-test7": "a line that is no stanza",
    "nm-eni-test8": "a line that is no stanza",
}
NETWORKMANAGER: Final[dict[str, dict[str, Any]]] = {
    "nm-eni-test2": {"auto": ["lo"]},
    "nm-eni-test3": {"hotplug": ["eth0", "wlan0", "bnep0"]},
    "nm-eni-test6": {"iface": [("lo", "inet", "loopback", {})]},
    "nm-eni-test11": {"iface": [("pppoe", "inet", "manual", {"pre-up": ["/sbin/ifconfig eth0 up"]})]},
    "nm-eni-test14": {
        "iface": [
            ("wlan0", "inet", "manual", {}),
            ("wlan-adpm", "inet", "dhcp", {}),
            ("wlan-default", "inet", "dhcp", {}),
        ]
    },
    "nm-eni-test16": {"mapping": ["eth0"]},
    "nm-eni-test20-source-stanza": {
        "auto": ["eth0", "eth1"],
        "iface": [("eth0", "inet", "dhcp", {}), ("eth1", "inet", "dhcp", {})],
    },
    "nm-eni-test20-source-stanza.eth0": {"auto": ["eth0"], "iface": [("eth0", "inet", "dhcp", {})]},
    "nm-eni-test20-source-stanza.eth1": {"auto": ["eth1"], "iface": [("eth1", "inet", "dhcp", {})]},
    "nm-eni-test21-source-dir-stanza": {"auto": ["eth0"], "iface": [("eth0", "inet", "dhcp", {})]},
}
"""What test-ifupdown.c of NetworkManager asserts of its files: all blocks that there are."""


def text_of(name: str) -> str:
    return corpus(f"known/configs/interfaces/{name}").read_text()


def include(pattern: str, within: bool) -> list[tuple[str, str]]:
    """Give the files that the samples include; the corpus lacks those of a folder, which hold the same as eth0's."""
    name = "nm-eni-" + pattern.rpartition("/")[2]
    if within:
        return [(f"{pattern}/eth0", text_of("nm-eni-test20-source-stanza.eth0"))]
    return [
        (it["id"], text_of(it["id"])) for it in SAMPLES if it["id"].startswith(name.rstrip("*")) and "." in it["id"]
    ]


def read(name: str) -> Interfaces:
    return parse_interfaces(text_of(name), "/etc/network/interfaces", include)


def blocks(found: Interfaces) -> dict[str, Any]:
    """Say what a file has as the tests of NetworkManager do, without kinds of which there are none."""
    selected: dict[str, Any] = {
        group: [it.word for it in found.selections[group]] for group in ("auto", "hotplug") if group in found.selections
    }
    stanzas = [(it.name, it.family, it.method, options(it.options)) for it in found.stanzas]
    mappings = [glob for glob, _ in found.mappings]
    return {**selected, **({"iface": stanzas} if stanzas else {}), **({"mapping": mappings} if mappings else {})}


def options(values: tuple[tuple[str, str, Any], ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, value, _ in values:
        found[key].append(value)
    return dict(found)


@pytest.mark.corpus
@pytest.mark.parametrize("name", NETWORKMANAGER)
def test_networkmanagers_own_tests_say_the_same(name: str) -> None:
    found = read(name)
    assert (found.fatal, blocks(found)) == (None, NETWORKMANAGER[name])


@pytest.mark.corpus
def test_a_static_address_as_networkmanager_reads_it() -> None:
    (profile,) = read("nm-eni-test17-wired-static-verify-ip4").configuration().profiles
    assert (profile.name, profile.ipv4, profile.addresses) == ("eth0", Method.STATIC, ("10.0.0.3",))
    (stanza,) = read("nm-eni-test17-wired-static-verify-ip4").stanzas
    assert stanza.values("netmask") == ("255.0.0.0",)
    assert stanza.values("dns-nameservers") == ("10.0.0.1 10.0.0.2",)


@pytest.mark.corpus
@pytest.mark.parametrize("entry", SAMPLES, ids=[entry["id"] for entry in SAMPLES])
def test_augeas_reads_the_same_stanzas(entry: dict[str, Any]) -> None:
    found = parse_interfaces(text_of(entry["id"]), "/x")
    assert (found.fatal is not None) is (entry["id"] in REFUSED)
    tree = entry["expected"]["augeas_1.14"].get("tree")
    assert (tree is None) is (entry["id"] in NOT_READ_BY_AUGEAS)
    if tree is None or found.fatal is not None:
        return
    stanzas: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, *value in tree:
        match = re.match(r"/(iface(?:\[\d+\])?)(?:/(#?[\w-]+)(?:\[\d+\])?(/.*)?)?\Z", path)
        if match and match[3]:  # a word of a list
            stanzas[match[1]][match[2]] = [" ".join([*stanzas[match[1]][match[2]], *value])]
        elif match and match[2] != "#comment":
            stanzas[match[1]][match[2] or "name"] += value
    theirs = [{key: value for key, value in stanza.items() if value} for stanza in stanzas.values()]
    ours = [
        {"name": [it.name], "family": [it.family], "method": [it.method], **options(it.options)} for it in found.stanzas
    ]
    assert ours == theirs
    auto = {value[0] for path, *value in tree if path.startswith("/auto") and path.count("/") == 2}
    assert {it.word for it in found.selections.get("auto", ())} == auto


@pytest.mark.corpus
@pytest.mark.parametrize("entry", SAMPLES, ids=[entry["id"] for entry in SAMPLES])
def test_ifquery_refuses_and_brings_up_the_same(entry: dict[str, Any], tmp_path: Path) -> None:
    tool = shutil.which("ifquery") or shutil.which("/sbin/ifquery")
    if tool is None:
        pytest.skip("ifquery (Debian package ifupdown) is absent: the oracle was not asked")
    path = tmp_path / "interfaces"
    path.write_text(text_of(entry["id"]))
    run = subprocess.run([tool, "--list", "-a", "-i", path], capture_output=True, text=True, check=False)
    refused = "couldn't read interfaces file" in run.stderr
    assert refused is (entry["id"] in REFUSED)
    if not refused:
        found = parse_interfaces(text_of(entry["id"]), str(path)).configuration()
        ours = {"lo", *(it.name for it in found.profiles if it.at_boot and not it.hotplug)}
        assert set(run.stdout.split()) == ours
