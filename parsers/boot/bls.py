"""An entry of the boot loader specification, `loader/entries/*.conf`.

Format: UAPI.1 Boot Loader Specification, "Type #1 Boot Loader Specification Entries": a key, blanks, and the value on
each line; `#` begins a comment line. `options` and `initrd` may come several times. Boot counters in the file's name
(`+3-1`): UAPI.1 and systemd's "Automatic Boot Assessment". GRUB 2 adds `grub_users`, `grub_arg`, `grub_class` and
`grub_hotkey`, and puts variables (`$kernelopts`) into values, which is GRUB's work and not done here.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

MAX_TEXT: Final = 256 * 1024
MAX_LINES: Final = 1_000
MAX_PROBLEMS: Final = 50

_KEYS: Final = frozenset(
    {
        "title", "version", "machine-id", "sort-key", "linux", "initrd", "efi", "options", "devicetree", "uki",
        "devicetree-overlay", "architecture", "uki-url", "profile", "extra", "grub_hotkey", "grub_users", "grub_class",
        "grub_arg", "id",
    }
)  # fmt: skip
_COUNTED: Final = re.compile(r"(.*)\+(\d{1,9})(?:-(\d{1,9}))?(\.[^.]*)")


class BlsKey(msgspec.Struct, frozen=True):
    """One line."""

    place: Place
    name: str
    value: str


class BootCount(msgspec.Struct, frozen=True):
    """The counters in a file's name: how many tries are left, and how many were made."""

    left: int
    done: int = 0


class BlsEntry(msgspec.Struct, frozen=True):
    """One entry.

    Attributes:
        place: its file.
        id: the file's name without counters, with its suffix: what `saved_entry` and `default` name.
        count: the counters; None where the name has none.
        keys: the lines in order.
    """

    place: Place
    id: str
    keys: tuple[BlsKey, ...]
    count: BootCount | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def stem(self) -> str:
        """The id without its suffix."""
        return self.id.rpartition(".")[0]

    @property
    def is_bad(self) -> bool:
        """Whether every try was used up."""
        return self.count is not None and self.count.left == 0

    def all(self, name: str) -> tuple[BlsKey, ...]:
        """Return every line with the key `name`."""
        return tuple(key for key in self.keys if key.name == name)

    def first(self, name: str) -> BlsKey | None:
        """Return the first line with the key `name`, the one that GRUB takes."""
        return next((key for key in self.keys if key.name == name), None)

    def last(self, name: str) -> BlsKey | None:
        """Return the last line with the key `name`, the one that systemd-boot takes."""
        return next((key for key in reversed(self.keys) if key.name == name), None)

    def value(self, name: str) -> str:
        """Return the value of the last line with the key `name`; empty where there is none."""
        found = self.last(name)
        return found.value if found else ""


def split_counters(file_name: str) -> tuple[str, BootCount | None]:
    """Take the counters out of the name of an entry's file ("a+3-1.conf": "a.conf" and 3 left, 1 done)."""
    match = _COUNTED.fullmatch(file_name)
    if match is None:
        return file_name, None
    name, left, done, suffix = match.groups()
    return name + suffix, BootCount(int(left), int(done or 0))


def parse_bls_entry(text: str, path: str) -> BlsEntry:
    """Read an entry; the name of `path` gives its id and counters."""
    keys: list[BlsKey] = []
    problems: list[Problem] = []
    lines = text[:MAX_TEXT].split("\n")
    for number, line in enumerate(lines[:MAX_LINES], start=1):
        fields = line.strip().split(None, 1)
        if not fields or fields[0].startswith("#"):
            continue
        place = Place(path, number)
        keys.append(BlsKey(place, fields[0], fields[1].strip() if len(fields) > 1 else ""))
        if len(problems) < MAX_PROBLEMS and fields[0] not in _KEYS:
            problems.append(Problem(place, f"a key of the boot loader specification wanted, {fields[0][:40]!r} found"))
        elif len(problems) < MAX_PROBLEMS and len(fields) < 2:
            problems.append(Problem(place, f"a value wanted after {fields[0]}, nothing found"))
    if len(text) > MAX_TEXT or len(lines) > MAX_LINES:
        problems.append(Problem(Place(path), f"at most {MAX_TEXT} characters in {MAX_LINES} lines wanted, more found"))
    name, count = split_counters(path.rpartition("/")[2])
    return BlsEntry(Place(path), name, tuple(keys), count, tuple(problems))
