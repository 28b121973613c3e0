"""The rule about passwords and keys that stand in settings of the network. No secret is ever printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from inspector.facts import Facts
from inspector.guest import Guest
from inspector.linux.leftover_files import MAX_SHOWN, absent
from inspector.linux.network_files import texts
from inspector.linux.proxy import PROXY_FILES
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, ok, warning

_VALUE: Final = r"[ \t]*(?:=[ \t]*(?!\"\"|'')\S|:[ \t]*(?:[\"'][^\"'\n]|[^\s\"'#]))"
"""A value that is not empty; a sharp begins a comment in YAML alone."""
_KEY: Final = r"[ \t]*[=:][ \t]*[\"']?(?:[A-Za-z0-9+/]{43}=|\d+;\d+;)"
"""A key as WireGuard writes it, or as the bytes that NetworkManager keeps; a path to one is none."""


def _assigned(names: str, keys: str = "") -> re.Pattern[str]:
    """Settings with a value, and those `keys` that may name a file instead."""
    more = rf"|(?P<blob>{keys}){_KEY}" if keys else ""
    return re.compile(rf"^[ \t-]*(?:(?P<key>{names}){_VALUE}{more})", re.IGNORECASE | re.MULTILINE)


_WIRELESS: Final = _assigned(
    "psk|password|passphrase|wep-?key[0-3]|pre-?shared-?key|(?:phase2-)?private[-_]key[-_]pass(?:word|wd)|pin",
    "private-key|phase2-private-key|key|private|shared",
)
_SECRETS: Final = (
    (
        ("/etc/NetworkManager/system-connections/*", "/etc/wpa_supplicant.conf", "/etc/wpa_supplicant/*.conf",
         "/var/lib/connman/*/settings", "/var/lib/iwd/*", "/etc/netplan/*.yaml"),
        _WIRELESS,
    ),
    (("/etc/wireguard/*.conf", "/etc/systemd/network/*.netdev"), _assigned("PrivateKey|PresharedKey")),
    (("/etc/ipsec.secrets", "/etc/ipsec.d/*.secrets"),
     re.compile(r"^[^#\n]*:[ \t]*(?P<key>PSK|EAP|XAUTH)[ \t]+\S", re.IGNORECASE | re.MULTILINE)),
    (("/etc/openvpn/*.conf", "/etc/openvpn/*.ovpn", "/etc/openvpn/*/*.conf", "/etc/openvpn/*/*.ovpn"),
     re.compile(r"(?P<key>-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----)")),
    (("/etc/fstab",), re.compile(r"^[^#\n]*[\s,](?P<key>pass(?:word)?)=[^\s,]", re.MULTILINE)),
    (("/etc/apt/auth.conf", "/etc/apt/auth.conf.d/*"),
     re.compile(r"^[^#\n]*\b(?P<key>password)[ \t]+\S", re.MULTILINE)),
    (PROXY_FILES, re.compile(r"^[^#\n]*?://[^\s/:@\"']+:(?P<key>)[^\s/@\"']+@", re.MULTILINE)),
    (("/etc/yum.conf", "/etc/dnf/dnf.conf", "/etc/yum.repos.d/*.repo", "/etc/rhsm/rhsm.conf"),
     _assigned("password|proxy_password")),
)  # fmt: skip
"""Files, and what a secret in them looks like; the group `key` is what may be shown of it."""


@rule("network-secrets-are-gone", "No password or key of a network, a tunnel or a proxy lies in the image")
def network_secrets_are_gone(facts: Facts) -> Verdict:
    """Why: whoever gets the image gets into the networks of its source; copies with one key shut each other out.

    Fix: remove the profiles and lines that are named, and change what was given away.
    Reads: the profiles of NetworkManager, wpa_supplicant, iwd, ConnMan and netplan; WireGuard, IPsec and OpenVPN;
    passwords in fstab, in the addresses of proxies, and for the archives of packages

    References: nm-settings-keyfile(5), wpa_supplicant.conf(5), wg(8)
    """
    guest = facts[Guest]
    files = [
        (path, text, secret) for patterns, secret in _SECRETS for path, text in texts(guest, _paths(guest, patterns))
    ]
    found = [item for path, text, secret in files for item in _found(guest, path, text, secret)]
    if found:
        return warning("secrets of the network are left behind", *found[:MAX_SHOWN])
    read = [Evidence(guest.place(path), "no secret") for path in dict.fromkeys(path for path, _, _ in files)]
    return ok("no secret of a network is left behind", *(read[:MAX_SHOWN] or absent(("/etc/wireguard/*.conf",))))


def _paths(guest: Guest, patterns: Iterable[str]) -> Iterator[str]:
    return (path for pattern in patterns for path in guest.glob(pattern))


def _found(guest: Guest, path: str, text: str, secret: re.Pattern[str]) -> Iterator[Evidence]:
    for match in islice(secret.finditer(text), MAX_SHOWN):
        group = "key" if match["key"] is not None else "blob"
        line = text.count("\n", 0, match.start(group)) + 1
        key = match[group].strip("-").lower() or "a password in an address"
        yield Evidence(guest.place(path, line), f"{key} (its value is not shown)")


RULES = (network_secrets_are_gone,)
