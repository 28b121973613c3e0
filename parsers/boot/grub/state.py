"""The state in which a GRUB script runs: variables, what surrounds it, and the limits that it must keep to."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from parsers.boot.grub.syntax import Function, Part, Script, Word
from parsers.boot.menu import Include, LoadedFile, Search
from parsers.place import Place, Problem

MAX_STEPS: Final = 50_000
MAX_EXPANDED: Final = 8 * 1024 * 1024
MAX_VALUE: Final = 64 * 1024
MAX_ENTRIES: Final = 2_000
MAX_NOTES: Final = 200
MAX_FILES: Final = 30
MAX_CALLS: Final = 60

FEATURES: Final = (
    "feature_menuentry_id",
    "feature_menuentry_options",
    "feature_timeout_style",
    "feature_platform_search_hint",
    "feature_all_video_module",
    "feature_default_font_path",
    "feature_chainloader_bpb",
    "feature_ntldr",
    "feature_nativedisk_cmd",
    "feature_200_final",
)


class Surroundings(Protocol):
    """The file systems that GRUB would see. Devices are names that `search` gave or that the script holds."""

    def search(self, kind: str, value: str) -> str | None:
        """Return the device with that "fs-uuid", "label" or "file"; None where there is none."""
        ...

    def size(self, device: str | None, path: str) -> int | None:
        """Return the bytes in a file, -1 for a directory, None where the path does not exist."""
        ...

    def read(self, device: str | None, path: str) -> tuple[str, str] | None:
        """Return the text of a file and the path to call it by; None where it does not exist."""
        ...

    def default_subvolume(self, device: str) -> str:
        """Return the path of the subvolume that is the default of a btrfs; empty for its top level, and elsewhere."""
        ...

    def names(self, device: str | None, path: str) -> tuple[str, ...]:
        """Return the names in a directory; none where it does not exist."""
        ...


class Exhausted(Exception):  # noqa: N818 - an event within the evaluation; outside it is a Problem
    """The script goes past a limit."""


class Leave(Exception):  # noqa: N818 - control flow of the script: `return`, `exit`
    """Leave the function, or the script, that runs."""


class Jump(Exception):  # noqa: N818 - control flow of the script: `break`, `continue`
    """Leave or repeat the `levels`-th loop around."""

    def __init__(self, *, again: bool, levels: int) -> None:
        super().__init__()
        self.again = again
        self.levels = levels


class Replaced(Exception):  # noqa: N818 - control flow of the script: `configfile`
    """Another configuration takes the place of the one that runs."""

    def __init__(self, text: str, path: str, scope: Scope) -> None:
        super().__init__()
        self.text = text
        self.path = path
        self.scope = scope


class Limits:
    """What one evaluation may spend in all, shared by everything that it runs."""

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._expanded = MAX_EXPANDED
        self._entries = MAX_ENTRIES
        self._files = MAX_FILES
        self.calls = 0

    def step(self) -> None:
        """Count a command."""
        self._steps -= 1
        if self._steps < 0:
            raise Exhausted(f"at most {MAX_STEPS} commands wanted, more found")

    def expand(self, size: int) -> None:
        """Count characters that expansion gave."""
        self._expanded -= size
        if self._expanded < 0 or size > MAX_VALUE:
            raise Exhausted("expanded text of bearable size wanted, more found")

    def entry(self) -> None:
        """Count a menu entry."""
        self._entries -= 1
        if self._entries < 0:
            raise Exhausted(f"at most {MAX_ENTRIES} menu entries wanted, more found")

    def file(self) -> None:
        """Count a file that was read."""
        self._files -= 1
        if self._files < 0:
            raise Exhausted(f"at most {MAX_FILES} configuration files wanted, more found")

    def call(self, change: int) -> None:
        """Count one level of nesting up or down."""
        self.calls += change
        if self.calls > MAX_CALLS:
            raise Exhausted(f"at most {MAX_CALLS} nested statements wanted, more found")


class Notes(msgspec.Struct):
    """What is noticed on the way, shared by everything that one evaluation runs."""

    problems: list[Problem] = msgspec.field(default_factory=list)
    assumptions: list[Problem] = msgspec.field(default_factory=list)
    not_evaluated: list[Problem] = msgspec.field(default_factory=list)
    blscfg: list[Place] = msgspec.field(default_factory=list)
    files: list[str] = msgspec.field(default_factory=list)

    def add(self, notes: list[Problem], place: Place, message: str) -> None:
        """Add to one of the lists, unless it is full or says so already."""
        problem = Problem(place, message)
        if len(notes) < MAX_NOTES and problem not in notes:
            notes.append(problem)


class Pending(msgspec.Struct, frozen=True):
    """A menu entry as it was defined; what it does is worked out when the menu is complete."""

    place: Place
    arguments: tuple[str, ...]
    options: dict[str, str]
    classes: tuple[str, ...]
    block: Script
    submenu: bool
    arguments_place: Place | None = None


class Scope(msgspec.Struct):
    """One context of GRUB: the script of a menu, or the body of one entry."""

    variables: dict[str, str]
    exported: set[str]
    functions: dict[str, tuple[str, Function]]
    arguments: list[str] = msgspec.field(default_factory=list)
    status: bool = True
    in_entry: bool = False
    places: dict[str, Place] = msgspec.field(default_factory=dict)
    entries: list[Pending] = msgspec.field(default_factory=list)
    linux: LoadedFile | None = None
    initrds: list[LoadedFile] = msgspec.field(default_factory=list)
    loaders: list[LoadedFile] = msgspec.field(default_factory=list)
    searches: list[Search] = msgspec.field(default_factory=list)
    includes: list[Include] = msgspec.field(default_factory=list)
    subvolumes: dict[tuple[str, str], str] = msgspec.field(default_factory=dict)

    def entered(self, arguments: tuple[str, ...], *, submenu: bool) -> Scope:
        """Return the scope in which a chosen entry runs; only exported variables reach into a submenu."""
        variables = self.variables
        if submenu:
            variables = {name: value for name, value in variables.items() if name in self.exported}
        return Scope(
            dict(variables),
            set(self.exported),
            dict(self.functions),
            list(arguments),
            in_entry=True,
            subvolumes=dict(self.subvolumes),
        )

    def value(self, name: str) -> str:
        """Return the value of a variable or a positional parameter; empty where it is not set."""
        if name.isdigit():
            index = int(name[:6])
            return self.arguments[index - 1] if 0 < index <= len(self.arguments) else ""
        if name in {"@", "*"}:
            return " ".join(self.arguments)
        if name == "#":
            return str(len(self.arguments))
        if name == "?":
            return "0" if self.status else "1"
        return self.variables.get(name, "")

    def expand(self, words: tuple[Word, ...], limits: Limits) -> list[str]:
        """Return the words of a command with the variables put in; an unquoted value is split at blanks."""
        result: list[str] = []
        for word in words:
            result += self._expand_word(word, limits)
        return result

    def _expand_word(self, word: Word, limits: Limits) -> list[str]:
        fields: list[str] = []
        current: str | None = None
        for part in word.parts:
            text = self.value(part.text) if part.variable else part.text
            limits.expand(len(text) + len(current or ""))
            if _is_split(part):
                pieces = text.split()
                if text[:1].isspace() and current is not None:
                    fields.append(current)
                    current = None
                for index, piece in enumerate(pieces):
                    if index and current is not None:
                        fields.append(current)
                        current = None
                    current = (current or "") + piece
                if pieces and text[-1:].isspace() and current is not None:
                    fields.append(current)
                    current = None
            else:
                current = (current or "") + text
        return fields if current is None else [*fields, current]


def _is_split(part: Part) -> bool:
    return part.variable and not part.quoted
