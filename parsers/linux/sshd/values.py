"""What the keywords of sshd_config take: one function per kind of value, each says what is wrong or None.

A check gets the arguments of a line that has one at least, as words, and the release of sshd. Limits are those that
`sshd -t` of OpenSSH 9.2p1 keeps, which are often wider than those of sshd_config(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from parsers.linux.sshd.address import address_list_flaw, listen_parts, port, split_host
from parsers.linux.sshd.algorithms import Names, Release, list_flaw

Flaw = str | None
Check = Callable[[tuple[str, ...], Release], Flaw]
OneCheck = Callable[[str], Flaw]

_MAX_INT: Final = 2**31 - 1
_MAX_INT64: Final = 2**63 - 1
_INTEGER: Final = re.compile(r"\s*[+-]?[0-9]{1,30}")
_TIME_PART: Final = re.compile(r"\+?([0-9]{1,20})([smhdwSMHDW]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SCALED: Final = re.compile(r"([+-]?)([0-9]{0,30})(?:\.([0-9]{0,30}))?([BKMGTPEbkmgtpe]?)")
_SCALES: Final = {unit: 1024**power for power, unit in enumerate("bkmgtpe")} | {"": 1}
_STARTUPS: Final = re.compile(r"\s*([+-]?[0-9]{1,9})(?::([+-]?[0-9]{1,9})(?::([+-]?[0-9]{1,9}))?)?")
_BLOCK_SIZE: Final = re.compile(r"\s*([+-]?[0-9]{1,9})(?::([+-]?[0-9]{1,9}))?")
_OCTAL: Final = re.compile(r"\s*\+?([0-7]{1,20})")
_QOS: Final = frozenset(
    [f"af{kind}{drop}" for kind in "1234" for drop in "123"]
    + [f"cs{kind}" for kind in range(8)]
    + ["ef", "le", "lowdelay", "throughput", "reliability", "none"]
)
_QOS_NUMBER: Final = re.compile(r"\+?(0[xX][0-9a-fA-F]{1,8}|0[0-7]{0,8}|[1-9][0-9]{0,8})")
_PENALTIES: Final[Mapping[str, Release]] = {
    **dict.fromkeys(("authfail", "crash", "grace-exceeded", "max", "min", "noauth"), (9, 8)),
    "refuseconnection": (9, 9),
}
"""What takes a time, and since which release."""
_METHODS: Final = frozenset(
    {"none", "publickey", "password", "keyboard-interactive", "hostbased", "gssapi-with-mic", "gssapi-keyex"}
)


def single(check: OneCheck) -> Check:
    """Exactly one argument, not empty, that `check` likes."""

    def one(arguments: tuple[str, ...], _release: Release) -> Flaw:
        if not arguments or not arguments[0]:
            return "an argument wanted, none found"
        return check(arguments[0]) or _extra(arguments[1:])

    return one


def each(check: OneCheck, *, several: bool = True) -> Check:
    """Any number of arguments, each of which `check` likes; with `several` at least one that is no comment."""

    def all_of_them(arguments: tuple[str, ...], _release: Release) -> Flaw:
        if not arguments and not several:
            return "an argument wanted, none found"
        return next(filter(None, map(check, arguments)), None)

    return all_of_them


def anything(_arguments: tuple[str, ...], _release: Release) -> Flaw:
    """Whatever it is, sshd passes over it."""
    return None


def _extra(arguments: Iterable[str]) -> Flaw:
    rest = " ".join(arguments)
    return f"nothing more wanted, {rest!r} found" if rest or arguments else None


def word(_text: str) -> Flaw:
    """A path, a user, a pattern: nothing that sshd looks at."""
    return None


def filled(text: str) -> Flaw:
    """Anything but an empty argument."""
    return None if text else "an argument wanted, an empty one found"


def one_of(*words: str, exact: bool = False, later: Mapping[str, Release] | None = None) -> Check:
    """One of a few words; their case matters only where `exact`. Those of `later` came with a certain release."""

    def check(arguments: tuple[str, ...], release: Release) -> Flaw:
        if not arguments or not arguments[0]:
            return "an argument wanted, none found"
        text = arguments[0] if exact else arguments[0].lower()
        known = [word for word in words if not later or release >= later.get(word, release)]
        if text not in known:
            return f"{' or '.join(known)} wanted, {arguments[0]!r} found"
        return _extra(arguments[1:])

    return check


def protocol(text: str) -> Flaw:
    """Versions of the protocol, while there were two."""
    versions = text.split(",")
    return None if versions and all(item in {"1", "2"} for item in versions) else f"1 or 2 wanted, {text!r} found"


def user_environment(arguments: tuple[str, ...], release: Release) -> Flaw:
    """A switch, and later a pattern of names, too."""
    return single(word)(arguments, release) if release >= (7, 8) else one_of("yes", "no")(arguments, release)


def integer(text: str) -> Flaw:
    """A number from 0 to 2147483647."""
    if _INTEGER.fullmatch(text) and 0 <= int(text) <= _MAX_INT:
        return None
    return f"a number wanted, {text!r} found"


def integer_or_none(text: str) -> Flaw:
    """A number, or the word none."""
    return None if text == "none" else integer(text)


def seconds(text: str) -> int | None:
    """Return a time ("1h30m") in seconds; None where it is none, or longer than sshd can count."""
    total = position = 0
    while position < len(text):
        part = _TIME_PART.match(text, position)
        if part is None or (not part[2] and part.end() < len(text)):
            return None
        total += int(part[1]) * _SECONDS[part[2].lower()]
        position = part.end()
    return total if text and total <= _MAX_INT else None


def time(text: str) -> Flaw:
    """A time such as 90, 2m or 1h30m."""
    return None if seconds(text) is not None else f"a time such as 90, 2m or 1h30m wanted, {text!r} found"


def time_or_none(text: str) -> Flaw:
    """A time, or the word none."""
    return None if text.lower() == "none" else time(text)


def port_number(text: str) -> Flaw:
    """A port, as a number or by its service."""
    return None if port(text) is not None else f"a port from 1 to 65535 wanted, {text!r} found"


def listen_address(text: str) -> Flaw:
    """An address or a host, with or without a port."""
    host, number = listen_parts(text)
    if host is None:
        return f"host, host:port or [address]:port wanted, {text!r} found"
    if not host:
        return f"an address wanted, {text!r} found"
    return None if number is None else port_number(number)


def algorithms(names: Names, *, wildcards: bool = False, signs: bool = True) -> Check:
    """One list of algorithms."""

    def check(arguments: tuple[str, ...], release: Release) -> Flaw:
        if not arguments or not arguments[0]:
            return "a list of algorithms wanted, none found"
        flaw = list_flaw(arguments[0], names, release, wildcards=wildcards, signs=signs)
        return flaw or _extra(arguments[1:])

    return check


def qos(arguments: tuple[str, ...], _release: Release) -> Flaw:
    """One or two classes of service."""
    if not arguments:
        return "a class of service wanted, none found"
    for text in arguments[:2]:
        number = _QOS_NUMBER.fullmatch(text)
        if text.lower() not in _QOS and not (number and _c_number(number[1]) <= 255):
            return f"a class of service wanted, {text!r} found"
    return _extra(arguments[2:])


def _c_number(text: str) -> int:
    """The value of a number as C writes it."""
    return int(text, 16 if text[:2].lower() == "0x" else 8 if text.startswith("0") else 10)


def max_startups(text: str) -> Flaw:
    """`start`, or `start:rate:full`. What follows the numbers is not looked at by sshd."""
    match = _STARTUPS.match(text)
    if match:
        begin, rate, full = (int(group) if group is not None else None for group in match.groups())
        if rate is None and begin is not None and begin >= 1:
            return None
        if begin is not None and rate is not None and full is not None and 1 <= begin <= full and 1 <= rate <= 100:
            return None
    return f"start or start:rate:full wanted, {text!r} found"


def block_size(text: str) -> Flaw:
    """Bits of an IPv4 and an IPv6 network."""
    match = _BLOCK_SIZE.match(text)
    if match and 0 <= int(match[1]) <= 32 and 0 <= int(match[2] or 0) <= 128:
        return None
    return f"bits of IPv4 and IPv6 such as 32:128 wanted, {text!r} found"


def mask(text: str) -> Flaw:
    """A file creation mask in octal."""
    match = _OCTAL.match(text)
    return None if match and int(match[1], 8) <= 0o777 else f"an octal mask up to 0777 wanted, {text!r} found"


def rekey_limit(arguments: tuple[str, ...], _release: Release) -> Flaw:
    """An amount of data, and optionally a time."""
    if not arguments or not arguments[0]:
        return "an amount of data wanted, none found"
    # sshd looks at the first word of the first argument only where both stand in one pair of quotes
    first = arguments[0].split(" ")[0].split("\t")[0]
    if first != "default" and (flaw := _amount(first)):
        return flaw
    if len(arguments) > 1 and arguments[1] != "none" and (flaw := time(arguments[1])):
        return flaw
    return _extra(arguments[2:])


def _amount(text: str) -> Flaw:
    match = _SCALED.fullmatch(text)
    if not match or not (match[2] or match[3]):
        return f"an amount of data such as 1G wanted, {text!r} found"
    scale = _SCALES[match[4].lower()]
    amount = int(match[2] or 0) * scale + int(match[3] or 0) * scale // 10 ** len(match[3] or "")
    if match[1] == "-" and amount:
        return f"at least 16 bytes wanted, {text!r} found"
    if amount > _MAX_INT64:
        return f"an amount below 8 exbibytes wanted, {text!r} found"
    return None if amount == 0 or amount >= 16 else f"at least 16 bytes wanted, {text!r} found"


def user_pattern(text: str) -> Flaw:
    """USER or USER@HOST, where HOST may be a list of networks."""
    if not text:
        return "a user pattern wanted, an empty one found"
    _, at, host = text.rpartition("@")
    if not at:
        return None
    return address_list_flaw(host) if host else f"USER@HOST wanted, {text!r} found"


def environment_name(text: str) -> Flaw:
    """The pattern of a variable's name."""
    return None if text and "=" not in text else f"the name of a variable wanted, {text!r} found"


def environment(text: str) -> Flaw:
    """NAME=VALUE."""
    return None if text.find("=") > 0 else f"NAME=VALUE wanted, {text!r} found"


def channel_timeout(arguments: tuple[str, ...], _release: Release) -> Flaw:
    """`type=time` pairs, or none alone."""
    if arguments and arguments[0].lower() == "none":
        return _extra(arguments[1:])
    for text in arguments:
        kind, equals, interval = text.partition("=")
        if not kind or not equals or time(interval):
            return f"type=time wanted, {text!r} found"
    return None


def penalties(arguments: tuple[str, ...], release: Release) -> Flaw:
    """Yes or no alone, or `kind:time` and what else bounds the penalties for a source."""
    if not arguments:
        return "penalties wanted, none found"
    if arguments[0].lower() in {"yes", "no"}:
        return _extra(arguments[1:])
    return next(filter(None, (_penalty_flaw(text, release) for text in arguments)), None)


def _penalty_flaw(text: str, release: Release) -> Flaw:
    kind, colon, value = text.partition(":")
    if colon and kind in _PENALTIES and release >= _PENALTIES[kind]:
        return time(value)
    if colon and kind in {"max-sources4", "max-sources6"}:
        return integer(value)
    if colon and kind in {"overflow", "overflow6"} and value in {"deny-all", "permissive"}:
        return None
    return f"a penalty such as crash:90s wanted, {text!r} found"


def address_list(text: str) -> Flaw:
    """A list of addresses and networks."""
    return address_list_flaw(text)


def public_key_option(text: str) -> Flaw:
    """What is demanded of a FIDO key."""
    words = ("none", "touch-required", "verify-required")
    return None if text.lower() in words else f"{' or '.join(words)} wanted, {text!r} found"


def permissions(*, listen: bool) -> Check:
    """`any`, `none`, or hosts and ports; with `listen` a port alone is enough."""

    def check(arguments: tuple[str, ...], _release: Release) -> Flaw:
        if not arguments or not arguments[0]:
            return "an argument wanted, none found"
        if arguments[0] in {"any", "none"}:
            return _extra(arguments[1:])
        for index, text in enumerate(arguments):
            if not text:
                return _extra(arguments[index + 1 :])
            host, number = ("", text) if listen and ":" not in text else split_host(text)
            if host is None:
                return f"host:port wanted, {text!r} found"
            if number != "*" and (number is None or port(number) is None):
                return f"a port from 1 to 65535 or * wanted, {text!r} found"
        return None

    return check


def authentication_methods(arguments: tuple[str, ...], release: Release) -> Flaw:
    """Lists of methods, or since 7.3 `any` alone."""
    if not arguments or not arguments[0]:
        return "a list of methods wanted, none found"
    if "any" in arguments and release >= (7, 3):
        return None if len(arguments) == 1 else "any alone wanted, more found"
    for text in arguments:
        for method in text.split(","):
            if method.partition(":")[0] not in _METHODS:
                return f"an authentication method wanted, {method!r} found"
    return None


def subsystem(arguments: tuple[str, ...], _release: Release) -> Flaw:
    """A name and a command."""
    if not arguments or not arguments[0]:
        return "the name of a subsystem wanted, none found"
    if len(arguments) < 2 or not arguments[1]:
        return "the command of the subsystem wanted, none found"
    return None
