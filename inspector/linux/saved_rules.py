"""What a firewall that is started keeps out: the rules that it loads, as far as files tell.

Each service has its own file in each family: Red Hat's iptables-services, Debian's netfilter-persistent, Alpine's and
Gentoo's scripts of OpenRC, Arch's units, firewalld's zones, SuSEfirewall2, ufw.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from inspector.guest import Guest, NotFound
from inspector.verdict import Evidence
from parsers.linux.firewalld import FirewalldConf, parse_firewalld_conf, parse_firewalld_zone
from parsers.place import Place

_IPTABLES: Final = ("/etc/sysconfig/iptables", "/etc/iptables/rules-save", "/etc/iptables/iptables.rules")
_IP6TABLES: Final = ("/etc/sysconfig/ip6tables", "/etc/iptables/rules6-save", "/etc/iptables/ip6tables.rules")
_PERSISTENT: Final = ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6")
_NFTABLES: Final = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables.nft")
_FILES: Final = {
    "iptables.service": _IPTABLES,
    "ip6tables.service": _IP6TABLES,
    "netfilter-persistent.service": _PERSISTENT,
}
_FIREWALLD: Final = "/etc/firewalld/firewalld.conf"
_ZONES: Final = ("/etc/firewalld/zones", "/usr/lib/firewalld/zones")
_SUSE: Final = "/etc/sysconfig/SuSEfirewall2"
_SUSE_PORTS: Final = re.compile(r"\s*FW_(?:SERVICES_EXT_TCP|CONFIGURATIONS_EXT)=(.*)")
_SSH: Final = re.compile(r"(?<![\w-])(?:ssh|sshd|22)(?![\w-])")
_UFW_DEFAULT: Final = "/etc/default/ufw"
_UFW_POLICY: Final = re.compile(r"\s*DEFAULT_INPUT_POLICY=[\"']?(?:DROP|REJECT)[\"']?\s*")
_REFUSES: Final = re.compile(r"\s*(?::INPUT\s+(?:DROP|REJECT)\b|-A\s+INPUT\b.*\s-j\s+(?:DROP|REJECT)\b)")
_CHAIN: Final = re.compile(r"\bchain\s+\S+\s*\{|\badd\s+chain\b")
_INPUT: Final = re.compile(r"\bhook\s+input\b")
_NFT_REFUSES: Final = re.compile(r"\b(?:drop|reject)\b")
_NFT_INCLUDE: Final = re.compile(r"\s*include\s+\"([^\"]+)\"")
_MAX_FILES: Final = 50
_MAX_SHOWN: Final = 120


def refusals(guest: Guest, units: list[str]) -> list[Evidence]:
    """Return what the firewalls that `units` start keep out."""
    found = [item for unit in units for path in _FILES.get(unit, ()) for item in _iptables(guest, path)]
    if "nftables.service" in units:
        found += _nftables(guest)
    if "firewalld.service" in units:
        found += _firewalld(guest)
    if "ufw.service" in units:
        found += _matching(guest, _UFW_DEFAULT, _UFW_POLICY)
    if any(unit.startswith("SuSEfirewall2") for unit in units):
        found += _suse(guest)
    return found


def all_refusals(guest: Guest) -> list[Evidence]:
    """Return what every file of saved rules keeps out, where a script may load any of them."""
    return refusals(guest, [*_FILES, "nftables.service"])


def _lines(guest: Guest, path: str) -> list[str]:
    try:
        return guest.read_text(path).split("\n")
    except NotFound:
        return []


def _shown(path: str, number: int, line: str) -> Evidence:
    return Evidence(Place(path, number), line.strip()[:_MAX_SHOWN])


def _matching(guest: Guest, path: str, pattern: re.Pattern[str]) -> list[Evidence]:
    lines = enumerate(_lines(guest, path), start=1)
    return [_shown(path, number, line) for number, line in lines if pattern.match(line)]


def _iptables(guest: Guest, path: str) -> list[Evidence]:
    return _matching(guest, path, _REFUSES)


def _nftables(guest: Guest) -> list[Evidence]:
    """The lines that refuse in chains of the hook input, also of the files that are included."""
    found: list[Evidence] = []
    waiting = [path for path in _NFTABLES if guest.is_file(path)]
    for path in waiting:  # which grows on the way
        for line in _lines(guest, path):
            match = _NFT_INCLUDE.match(line)
            if match and len(waiting) < _MAX_FILES:
                pattern = posixpath.join(posixpath.dirname(path), match[1])
                waiting += [item for item in guest.glob(pattern) if guest.is_file(item) and item not in waiting]
        found += _input_chains(guest, path)
    return found


def _input_chains(guest: Guest, path: str) -> Iterator[Evidence]:
    chain: list[tuple[int, str]] = []
    for number, line in [*enumerate(_lines(guest, path), start=1), (0, "chain end {")]:
        plain = line.partition("#")[0]
        if _CHAIN.search(plain):
            if any(_INPUT.search(text) for _, text in chain):
                yield from (_shown(path, at, text) for at, text in chain if _NFT_REFUSES.search(text))
            chain = []
        chain.append((number, plain))


def _firewalld(guest: Guest) -> list[Evidence]:
    """The default zone, and whether it lets in SSH."""
    try:
        conf = parse_firewalld_conf(guest.read_text(_FIREWALLD), _FIREWALLD)
    except NotFound:
        conf = FirewalldConf("public", None)
    name = conf.default_zone
    path = next((f"{folder}/{name}.xml" for folder in _ZONES if guest.is_file(f"{folder}/{name}.xml")), None)
    named = [Evidence(conf.place, f"DefaultZone={name}")] if conf.place else []
    if path is None or "/" in name:
        return [*named, Evidence(Place(f"{_ZONES[0]}/{name}.xml"), f"the default zone {name} wanted, no such file")]
    zone = parse_firewalld_zone(guest.read_text(path), path)
    services = ", ".join((*zone.services, *zone.ports)) or "nothing"
    ssh = "" if zone.lets_in("ssh", 22) else ", and no SSH"
    return [*named, Evidence(zone.place, f"the zone {name} lets in {services}{ssh}"[:_MAX_SHOWN])]


def _suse(guest: Guest) -> list[Evidence]:
    lines = _matching(guest, _SUSE, _SUSE_PORTS)
    open_to_ssh = any(_SSH.search(item.seen.partition("=")[2]) for item in lines)
    if open_to_ssh or not guest.is_file(_SUSE):
        return lines
    return [*lines, Evidence(Place(_SUSE), "nothing lets in SSH from outside")]
