"""NetworkManager: `nmcli --offline` is the oracle of what a profile means and which are refused."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any, Final

import pytest

from parsers.network.connection import parse_connection
from parsers.network.interface import Configuration, Kind, Match, Method, Profile, Said
from parsers.place import Place
from tests.corpus import corpus, entries
from tests.parsers.damaged_text import damaged_texts

PATH: Final = "/etc/NetworkManager/system-connections/x.nmconnection"
HEAD: Final = "[connection]\nid=x\ntype=ethernet\n"
NAMED: Final = "[connection]\nid=x\ntype="


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
        (HEAD + "[ipv4]\naddress1=10.0.0.2/24\n", 4),
        (HEAD + "[ipv6]\ndns=fd00::1;\n", 4),
        (HEAD + "[ipv4]\nmethod=disabled\naddress1=10.0.0.2/24\n", 5),
        (HEAD + "[ipv4]\nmethod=auto\ngateway=10.0.0.1\n", 6),
        (HEAD + "interface-name=eth0 \n", 4),
        (HEAD + "master=br0\n", 4),
        (HEAD + "slave-type=bridge\n", 4),
        ("[connection]\nid=x\ntype=bond\n", None),
        ("[ethernet]\n[bridge]\n", None),
        (HEAD + "[ipv4]\nmethod=manual\n", 5),
    ],
)
def test_what_networkmanager_refuses_gives_no_profile(text: str, line: int | None) -> None:
    found = read(text)
    assert found.profiles == ()
    assert [it.place for it in found.problems] == [Place(PATH, line)]


def test_damage_never_escapes() -> None:
    text = HEAD + "[ipv4]\nmethod=manual\naddress1=10.0.0.2/24,10.0.0.1\n[match]\ninterface-name=!a;|b\n"
    for damaged in damaged_texts(text, "[]=;,#!\n\0\udc80 /", 500):
        read(damaged)


# -- nmcli


def meant(found: Configuration) -> tuple[object, ...]:
    """What a profile does, without its name and places; nothing where it is refused."""
    return tuple(
        (it.ipv4, it.ipv6, it.addresses, it.gateway, it.at_boot, it.kind, it.match, it.master, it.priority)
        for it in found.profiles
    )


def meant_by_nmcli(text: str) -> tuple[object, ...]:
    tool = shutil.which("nmcli")
    if tool is None:
        pytest.skip("nmcli (Debian package network-manager) is absent: the oracle was not asked")
    command = [tool, "--offline", "connection", "modify", "connection.id", "x"]
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return meant(read(run.stdout)) if run.returncode == 0 else ()


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
        *(HEAD + f"autoconnect={value}\n" for value in ("no", "off", "0", "FALSE", "false", "2", "")),
        *(
            HEAD + f"[ipv4]\nmethod=manual\naddress1={value}\n"
            for value in ("10.0.0.3", "10.0.0.3/33", "10.0.0.3/24,zz", "10.0.0.300/24", "fd00::1/64", "10.0.0.3 /24")
        ),
        *(HEAD + f"interface-name={value}\n" for value in ("a/b", "a b", ".", "eth0:1", "e*", "", "x" * 16)),
        *(HEAD + f"[{group}]\nmay-fail=false\n" for group in ("ipv4", "ipv6")),
        *(HEAD + f"[ipv4]\nmethod={it}\naddress1=10.0.0.3/24\n" for it in ("auto", "disabled", "link-local", "shared")),
        *(
            HEAD + f"[ipv6]\nmethod={it}\naddress1=fd00::1/64\n"
            for it in ("auto", "dhcp", "disabled", "link-local", "ignore", "shared")
        ),
        HEAD + "[ipv4]\nmethod=shared\naddress1=10.0.0.3/24\naddress2=10.0.0.4/24\n",
        HEAD + "[ipv4]\nmethod=manual\naddress1=10.0.0.3/24\ngateway=zz\n",
        HEAD + "[ipv4]\nmethod=auto\ngateway=10.0.0.1\n",
        HEAD + "[ethernet]\nmac-address=zz\n",
        HEAD + "master=br0\n",
        HEAD + "slave-type=bridge\n",
        HEAD + "master=br0\nslave-type=bridge\n",
        HEAD + "master=br0\n[bridge-port]\n",
        HEAD + "[nonsense]\na=b\n",
        HEAD + "autoconnect-priority=5000\n",
        NAMED + "bond\n",
        NAMED + "bridge\n",
        NAMED + "bridge\n[bridge]\ninterface-name=br0\n",
        NAMED + "bond\ninterface-name=bond0\n",
        "[connection]\nid=x\n[ethernet]\n",
        "[802-3-ethernet]\nmtu=1400\n",
        "[wifi]\nssid=x\n[ethernet]\n",
    ],
)
def test_nmcli_agrees(text: str) -> None:
    assert meant_by_nmcli(text) == meant(read(text))


# -- the corpus

DIFFERENT: Final = {
    "al-networkmanager-conf": "the settings of a VPN are not read; nmcli misses its kind of service",
    **dict.fromkeys(
        ("nm-kf-Test_minimal_port_1", "nm-kf-Test_minimal_port_3", "nm-kf-Test_minimal_port_4"),
        "controller= and port-type= are NetworkManager's since 1.44, and unknown to older ones",
    ),
}
ENTRIES: Final = tuple(entry for entry in entries("known") if "/nmconnection/" in entry["file"])


@pytest.mark.corpus
@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["id"] for entry in ENTRIES])
def test_nmcli_reads_the_same(entry: dict[str, Any]) -> None:
    text = corpus(f"known/{entry['file']}").read_text("utf-8", "surrogateescape")
    assert meant_by_nmcli(text) == meant(read(text)) or entry["id"] in DIFFERENT
