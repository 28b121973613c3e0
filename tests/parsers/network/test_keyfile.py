"""GLib's key files: the corpus against augeas; and NetworkManager.conf."""

from __future__ import annotations

from typing import Any

import pytest

from parsers.network.keyfile import NetworkManagerConf, parse_key_file, parse_networkmanager_conf
from parsers.place import Place
from tests.corpus import corpus, entries
from tests.parsers.damaged_text import damaged_texts

DIFFERENT = {
    "al-networkmanager-conf_psk": (
        "wifi-security.psk",
        "the lens takes quotes away, which GLib has as part of a value",
    ),
    "nm-kf-Test_Intlike_SSID": (
        "connection.id",
        "the lens drops blanks at the end, which are part of a value for GLib",
    ),
}
"""Values that augeas reads otherwise, and why."""
ENTRIES = tuple(entry for entry in entries("known") if "/nmconnection/" in entry["file"])


def test_groups_without_keys_are_there() -> None:
    file = parse_key_file("[a]\n[b]\nc=d\n[a]\n", "/x")
    assert file.groups == {"a": Place("/x", 1), "b": Place("/x", 2)}
    assert (file.has_group("a"), file.place("b", "x", "c")) == (True, Place("/x", 3))


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
    by_driver = conf("[main]\nno-auto-default=driver:virtio_*\n")
    assert (by_driver.makes_default("eth0", "virtio_net"), by_driver.makes_default("eth0")) == (False, True)


def test_unmanaged_devices() -> None:
    found = conf("[keyfile]\nunmanaged-devices=*,except:interface-name:eth0\n")
    assert found.manages("eth0")
    assert not found.manages("eth1")
    assert conf("[keyfile]\nunmanaged-devices=none\n").manages("eth0")


def test_lists_grow_and_shrink() -> None:
    assert conf("[main]\nno-auto-default=a\n", "[main]\nno-auto-default+=b\n").no_auto_default == ("a", "b")
    assert conf("[main]\nno-auto-default=a,b\n", "[main]\nno-auto-default-=a\n").no_auto_default == ("b",)


def test_damage_never_escapes() -> None:
    text = "[main]\nplugins=a,b\nno-auto-default+=*\n[device-x]\nmatch-device=driver:x;mac:0:1\nmanaged=0\n"
    for damaged in damaged_texts(text, "[]=;,#!\n\0\udc80 /", 500):
        parse_networkmanager_conf([(damaged, "x")])


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
        ours = {key: value for key, value in ours.items() if value}
        different = ours.items() ^ {key: value for key, value in theirs.items() if len(key) == 2 and value}.items()
        assert {".".join(key) for key, _ in different} == set(DIFFERENT.get(entry["id"], ())[:1])
