"""The SSH server of the guest: its program, its configuration, its keys, and what starts it."""

from __future__ import annotations

import itertools
import re
from typing import Final

import msgspec

from inspector.facts.services import UnitState
from inspector.verdict import Evidence
from parsers.linux.sshd import Release, SshdConfig
from parsers.linux.sshd.address import address, listen_parts, port
from parsers.place import Place

UNITS: Final = ("ssh.service", "sshd.service", "ssh.socket", "sshd.socket")
"""What starts sshd, under the names that distributions give it."""

_STANDARD_PORT: Final = 22
_SOCKET_PORT: Final = re.compile(r"(?:(?P<host>.*):)?(?P<port>[0-9]{1,5})")


class HostKey(msgspec.Struct, frozen=True):
    """A private host key that sshd is told to load, and its file, where there is one."""

    path: str
    place: Place
    exists: bool
    mode: int = 0
    uid: int = 0
    size: int = 0

    @property
    def usable(self) -> bool:
        """Whether sshd takes it: a key of root's that others may read is refused, an empty file is none."""
        return self.exists and self.size > 0 and not (self.uid == 0 and self.mode & 0o077)


class Listener(msgspec.Struct, frozen=True):
    """An address and a port that sshd waits on; `host` is None for all addresses."""

    host: str | None
    port: int
    place: Place


class Sshd(msgspec.Struct, frozen=True):
    """What is known of sshd.

    Attributes:
        program: the path of the program; None where there is none.
        config: its configuration; None where the file does not exist.
        config_path: the file that was read, or wanted.
        release: of OpenSSH; None where it could not be told, and `release_source` says why.
        release_source: where the release was read.
        options: words that a file adds to its command line (SSHD_OPTS), with their place.
        keys: the host keys that it is told to load.
        key_makers: what makes host keys at the start, cloud-init left aside.
        blocker: the file that keeps the unit of Debian from starting it, where it exists.
        sockets: what the sockets listen on that start it; empty where a service does.
        vendor: the distribution whose patches it carries; "" where that cannot be told.
    """

    program: str | None
    config: SshdConfig | None
    config_path: str
    release: Release | None
    release_source: Evidence
    options: tuple[str, ...]
    options_place: Place | None
    keys: tuple[HostKey, ...]
    key_makers: tuple[Evidence, ...]
    units: tuple[UnitState, ...]
    blocker: str | None
    sockets: tuple[Evidence, ...]
    vendor: str = ""

    @property
    def wrapped(self) -> bool:
        """Whether it is built with TCP wrappers: Debian's and SUSE's are, Red Hat's was up to 7.4."""
        if self.vendor == "redhat":
            return self.release is not None and self.release <= (7, 4)
        return self.vendor in {"debian", "suse"}

    @property
    def starter(self) -> UnitState | None:
        """The unit that starts it, or None."""
        return next((unit for unit in self.units if unit.enabled), None)

    def listeners(self) -> tuple[Listener, ...]:
        """Return what sshd listens on, in the order of its configuration."""
        if self.sockets:
            return tuple(listener for socket in self.sockets if (listener := _socket(socket)))
        if self.config is None:
            return ()
        ports = self._ports()
        addresses = self.config.every("ListenAddress")
        if not addresses:
            return tuple(Listener(None, number, place) for number, place in ports)
        found: list[Listener] = []
        for item in addresses:
            host, own = listen_parts(item.arguments[0])
            numbers = [(port(own) or 0, item.place)] if own else ports
            found += [Listener(_specific(host), number, place) for number, place in numbers]
        return tuple(found)

    def _ports(self) -> list[tuple[int, Place]]:
        """The ports of `-p`, which win, else those of Port, else 22."""
        words = [*self.options, ""]
        given = [following for word, following in itertools.pairwise(words) if word == "-p"]
        given += [word[2:] for word in words if word.startswith("-p") and len(word) > 2]
        if given and self.options_place:
            return [(port(text) or 0, self.options_place) for text in given]
        lines = self.config.every("Port") if self.config else []
        return [(port(item.arguments[0]) or 0, item.place) for item in lines] or [
            (_STANDARD_PORT, Place(self.config_path))
        ]

    def switch(self, keyword: str, default: str) -> Evidence:
        """Return the value of a keyword, in lower case, and where it is set."""
        item = self.config.first(keyword) if self.config else None
        if item is None or not item.arguments:
            return Evidence(Place(self.config_path), default)
        return Evidence(item.place, item.arguments[0].lower())


def _specific(host: str | None) -> str | None:
    """None for the addresses that mean all."""
    if host is None or host in {"*", "0.0.0.0", "::", "0"}:  # noqa: S104 - compared with, not listened on
        return None
    return host


def _socket(socket: Evidence) -> Listener | None:
    """What one ListenStream= says: a port, or an address and a port; a path is no place for a network."""
    match = _SOCKET_PORT.fullmatch(socket.seen)
    if match is None:
        return None
    host = match["host"]
    return Listener(_specific(host.strip("[]")) if host else None, int(match["port"]), socket.place)


def is_loopback(host: str | None) -> bool:
    """Tell whether an address can only be reached from the guest itself."""
    if host is None:
        return False
    numeric = address(host)
    return host == "localhost" or (numeric is not None and numeric.is_loopback)
