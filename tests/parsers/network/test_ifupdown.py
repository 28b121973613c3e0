"""ifupdown: interfaces(5), with `ifquery` as the oracle."""

from __future__ import annotations

import random
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from parsers.network.ifupdown import Interfaces, parse_interfaces
from parsers.network.interface import Kind, Match, Method, Profile
from parsers.place import Place
from tests.parsers.damaged_text import damaged_texts

PATH = "/etc/network/interfaces"
FILES = {
    "/etc/network/interfaces.d/eth1": "auto eth1\niface eth1 inet dhcp\n",
    "/etc/network/interfaces.d/eth2.bak": "auto eth2\niface eth2 inet dhcp\n",
    "/etc/network/interfaces.d/bad": "auto eth3\niface eth3 inet dhcp\nbogus\nauto eth4\n",
    "/etc/network/interfaces.d/loop": "source /etc/network/interfaces\nsource loop\n",
}


def include(pattern: str, within: bool) -> list[tuple[str, str]]:
    if within:
        return [(path, text) for path, text in FILES.items() if fnmatchcase(path.rpartition("/")[0], pattern)]
    return [(path, text) for path, text in FILES.items() if fnmatchcase(path, pattern)]


def read(text: str) -> Interfaces:
    return parse_interfaces(text, PATH, include)


def profiles(text: str) -> dict[str, Profile]:
    return {it.name: it for it in read(text).configuration().profiles}


def test_the_interfaces_file_of_a_debian_guest() -> None:
    found = profiles("# comment\nauto lo\niface lo inet loopback\n\nallow-hotplug eth0\niface eth0 inet dhcp\n")
    assert found["lo"].kind is Kind.LOOPBACK
    assert found["eth0"] == Profile(
        Place(PATH, 6), "ifupdown", "eth0", Match(names=("eth0",)), ipv4=Method.DHCP, hotplug=True
    )


def test_a_static_address_with_its_gateway() -> None:
    found = profiles("auto e\niface e inet static\n\taddress 10.0.0.2/24\n  gateway 10.0.0.1\n")["e"]
    assert (found.ipv4, found.addresses, found.gateway, found.at_boot) == (
        Method.STATIC,
        ("10.0.0.2/24",),
        "10.0.0.1",
        True,
    )


def test_an_interface_that_nothing_brings_up() -> None:
    assert profiles("iface eth0 inet dhcp\n")["eth0"].at_boot is False


def test_a_second_stanza_for_the_same_interface_is_applied_too() -> None:
    found = profiles("auto e\niface e inet static\naddress 1.2.3.4\niface e inet dhcp\niface e inet6 auto\n")["e"]
    assert (found.ipv4, found.ipv6, found.addresses) == (Method.DHCP, Method.AUTO, ("1.2.3.4",))


def test_patterns_and_logical_names() -> None:
    by_logical = profiles("auto /eth*=any\niface any inet dhcp\n")["any"]
    assert by_logical.match == Match(names=("eth*",))
    assert by_logical.at_boot
    assert profiles("auto /eth*\niface eth7 inet dhcp\n")["eth7"].at_boot
    assert profiles("auto /eth*\niface ens7 inet dhcp\n")["ens7"].at_boot is False
    by_mac = profiles("auto mac/AA:BB:CC:DD:EE:0F=n\niface n inet dhcp\n")["n"]
    assert by_mac.match == Match(macs=("aa:bb:cc:dd:ee:0f",))


def test_a_renamed_interface_is_matched_by_the_name_it_has_before() -> None:
    found = profiles("rename eth0=lan\nauto lan\niface lan inet dhcp\n")["lan"]
    assert (found.match, found.renamed) == (Match(names=("eth0",)), "lan")


def test_continued_lines_count_from_the_first() -> None:
    (stanza,) = read("auto e\niface e \\\n  inet \\\n dhcp\n").stanzas
    assert (stanza.place, stanza.family, stanza.method) == (Place(PATH, 2), "inet", "dhcp")


def test_inherits_takes_options_family_and_method() -> None:
    text = "iface base inet static\n address 10.0.0.9/24\nauto e\niface e inherits base\n gateway 10.0.0.1\n"
    found = profiles(text)["e"]
    assert (found.ipv4, found.addresses, found.gateway) == (Method.STATIC, ("10.0.0.9/24",), "10.0.0.1")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("bogus\n", 1),
        ("auto e\niface e inet wat\n", 2),
        ("iface e wat dhcp\n", 1),
        ("iface e\n", 1),
        ("iface e inet dhcp\nhostname\n", 2),
        ("iface e inet dhcp inherits nothing\n", 1),
        ("iface e inet dhcp\nsource x\nhostname y\n", 3),
        ("auto e\n address 1.2.3.4\n", 2),
        ("mapping e\n hostname x\n", 2),
        ("mapping e\n script a\n map x\n script b\n", 4),
    ],
)
def test_a_mistake_in_the_main_file_makes_all_of_it_refused(text: str, line: int) -> None:
    found = read(text)
    assert found.fatal is not None
    assert found.fatal.place == Place(PATH, line)
    assert found.configuration().profiles == ()


def test_a_mistake_in_an_included_file_ends_that_file_alone() -> None:
    found = read("source interfaces.d/bad\nauto e\niface e inet dhcp\n")
    assert found.fatal is None
    assert [it.place for it in found.problems] == [Place("/etc/network/interfaces.d/bad", 3)]
    assert {it.name for it in found.configuration().profiles} == {"eth3", "e"}


def test_a_directory_gives_only_files_with_plain_names() -> None:
    assert {it.name for it in read("source-directory interfaces.d\n").stanzas} == {"eth1", "eth3"}
    assert {it.name for it in read("source /etc/network/interfaces.d/*\n").stanzas} == {"eth1", "eth2", "eth3"}


def test_an_interface_without_a_stanza_is_reported() -> None:
    (problem,) = read("auto lo eth9\n").configuration().problems
    assert "eth9" in problem.message


def test_kinds_are_told_from_names_and_options() -> None:
    text = (
        "auto br0 bond0 eth0.7 wlan0\niface br0 inet dhcp\nbridge_ports eth0\niface bond0 inet dhcp\nbond-slaves none\n"
        "iface eth0.7 inet dhcp\niface wlan0 inet dhcp\nwpa-ssid x\niface eth5 inet manual\nbond-master bond0\n"
    )
    found = profiles(text)
    assert [found[it].kind for it in ("br0", "bond0", "eth0.7", "wlan0")] == [
        Kind.BRIDGE,
        Kind.BOND,
        Kind.VLAN,
        Kind.WIRELESS,
    ]
    assert found["eth5"].master == "bond0"


def test_hostile_text_is_bounded() -> None:
    for text in (
        "auto " + "/*********************a " * 5000 + "\n" + "iface aaaaaaaaaaaaaaaaaaaaaaaaaaaaab inet dhcp\n" * 5000,
        "iface e inet dhcp\n" + "up x\n" * 100_000,
        "auto e\\\n" * 50_000,
        "\udcff\0" * 10_000,
    ):
        read(text).configuration()


def test_damage_never_escapes() -> None:
    text = (
        "source interfaces.d/*\nauto lo /eth*=any\niface lo inet loopback\nmapping e*\n script /x\n map a\n"
        "iface base inet static\n address 10.0.0.2/24\niface any inherits base \\\n\n gateway 10.0.0.1\nrename a=b\n"
    )
    for damaged in damaged_texts(text, "=/*#\\ \n\t\0\udc80ax1", 500):
        read(damaged).configuration()


def ifquery(folder: Path, text: str) -> list[str] | None:
    """What ifup would bring up, in order; None where it refuses the file."""
    tool = shutil.which("ifquery") or shutil.which("/sbin/ifquery")
    if tool is None:
        pytest.skip("ifquery (Debian package ifupdown) is absent: the oracle was not asked")
    file = folder / "interfaces"
    file.write_text(text)
    run = subprocess.run([tool, "--list", "-a", "-i", file], capture_output=True, text=True, check=False)
    if "couldn't read interfaces file" in run.stderr:
        return None
    return run.stdout.split()


WORDS = ("eth0", "eth1", "e=a", "a", "inet", "inet6", "dhcp", "static", "manual", "inherits", "loopback", "auto", "#x")
LINES = (
    "auto {}",
    "auto {} {}",
    "allow-hotplug {}",
    "allow-auto {}",
    "iface {} inet dhcp",
    "iface {} inet static\n  address 10.0.0.{n}/24",
    "iface {} inet6 auto",
    "iface {} inet manual",
    "iface {} inet {}",
    "iface {} {} {}",
    "iface {} inet dhcp inherits {}",
    "iface {} inherits {}",
    "iface {}",
    "mapping {}\n script /bin/true",
    "  hostname {}",
    "  map {}",
    "  script {}",
    "hostname",
    "# {}",
    "   # {}",
    "",
    "no-auto-down {}",
    "auto {} \\\n {}",
    "iface {} \\\n inet dhcp",
    "{}",
)


def test_ifquery_agrees_on_what_is_refused_and_what_is_brought_up(tmp_path: Path) -> None:
    rng = random.Random(5)
    refused = 0
    for _ in range(250):
        lines = rng.choices(LINES[:-1], k=rng.randrange(1, 7)) + rng.choices(LINES, k=rng.randrange(2))
        text = "\n".join(line.format(*rng.choices(WORDS[:8], k=3), n=rng.randrange(9)) for line in lines) + "\n"
        theirs = ifquery(tmp_path, text)
        ours = read(text)
        assert (ours.fatal is None) == (theirs is not None), text
        if theirs is None:
            refused += 1
            continue
        known = {stanza.name for stanza in ours.stanzas} | {"lo"}
        # A mapping's script answers what it likes; ifquery runs it, we do not.
        scripted = {glob for glob, _ in ours.mappings}
        words = [it for it in ours.selections.get("auto", ()) if not scripted & {it.logical, *it.match.names}]
        names = {"lo"} | {it.match.names[0] for it in words if (it.logical or it.word) in known}
        unscripted = {it.match.names[0] for it in words} | {"lo"}
        assert {it for it in theirs if it in unscripted} == names, text
    assert 40 < refused < 210
