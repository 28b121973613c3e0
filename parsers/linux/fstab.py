r"""/etc/fstab: what is mounted where.

Format: fstab(5), read as libmount reads it for mount(8): fields are parted by spaces and tabs, three are needed, what
comes after the sixth is passed over, `\040` is an octal byte, and a comment is a whole line. A field 5 or 6 that is no
number makes libmount ignore the line, `rw # note` among them.
Not done: systemd-fstab-generator(8) reads by getmntent(3), which takes such lines and lines of two fields as well; here
they are problems, as the two programs disagree on them.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

_OCTAL: Final = re.compile(rb"\\([0-7]{3})")
_BLANKS: Final = re.compile("[ \t]+")
_NUMBER: Final = re.compile(r"[\r\v\f]*[+-]?[0-9]{1,18}")
_OPTION: Final = re.compile(r'(?:"[^"]*"|[^,])+')


class FstabEntry(msgspec.Struct, frozen=True):
    """One mount, as the line says it; escapes are undone.

    Attributes:
        device: what is mounted: a path, `UUID=...`, `LABEL=...`, `host:/path`, a word such as tmpfs.
        mount_point: where; "none" or "swap" for swap space.
        kind: type of the file system ("auto", "swap" and "none" among them).
        options: in their order; empty where the field is missing.
        frequency, pass_number: fields 5 and 6, 0 where missing.
    """

    place: Place
    device: str
    mount_point: str
    kind: str
    options: tuple[str, ...] = ()
    frequency: int = 0
    pass_number: int = 0

    def has(self, *names: str) -> bool:
        """Tell whether one of the options `names` is given, with or without a value."""
        return any(option.partition("=")[0] in names for option in self.options)

    def option(self, name: str) -> str | None:
        """Return the value of the last option `name=...`; None where there is none."""
        values = [option.partition("=")[2] for option in self.options if option.startswith(f"{name}=")]
        return values[-1].strip('"') if values else None

    @property
    def is_swap(self) -> bool:
        """Whether it is swap space."""
        return self.kind == "swap"


class Fstab(msgspec.Struct, frozen=True):
    """Every line that could be read, and every line that mount(8) would ignore."""

    entries: tuple[FstabEntry, ...]
    problems: tuple[Problem, ...] = ()
    path: str = "/etc/fstab"

    def at(self, mount_point: str) -> FstabEntry | None:
        """Return the entry that is mounted at `mount_point`; of several the last, which hides the others."""
        wanted = mount_point.rstrip("/") or "/"
        found = [entry for entry in self.entries if (entry.mount_point.rstrip("/") or "/") == wanted]
        return found[-1] if found else None


def parse_fstab(text: str, path: str = "/etc/fstab") -> Fstab:
    """Read every line that can be read; `path` only labels the places."""
    entries: list[FstabEntry] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        place = Place(path, number)
        fields = _fields(line)
        if not fields or fields[0].startswith("#"):
            continue
        if flaw := _flaw(fields):
            problems.append(Problem(place, flaw))
        else:
            entries.append(_entry(place, fields))
    return Fstab(tuple(entries), tuple(problems), path)


def _fields(line: str) -> list[str]:
    # A C string ends at its NUL. Only spaces and tabs part fields: str.split() knows more blanks than libmount.
    line = line.partition("\0")[0].removesuffix("\r").strip(" \t")
    return _BLANKS.split(line) if line else []


def _flaw(fields: list[str]) -> str | None:
    if len(fields) < 3:
        return f"3 fields wanted, {len(fields)} found"
    for name, field in zip(("5", "6"), fields[4:6], strict=False):
        if not _NUMBER.fullmatch(field):
            return f"a number wanted in field {name}, {field[:80]} found"
    return None


def _entry(place: Place, fields: list[str]) -> FstabEntry:
    device, mount_point, kind, options = map(_unescape, [*fields, ""][:4] if len(fields) == 3 else fields[:4])
    frequency, pass_number = map(int, [*fields[4:6], "0", "0"][:2])
    return FstabEntry(place, device, mount_point, kind, tuple(_OPTION.findall(options)), frequency, pass_number)


def _unescape(field: str) -> str:
    if "\\" not in field:
        return field
    raw = _OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field.encode("utf-8", "surrogateescape"))
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")
