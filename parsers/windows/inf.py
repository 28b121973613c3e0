"""INF files of driver packages: which driver they install, of which version, and for which devices.

Specification: Microsoft, "General Syntax Rules for INF Files", "INF Version Section", "INF Manufacturer Section", "INF
Models Section", "INF DDInstall.Services Section" and "INF Strings Section". Names count in any case; sections of one
name are one; a comment begins with a semicolon outside quotes; a backslash at the end of a line goes on with the next.
Tokens (%name%) are replaced by the strings without a language. Not done: `Include` and `Needs`, strings of languages,
and what else a section does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from parsers.place import Place, Problem

MAX_SIZE: Final = 4 << 20
MAX_ENTRIES: Final = 100_000
_SECTION: Final = re.compile(r"\[([^\]]*)\]\s*$")
_VALUE: Final = re.compile(r'((?:"[^"]*"?|[^",])*)(,|$)')
_TOKEN: Final = re.compile(r"%([^%]*)%")
_DRIVER_VERSION: Final = re.compile(r"(\d{1,5})(?:\.(\d{1,5}))?(?:\.(\d{1,5}))?(?:\.(\d{1,5}))?$")
_DATE: Final = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})$")
_NUMBER: Final = re.compile(r"(?:0[xX]([0-9a-fA-F]{1,8})|(\d{1,10}))\s*$")
_SYSTEMS: Final = ("", ".nt", ".ntx86", ".ntamd64", ".ntia64", ".ntarm", ".ntarm64")
"""What may stand between the name of a section that installs a device and that of the one with its services."""
_ASSOCIATED: Final = 0x2
"""SPSVCINST_ASSOCSERVICE: the service is the driver of the device, not one that comes with it."""


class InfEntry(msgspec.Struct, frozen=True):
    """An entry: its line, what stands before "=" (empty where there is none), and its values without quotes."""

    place: Place
    key: str
    values: tuple[str, ...]


class InfDevice(msgspec.Struct, frozen=True):
    """A device that a package is for.

    Attributes:
        place: its line.
        description: as people see it.
        section: the section that installs it.
        models: the section it stands in, whose ending says for which systems ("NTamd64").
        ids: its hardware id, then compatible ones, in capitals.
    """

    place: Place
    description: str
    section: str
    models: str
    ids: tuple[str, ...]


class Inf(msgspec.Struct, frozen=True):
    """An INF file: its sections by name in lower case, and what could not be read."""

    path: str
    sections: dict[str, tuple[InfEntry, ...]]
    problems: tuple[Problem, ...]

    def entry(self, section: str, key: str) -> InfEntry | None:
        """Return the first entry `key` of a section, in any case; None where there is none."""
        wanted = key.lower()
        return next((item for item in self.sections.get(section.lower(), ()) if item.key.lower() == wanted), None)

    def text(self, section: str, key: str) -> str | None:
        """Return the first value of an entry; None where there is none."""
        found = self.entry(section, key)
        return found.values[0] if found and found.values else None

    @property
    def driver_version(self) -> tuple[int, int, int, int] | None:
        """The version in DriverVer, missing parts as 0; None where there is none, or one that is no version."""
        found = self.entry("Version", "DriverVer")
        match = _DRIVER_VERSION.match(found.values[1]) if found and len(found.values) > 1 else None
        if match is None:
            return None
        first, second, third, fourth = (int(part or 0) for part in match.groups())
        return first, second, third, fourth

    @property
    def driver_date(self) -> tuple[int, int, int] | None:
        """The date in DriverVer as year, month and day, as it stands there; None where there is none."""
        match = _DATE.match(self.text("Version", "DriverVer") or "")
        return (int(match[3]), int(match[1]), int(match[2])) if match else None

    @property
    def catalogs(self) -> tuple[str, ...]:
        """The files with the signatures, whatever system they are for."""
        entries = self.sections.get("version", ())
        names = [item.values[0] for item in entries if item.key.lower().startswith("catalogfile") and item.values]
        return tuple(dict.fromkeys(names))

    def service(self, section: str) -> str | None:
        """Return the service that is the driver of devices which `section` installs; None where there is none."""
        for ending in _SYSTEMS:
            for item in self.sections.get(f"{section.lower()}{ending}.services", ()):
                if item.key.lower() == "addservice" and len(item.values) > 1 and _number(item.values[1]) & _ASSOCIATED:
                    return item.values[0] or None
        return None

    def devices(self) -> Iterator[InfDevice]:
        """Give the devices of all manufacturers and systems, in the order of the file."""
        seen: set[str] = set()
        for maker in self.sections.get("manufacturer", ()):
            if not maker.values:
                continue
            name, *endings = maker.values
            for models in (name, *(f"{name}.{ending}" for ending in endings)):
                if models.lower() in seen:
                    continue
                seen.add(models.lower())
                for item in self.sections.get(models.lower(), ()):
                    ids = tuple(value.upper() for value in item.values[1:] if value)
                    if ids:
                        yield InfDevice(item.place, item.key, item.values[0], models, ids)


def parse_inf(data: bytes, path: str = "driver.inf") -> Inf:
    """Read every line that can be read."""
    problems: list[Problem] = []
    if len(data) > MAX_SIZE:
        message = f"at most {MAX_SIZE} bytes wanted, {len(data)} found"
        return Inf(path, {}, (Problem(Place(path), message),))
    raw: dict[str, list[InfEntry]] = {}
    section: list[InfEntry] | None = None
    count = 0
    for number, line in _lines(_decoded(data)):
        place = Place(path, line=number)
        if match := _SECTION.match(line):
            section = raw.setdefault(match[1].strip().lower(), [])
        elif section is None:
            problems.append(Problem(place, f"a section wanted, {line[:40]!r} found"))
        elif count >= MAX_ENTRIES:
            problems.append(Problem(place, f"at most {MAX_ENTRIES} entries wanted"))
            break
        else:
            count += 1
            section.append(_entry(place, line))
    strings = _Strings(raw.get("strings", ()))
    sections = {name: tuple(map(strings.resolve, items)) for name, items in raw.items()}
    if strings.room < 0:
        problems.append(Problem(Place(path), f"at most {MAX_SIZE} characters in place of tokens wanted"))
    if not any(name == "version" for name in sections):
        problems.append(Problem(Place(path), "the section Version wanted, none found"))
    return Inf(path, sections, tuple(problems))


def _number(text: str) -> int:
    """Return a number as INF files write it, 2 or 0x00000002; 0 for what is none."""
    match = _NUMBER.match(text)
    return 0 if match is None else int(match[1], 16) if match[1] else int(match[2])


def _decoded(data: bytes) -> str:
    """Return the text of a file in Unicode or, without a mark, in the code page that most are written in."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if data.startswith(b"\xef\xbb\xbf"):
        return data.decode("utf-8-sig", "replace")
    return data.decode("cp1252", "replace")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines without comments and white space around, each with its number; continued ones are joined."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        line = _without_comment(line).strip()
        start = start if parts else number
        goes_on = line.endswith("\\") and line.count('"') % 2 == 0
        parts.append(line[:-1] if goes_on else line)
        if not goes_on:
            if any(parts):
                yield start, "".join(parts)
            parts = []
    if any(parts):
        yield start, "".join(parts)


def _without_comment(line: str) -> str:
    quoted = False
    for at, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            return line[:at]
    return line


def _entry(place: Place, line: str) -> InfEntry:
    before, equals, after = _split(line)
    values = [_unquoted(match[1]) for match in _VALUE.finditer(after if equals else before) if match[1] or match[2]]
    return InfEntry(place, _unquoted(before) if equals else "", tuple(values))


def _split(line: str) -> tuple[str, str, str]:
    """Part a line at the first "=" outside quotes."""
    quoted = False
    for at, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == "=" and not quoted:
            return line[:at], "=", line[at + 1 :]
    return line, "", ""


def _unquoted(text: str) -> str:
    """Return a value without white space around and without its quotes; two of them within are one."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return text.replace('"', "")


class _Strings:
    """The strings of a file, put in the places of their tokens until these are more characters than a file may have."""

    def __init__(self, items: Iterable[InfEntry]) -> None:
        self._strings = {item.key.lower(): item.values[0] for item in items if item.values}
        self.room = MAX_SIZE

    def resolve(self, item: InfEntry) -> InfEntry:
        """Return an entry with its tokens replaced, once; two percent signs are one, a name without a string stays."""
        key, *values = (_TOKEN.sub(self._replaced, text) for text in (item.key, *item.values))
        return InfEntry(item.place, key, tuple(values))

    def _replaced(self, match: re.Match[str]) -> str:
        if not match[1]:
            return "%"
        text = self._strings.get(match[1].lower(), match[0])
        self.room -= len(text)
        return text if self.room >= 0 else match[0]
