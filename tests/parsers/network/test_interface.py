from __future__ import annotations

import time

import pytest

from parsers.network.interface import Kind, Match, Profile, is_ipv4, name_matches, normal_mac
from parsers.place import Place


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("AA:BB:CC:DD:EE:0F", "aa:bb:cc:dd:ee:0f"),
        ("aa-bb-cc-dd-ee-0f", "aa:bb:cc:dd:ee:0f"),
        ("0:1:2:3:4:5", "00:01:02:03:04:05"),
        ("aa:bb:cc:dd:ee", None),
        ("aa:bb-cc:dd:ee:ff", None),
        (":".join(["11"] * 20), ":".join(["11"] * 20)),
        ("", None),
    ],
)
def test_hardware_addresses(text: str, mac: str | None) -> None:
    assert normal_mac(text) == mac


def test_addresses() -> None:
    assert [is_ipv4(it) for it in ("10.0.0.1", "10.0.0.1/24", "fd00::1", "dhcp", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_match_without_conditions_takes_everything() -> None:
    assert Match().any
    assert Match().takes_name("eth0")
    assert not Match(drivers=("virtio_net",)).any


def test_globs_and_inverted_lists() -> None:
    assert Match(("en*", "eth0")).takes_name("eth0")
    assert not Match(("en*",)).takes_name("eth0")
    assert Match(("!lo", "docker*")).takes_name("eth0")
    assert not Match(("!lo", "docker*")).takes_name("docker0")


def test_a_glob_cannot_take_forever() -> None:
    start = time.process_time()
    assert not name_matches("a" * 200, "*a" * 100 + "b")
    assert name_matches("eth0", "e" + "*" * 1000)
    assert time.process_time() - start < 1


def test_what_is_physical() -> None:
    assert Profile(Place("/x"), "netplan", "e", Match()).physical
    assert not Profile(Place("/x"), "netplan", "b", Match(), Kind.BRIDGE).physical
