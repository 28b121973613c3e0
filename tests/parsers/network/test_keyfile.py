"""NetworkManager: `nmcli --offline` is the oracle of what a profile means and which are refused."""

from __future__ import annotations

import random
import shutil
import subprocess
from typing import Any

import pytest

from parsers.network.interface import Configuration, Kind, Match, Method, Profile, Said
from parsers.network.keyfile import NetworkManagerConf, parse_connection, parse_key_file, parse_networkmanager_conf
from parsers.place import Place
from tests.corpus import corpus, entries

PATH = "/etc/NetworkManager/system-connections/x.nmconnection"
HEAD = "[connection]\nid=x\ntype=ethernet\n"
ENTRIES = tuple(
    entry
    for entry in entries("known")
    if "/nmconnection/" in entry["file"] and entry["file"].endswith((".nmconnection", "conf"))
)


def read(text: str) -> Configuration:
    return parse_connection(text, PATH)


def one(text: str) -> Profile:
    (profile,) = read(text).profiles
    return profile


def test_dhcp_bound_to_a_name() -> None:
    assert one("[connection]\nid=x\ntype=ethernet\ninterface-name=eth0\n[ipv4]\nmethod=auto\n") == Profile(
        Place(PATH, 6),
        "networkmanager",
        "x",
        Match(names=("eth0",)),
        ipv4=Method.DHCP,
        ipv6=Method.AUTO,
        said=Said(name=Place(PATH, 4)),
    )


def test_without_an_ipv4_group_dhcp_is_used() -> None:
    assert one(HEAD).ipv4 is Method.DHCP
    assert one(HEAD).match.any


def test_static_in_both_notations() -> None:
    new = one(HEAD + "[ipv4]\nmethod=manual\naddress1=10.0.0.2/24,10.0.0.1\naddress2=10.0.0.3/24\n")
    assert (new.ipv4, new.addresses, new.gateway) == (Method.STATIC, ("10.0.0.2/24", "10.0.0.3/24"), "10.0.0.1")
    old = one(HEAD + "[ipv4]\nmethod=manual\naddresses1=10.0.0.2;24;10.0.0.1;\n")
    assert (old.addresses, old.gateway) == (("10.0.0.2/24",), "10.0.0.1")


def test_hardware_address_and_match() -> None:
    found = one(
        HEAD + "[802-3-ethernet]\nmac-address=AA:BB:CC:00:11:22\n[match]\ninterface-name=en*;eth*;\npath=pci-*\n"
    )
    assert found.match == Match(names=("en*", "eth*"), macs=("aa:bb:cc:00:11:22",), other=("path=pci-*",))


def test_what_keeps_a_profile_from_coming_up_at_boot() -> None:
    assert one(HEAD + "autoconnect=false\n").at_boot is False
    assert one(HEAD + "permissions=user:joe:;\n").at_boot is False


def test_kinds_and_ports() -> None:
    assert one("[connection]\ntype=bond\ninterface-name=bond0\n").kind is Kind.BOND
    assert one(HEAD + "master=bond0\nslave-type=bond\n").ipv4 is Method.NONE


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id=x\n", 1),
        ("[connection]\nid=x\n", None),
        (HEAD + "garbage\n", 4),
        (HEAD + "[ipv4]\nmethod=wat\n", 5),
        (HEAD + "[ipv4]\naddress1=10.0.0.2/24\n", 5),
        (HEAD + "[ipv4]\nmethod=manual\n", 5),
    ],
)
def test_what_networkmanager_refuses_gives_no_profile(text: str, line: int | None) -> None:
    found = read(text)
    assert found.profiles == ()
    assert [it.place for it in found.problems] == [Place(PATH, line)]


# -- NetworkManager.conf


def conf(*texts: str) -> NetworkManagerConf:
    return parse_networkmanager_conf((text, f"/{number}.conf") for number, text in enumerate(texts))


def test_the_defaults() -> None:
    assert conf() == NetworkManagerConf()
    assert conf().makes_default("eth0")


def test_debians_file_and_what_overrides_it() -> None:
    debian = "[main]\nplugins=ifupdown,keyfile\n\n[ifupdown]\nmanaged=false\n"
    assert conf(debian).plugins == ("ifupdown", "keyfile")
    assert conf(debian).ifupdown_managed is False
    assert conf(debian, "[ifupdown]\nmanaged=true\n").ifupdown_managed


def test_no_auto_default() -> None:
    found = conf("[main]\n", "[main]\nno-auto-default=*\n")
    assert not found.makes_default("eth0")
    assert found.no_auto_default_place == Place("/1.conf", 2)
    assert conf("[main]\nno-auto-default=eth1\n").makes_default("eth0")


def test_unmanaged_devices() -> None:
    found = conf("[keyfile]\nunmanaged-devices=*,except:interface-name:eth0\n")
    assert found.manages("eth0")
    assert not found.manages("eth1")
    assert conf("[keyfile]\nunmanaged-devices=none\n").manages("eth0")


def test_lists_grow_and_shrink() -> None:
    assert conf("[main]\nno-auto-default=a\n", "[main]\nno-auto-default+=b\n").no_auto_default == ("a", "b")
    assert conf("[main]\nno-auto-default=a,b\n", "[main]\nno-auto-default-=a\n").no_auto_default == ("b",)


def test_damage_never_escapes() -> None:
    rng = random.Random(8)
    text = HEAD + "[ipv4]\nmethod=manual\naddress1=10.0.0.2/24,10.0.0.1\n[match]\ninterface-name=!a;|b\n"
    for _ in range(500):
        characters = list(text)
        for _ in range(rng.randrange(1, 5)):
            characters[rng.randrange(len(characters))] = rng.choice("[]=;,#!\n\0\udc80 /")
        read("".join(characters))
        parse_networkmanager_conf([("".join(characters), "x")])


# -- nmcli


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        HEAD + "[ipv4]\nmethod=auto\n",
        HEAD + "[ipv4]\nmethod=disabled\n",
        HEAD + "[ipv4]\nmethod=link-local\n",
        HEAD + "[ipv4]\nmethod=shared\n",
        HEAD + "[ipv4]\nmethod=manual\naddress1=10.0.0.2/24,10.0.0.1\n",
        HEAD + "[ipv4]\nmethod=manual\naddresses1=10.0.0.2;24;10.0.0.1;\n",
        HEAD + "[ipv4]\nmethod=manual\n",
        HEAD + "[ipv4]\naddress1=10.0.0.2/24\n",
        HEAD + "[ipv4]\nmethod=wat\n",
        HEAD + "[ipv6]\nmethod=ignore\n",
        HEAD + "autoconnect=false\n",
        HEAD + "garbage\n",
        HEAD + "[ethernet]\nmac-address=aa:bb:cc:00:11:22\n",
        "[connection]\nid=x\n",
        "id=x\n",
        "[connection]\nid=x\ntype=ethernet\ntype=bridge\ninterface-name=br0\n",
        HEAD + "; old comment\n",
        HEAD + "[ipv4]\nmethod=auto # not a comment\n",
        HEAD + " [ipv4] \n method = disabled \n",
    ],
)
def test_nmcli_agrees(text: str) -> None:
    tool = shutil.which("nmcli")
    if tool is None:
        pytest.skip("nmcli (Debian package network-manager) is absent: the oracle was not asked")
    command = [tool, "--offline", "connection", "modify", "connection.id", "x"]
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    ours = read(text)
    assert bool(ours.profiles) == (run.returncode == 0), run.stderr
    if ours.profiles:
        theirs = one(run.stdout)
        assert (theirs.ipv4, theirs.addresses, theirs.gateway, theirs.at_boot, theirs.kind, theirs.match) == (
            ours.profiles[0].ipv4,
            ours.profiles[0].addresses,
            ours.profiles[0].gateway,
            ours.profiles[0].at_boot,
            ours.profiles[0].kind,
            ours.profiles[0].match,
        )


# -- the corpus


@pytest.mark.corpus
@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["id"] for entry in ENTRIES])
def test_the_corpus(entry: dict[str, Any]) -> None:
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    file = parse_key_file(text, "x")
    tree = entry["expected"].get("augeas_1.14", {}).get("tree")
    if tree:
        theirs = {tuple(path.split("/")[1:]): value for path, value in (it for it in tree if len(it) == 2)}
        ours = {(group, key): entry.value for (group, key), entry in file.entries.items()}
        # Augeas shows a wireless [group] that is a value, and escapes blanks in names.
        ours = {
            (group, key.replace(" ", "\\ ").replace("(", "\\(").replace(")", "\\)")): v
            for (group, key), v in ours.items()
        }
        assert ours == {key: value for key, value in theirs.items() if len(key) == 2 and value}
    found = parse_connection(text, "x")
    if entry["file"].endswith(".nmconnection"):
        assert len(found.profiles) == 1
        assert f"interface-name={found.profiles[0].match.names[0]}" in text if found.profiles[0].match.names else True
