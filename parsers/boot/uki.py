"""A unified kernel image: a kernel, its initial RAM disk and its command line as sections of one EFI program.

Specification: UAPI.5 Unified Kernel Image. Texts end at the first NUL. What stands before the first `.profile`
belongs to every profile; a profile's own sections come before those. Without a choice the first profile boots.

Deliberately not done: signatures, `.dtbauto`, `.hwids`, and addons beside the file (`*.addon.efi`), which a stub may
put behind the command line.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec

from parsers.boot.pe import PeSection, parse_pe, parse_pe_sections
from parsers.linux.os_release import parse_os_release
from parsers.place import ParseError, Place
from parsers.source import Source, Window

MAX_TEXT: Final = 64 * 1024

_TEXTS: Final = frozenset({".cmdline", ".osrel", ".uname", ".profile"})


class UkiProfile(msgspec.Struct, frozen=True):
    """One profile: its name, and its command line where it has its own."""

    id: str
    title: str
    cmdline: str | None


class Uki(msgspec.Struct, frozen=True):
    """A unified kernel image as its first profile boots it.

    Attributes:
        path: labels the places.
        machine: as `uname -m` calls it.
        sections: those that the first profile uses, each name once.
        osrel: os-release, by its names.
        uname: the kernel's version; None where the image does not say it.
        cmdline: the kernel's arguments; None where the image has none of its own.
        profiles: the profiles where there are any.
    """

    path: str
    machine: str
    sections: tuple[PeSection, ...]
    osrel: tuple[tuple[str, str], ...] = ()
    uname: str | None = None
    cmdline: str | None = None
    profiles: tuple[UkiProfile, ...] = ()

    def section(self, name: str) -> PeSection | None:
        """Return a section (".linux", ".initrd")."""
        return next((section for section in self.sections if section.name == name), None)

    def open(self, source: Source, name: str) -> Window:
        """Return the content of a section of `source`, from which this was read; `ParseError` where it has none."""
        section = self.section(name)
        if section is None:
            raise ParseError(Place(self.path), f"a section {name} wanted, none found")
        return Window(source, section.offset, section.size, f"{self.path} {name}")

    def release(self, name: str) -> str:
        """Return a value of its os-release; empty where it is not there."""
        return next((value for known, value in self.osrel if known == name), "")


def parse_uki(source: Source, path: str) -> Uki:
    """Read a unified kernel image. Raises ParseError where it is none: a PE file with a section `.linux`."""
    machine = parse_pe(source).machine
    base, profiles = _split(parse_pe_sections(source))
    first = profiles[0] if profiles else ()
    own = {section.name for section in first}
    sections = (*first, *(section for section in base if section.name not in own))
    if not any(section.name == ".linux" and section.size for section in sections):
        raise ParseError(Place(path), "a unified kernel image wanted, no section .linux found")
    texts = {section.name: _text(source, section, path) for section in reversed(sections) if section.name in _TEXTS}
    return Uki(
        path,
        machine,
        sections,
        tuple(parse_os_release(texts.get(".osrel", ""), path).variables.items()),
        texts.get(".uname") or None,
        texts.get(".cmdline"),
        tuple(_profile(source, profile, path) for profile in profiles),
    )


def _split(sections: tuple[PeSection, ...]) -> tuple[tuple[PeSection, ...], list[tuple[PeSection, ...]]]:
    """Split into what every profile has, and the sections of each profile."""
    starts = [index for index, section in enumerate(sections) if section.name == ".profile"]
    ends = [*starts, len(sections)]
    return sections[: ends[0]], [sections[start:end] for start, end in pairwise(ends)]


def _profile(source: Source, sections: tuple[PeSection, ...], path: str) -> UkiProfile:
    texts = {section.name: _text(source, section, path) for section in reversed(sections) if section.name in _TEXTS}
    names = parse_os_release(texts[".profile"], path).variables
    return UkiProfile(names.get("ID", ""), names.get("TITLE", ""), texts.get(".cmdline"))


def _text(source: Source, section: PeSection, path: str) -> str:
    if section.size > MAX_TEXT:
        place = Place(path, offset=section.offset)
        raise ParseError(place, f"at most {MAX_TEXT} bytes wanted in {section.name}, {section.size} found")
    data = source.read_at(section.offset, section.size)
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape").strip()
