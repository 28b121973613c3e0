"""Encrypted volumes: how they are encrypted, what the keys that were given open of them, and what crypttab calls that.

Not done: BitLocker, and keys that lie in the guest itself.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from inspector.disks.disk import LUKS, Volume
from inspector.errors import InspectorError
from inspector.facts import UnknownFact
from inspector.guest import Guest
from parsers.linux.crypttab import parse_crypttab
from parsers.place import ParseError, Place
from parsers.source import Source
from parsers.volume.luks import Luks, parse_luks

MAX_KEY: Final = 8 << 20  # cryptsetup(8): the default maximum of a key file
MAX_KEYS: Final = 16
_UUID: Final = re.compile(r"[0-9a-fA-F-]{1,40}")
_LIBRARY: Final = "wants the Python package cryptography: pip install 'disk-inspector[luks]'"


class OpenedVolume(msgspec.Struct, frozen=True):
    """The decrypted content of the volume called `member`."""

    source: Source
    name: str
    member: str
    aliases: frozenset[str]


def read_keys(paths: Iterable[str]) -> tuple[bytes, ...]:
    """Return the content of key files, each of which is a passphrase, to the last byte, as for cryptsetup.

    Raises:
        InspectorError: one is no regular file, cannot be read, or is too long; or there are too many.
    """
    keys = tuple(_read_key(Path(path)) for path in paths)
    if len(keys) > MAX_KEYS:
        raise InspectorError(f"at most {MAX_KEYS} key files wanted, {len(keys)} found")
    return keys


def _read_key(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InspectorError(f"{path}: a key file wanted, something else found")
            key = file.read(MAX_KEY + 1)
    except (OSError, ValueError) as error:
        raise InspectorError(f"{path}: the key cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not 0 < len(key) <= MAX_KEY:
        raise InspectorError(f"{path}: a key of 1 to {MAX_KEY} bytes wanted, {len(key)} or more found")
    return key


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


class Keys:
    """The keys that were given, and what trying them on all volumes of a machine may cost."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        from parsers.volume.luks_unlock import Budget  # only where a key was given

        self._keys = keys
        self._budget = Budget()
        self._taken: set[str] = set()

    def open(self, volumes: Iterable[Volume]) -> Iterator[OpenedVolume]:
        """Give what the keys open of the LUKS volumes; each learns who holds it, or why it stays closed."""
        for volume in volumes:
            if volume.type != LUKS or volume.flaw:
                continue
            try:
                opened = self._open(volume)
            except ParseError as error:
                volume.flaw = f"{encrypted(volume.source)}; it cannot be opened: {error.message}"
                continue
            volume.holder = opened.name
            yield opened

    def _open(self, volume: Volume) -> OpenedVolume:
        luks = parse_luks(volume.source)
        known = luks.uuid if luks.uuid and _UUID.fullmatch(luks.uuid) else volume.name.replace("/", "-")
        name = f"luks-{known}"
        if name in self._taken:
            raise ParseError(Place(volume.name), f"one volume called {name} wanted, a second found")
        source = self._unlocked(volume.source, luks, name)
        self._taken.add(name)
        return OpenedVolume(source, name, volume.name, _aliases(luks, name))

    def _unlocked(self, source: Source, luks: Luks, name: str) -> Source:
        from parsers.volume.luks_unlock import WrongKeyError, unlock

        flaw: ParseError | None = None
        for key in self._keys:
            try:
                return unlock(source, luks, key, name, self._budget)
            except WrongKeyError as error:
                flaw = error
            except ImportError as error:
                raise InspectorError(f"{source.name}: opening it {_LIBRARY}") from error
        raise flaw or ParseError(Place(source.name), "a key wanted, none was given")


def _aliases(luks: Luks, name: str) -> frozenset[str]:
    digits = (luks.uuid or "").replace("-", "")
    return frozenset({f"/dev/mapper/{name}", f"/dev/disk/by-id/dm-name-{name}", f"cryptouuid/{digits}"})


def name_by_crypttab(guest: Guest, volumes: tuple[Volume, ...]) -> None:
    """Let the opened volumes go by the names that the guest's crypttab gives them, too."""
    opened = {volume.name: volume for volume in volumes if volume.name.startswith("luks-") and volume.members}
    if not opened:
        return
    from inspector.disks.device import resolve

    try:
        crypttab = parse_crypttab(guest.read_text("/etc/crypttab"))
    except (UnknownFact, ParseError):
        return
    for entry in crypttab.entries:
        try:
            closed = resolve(entry.device, volumes)
        except UnknownFact:
            continue
        if closed and closed.holder in opened:
            names = {f"/dev/mapper/{entry.name}", f"/dev/disk/by-id/dm-name-{entry.name}"}
            opened[closed.holder].aliases |= names


def encrypted(source: Source) -> str:
    """Say of a LUKS volume how it is encrypted."""
    try:
        luks = parse_luks(source)
    except ParseError as error:
        return f"{LUKS} cannot be read: {error}"
    return f"encrypted with LUKS{luks.version} ({luks.cipher}, {_slots(luks)})"


def _slots(luks: Luks) -> str:
    slots = ", ".join(f"{slot.number} ({slot.kdf})" for slot in luks.slots) or "none in use"
    tokens = f", tokens {', '.join(luks.tokens)}" if luks.tokens else ""
    needs = f", requires {', '.join(luks.requirements)}" if luks.requirements else ""
    return f"key of {luks.key_size * 8} bits, key slots {slots}{tokens}{needs}"
