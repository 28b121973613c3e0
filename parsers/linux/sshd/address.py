"""Ports, addresses and address lists as sshd reads them.

Numeric addresses are those of getaddrinfo(3): of IPv4 the old forms too ("10.1", "0x7f000001"). Names of services are
looked up in the guest's /etc/services by sshd; here only the ones that every such file has are known, and any other
name is taken for a mistake.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_NUMBER: Final = re.compile(r"\s*\+?[0-9]+")
_IPV4_PART: Final = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")
_SERVICES: Final = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "pop3": 110, "ntp": 123, "imap2": 143,
    "snmp": 161, "ldap": 389, "https": 443, "ldaps": 636, "imaps": 993, "pop3s": 995,
}  # fmt: skip

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def port(text: str) -> int | None:
    """Return a port between 1 and 65535 given as a number or by the name of a service; None for anything else."""
    if _NUMBER.fullmatch(text) and len(text) < 20:
        number = int(text)
        return number if 0 < number < 65536 else None
    return _SERVICES.get(text)


def address(text: str) -> Address | None:
    """Return a numeric address; None for a host name."""
    try:
        return ipaddress.IPv6Address(text) if ":" in text else _ipv4(text)
    except ValueError:
        return None


def _ipv4(text: str) -> ipaddress.IPv4Address:
    """The forms of inet_aton(3): up to four numbers, of which the last fills the bytes that are left."""
    parts = text.split(".")
    if not 1 <= len(parts) <= 4 or not all(_IPV4_PART.fullmatch(part) and len(part) < 14 for part in parts):
        raise ValueError(text)
    numbers = [int(part, 16 if part[:2].lower() == "0x" else 8 if part[0] == "0" else 10) for part in parts]
    room = 256 ** (5 - len(parts))
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= room:
        raise ValueError(text)
    value = numbers[-1]
    for index, number in enumerate(numbers[:-1]):
        value += number << (8 * (3 - index))
    return ipaddress.IPv4Address(value)


def address_list_flaw(text: str) -> str | None:
    """Say what is wrong with a list of address patterns ("192.0.2.0/24,!192.0.2.7,*"); None where nothing is."""
    for item in text.split(","):
        pattern = item.removeprefix("!")
        if not pattern:
            return f"an address or a pattern wanted, an empty item found in {text!r}"
        if flaw := _network_flaw(pattern):
            return flaw
    return None


def _network_flaw(text: str) -> str | None:
    """What looks like no network at all is a pattern, which can be anything."""
    host, slash, mask = text.partition("/")
    base = address(host)
    if base is None or not slash or not _NUMBER.fullmatch(mask) or len(mask) > 9:
        return None
    length = int(mask)
    if length > base.max_prefixlen:
        return f"a mask of at most {base.max_prefixlen} bits wanted, {text} found"
    if int(base) & ((1 << (base.max_prefixlen - length)) - 1):
        return f"an address without bits behind its mask wanted, {text} found"
    return None


def split_host(text: str) -> tuple[str | None, str | None]:
    """Split "host:port" or "[address]:port"; the host is None where a bracket is not closed or a slash follows."""
    if text.startswith("["):
        host, bracket, tail = text[1:].partition("]")
        if not bracket or (tail and tail[0] != ":"):
            return None, None
        return host, tail[1:] if tail else None
    found = re.search("[:/]", text)
    if found is None:
        return text, None
    if found.group() == "/":
        return None, None
    return text[: found.start()], text[found.end() :]


def listen_parts(text: str) -> tuple[str | None, str | None]:
    """Split the argument of ListenAddress into host and port; the host is None where the syntax is wrong.

    Two colons or more without a bracket are a bare IPv6 address.
    """
    if not text.startswith("[") and text.count(":") > 1:
        return text, None
    return split_host(text)
