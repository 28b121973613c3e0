"""/etc/crypttab: encrypted volumes that are opened at boot.

Format: crypttab(5): name, device, optionally a key file and comma-separated options, parted by blanks; a comment is a
whole line. Not done: the key files are not read.
"""

from __future__ import annotations

import msgspec

from parsers.place import Place, Problem


class CrypttabEntry(msgspec.Struct, frozen=True):
    """One volume: `device` is opened as /dev/mapper/`name`. `key` is None where it is asked for ("none", "-")."""

    place: Place
    name: str
    device: str
    key: str | None = None
    options: tuple[str, ...] = ()

    def has(self, *names: str) -> bool:
        """Tell whether one of the options `names` is given, with or without a value."""
        return any(option.partition("=")[0] in names for option in self.options)


class Crypttab(msgspec.Struct, frozen=True):
    """Every line that could be read, and what is wrong with the others."""

    entries: tuple[CrypttabEntry, ...]
    problems: tuple[Problem, ...] = ()


def parse_crypttab(text: str, path: str = "/etc/crypttab") -> Crypttab:
    """Read every line that can be read; `path` only labels the places."""
    entries: list[CrypttabEntry] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        place, fields = Place(path, number), line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if not 2 <= len(fields) <= 4:
            problems.append(Problem(place, f"2 to 4 fields wanted, {len(fields)} found"))
            continue
        name, device, key, options = [*fields, "none", ""][:4] if len(fields) == 2 else [*fields, ""][:4]
        entries.append(
            CrypttabEntry(
                place,
                name,
                device.replace('"', "").replace("'", ""),
                None if key in {"none", "-"} else key,
                tuple(option for option in options.split(",") if option),
            )
        )
    return Crypttab(tuple(entries), tuple(problems))
