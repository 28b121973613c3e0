"""What the boot entries of a guest say about its root, before it is known which guest the disk holds.

The Boot Loader Specification (uapi-group.org), type 1: of the entries only `options` is read here, whatever entry is
the default, with `$kernelopts` of grubenv put in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig
from inspector.guest import Guest
from inspector.storage import Storage
from parsers.boot.grubenv import parse_grubenv
from parsers.place import ParseError

_CONFIGS: Final = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
_ENTRIES: Final = "/boot/loader/entries/*.conf"
_ENVIRONMENT: Final = "/boot/grub2/grubenv"
_MAX_ENTRIES: Final = 64


def root_arguments(guest: Guest, storage: Storage) -> list[tuple[str | None, str]]:
    """Return `root=` and `rootflags=` of the default entry of GRUB; where GRUB asks for them, of all BLS entries."""
    from inspector.collectors import COLLECTORS  # they know guests, and guests are found with this

    facts = Facts({Storage: storage, Guest: guest}, COLLECTORS)
    try:
        boot = facts[BootConfig]
        if any(menu.options_in_entries for menu in boot.menus):
            return [_root_of(text.split()) for text in _bls_options(guest)]
        entry = boot.menu.entry
    except UnknownFact:
        return []
    return [_root_of(entry.linux.arguments)] if entry and entry.linux else []


def boot_texts(guest: Guest) -> Iterator[str]:
    """Give the texts in which boot entries stand."""
    yield from _texts(guest, [path for path in _CONFIGS if _is_there(guest, path)])
    yield from _bls_options(guest)


def _root_of(words: tuple[str, ...] | list[str]) -> tuple[str | None, str]:
    root, flags = None, ""
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name == "root":
            root = value
        elif equals and name == "rootflags":
            flags = value.strip('"')
    return root, flags


def _bls_options(guest: Guest) -> Iterator[str]:
    try:
        paths = guest.glob(_ENTRIES)[:_MAX_ENTRIES]
    except (UnknownFact, ParseError):
        return
    for text in _texts(guest, paths):
        lines = [line.split(None, 1) for line in text.splitlines()]
        options = " ".join(words[1] for words in lines if len(words) == 2 and words[0] == "options")
        yield options.replace("$kernelopts", _kernel_options(guest)) if "$kernelopts" in options else options


def _kernel_options(guest: Guest) -> str:
    block = parse_grubenv(next(_texts(guest, [_ENVIRONMENT]), ""), _ENVIRONMENT)
    return next((variable.value for variable in block.variables if variable.name == "kernelopts"), "")


def _texts(guest: Guest, paths: list[str]) -> Iterator[str]:
    for path in paths:
        try:
            yield guest.read_text(path)
        except (UnknownFact, ParseError):
            continue


def _is_there(guest: Guest, path: str) -> bool:
    try:
        return guest.is_file(path)
    except (UnknownFact, ParseError):
        return False
