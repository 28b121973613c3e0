"""Addresses and host names that mean something in the network of their site alone (RFC 1918, RFC 4193, RFC 6762)."""

from __future__ import annotations

import ipaddress
from typing import Final

_PRIVATE: Final = tuple(
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10")
)
_SITE: Final = ("local", "localdomain", "lan", "home", "corp", "intranet", "private")
"""Top-level names that no public name server knows."""


def is_private_address(word: str) -> bool:
    """Tell whether a word is an address of a private network, of one machine's own link among them."""
    try:
        address = ipaddress.ip_address(word)
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE if network.version == address.version)


def is_private_host(name: str) -> bool:
    """Tell whether a host, by address or by name, can be found in one site alone.

    A variable of a package manager may be anything, and counts as found everywhere.
    """
    name = name.strip("[]").rstrip(".").lower()
    if not name or "$" in name or name == "localhost":
        return False
    return is_private_address(name) or ("." not in name and ":" not in name) or name.rpartition(".")[2] in _SITE
