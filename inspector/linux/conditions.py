"""Conditions of systemd units that the guest's files decide (systemd.unit(5), "Conditions and Asserts").

A unit whose condition does not hold is passed over at boot, enabled or not. Evaluated are those on paths that lie on
the disk; what only the running machine knows (kernel arguments, virtualisation, /run, /proc, ...) is taken to hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from inspector.guest import Guest, NotFound
from parsers.filesystem.tree import FileType
from parsers.linux.systemd import Assignment, Unit

_VOLATILE: Final = ("/run/", "/proc/", "/sys/", "/dev/", "/var/run/", "/tmp/")  # noqa: S108 - folders of the guest


def _is_symlink(guest: Guest, path: str) -> bool:
    try:
        return guest.lstat(path).type is FileType.SYMLINK
    except NotFound:
        return False


_TESTS: Final[dict[str, Callable[[Guest, str], bool]]] = {
    "PathExists": Guest.exists,
    "PathExistsGlob": lambda guest, path: bool(guest.glob(path)),
    "PathIsDirectory": Guest.is_dir,
    "PathIsSymbolicLink": _is_symlink,
    "FileNotEmpty": lambda guest, path: guest.is_file(path) and guest.stat(path).size > 0,
    "FileIsExecutable": lambda guest, path: guest.is_file(path) and guest.stat(path).mode & 0o111 != 0,
    "DirectoryNotEmpty": lambda guest, path: guest.is_dir(path) and bool(guest.listdir(path)),
}


def unmet_condition(guest: Guest, unit: Unit) -> Assignment | None:
    """Return a condition or an assertion that keeps the unit from starting, or None.

    Of those marked with `|` one must hold, of the others all; `!` turns a condition round.
    """
    alternatives: list[Assignment] = []
    one_holds = False
    for kind in ("Condition", "Assert"):
        for name, test in _TESTS.items():
            for assignment in unit.all("Unit", f"{kind}{name}"):
                holds = _holds(guest, assignment.value.lstrip("|").lstrip(), test)
                if not assignment.value.startswith("|"):
                    if holds is False:
                        return assignment
                elif holds is False:
                    alternatives.append(assignment)
                else:
                    one_holds = True
    others = any(assignment.value.startswith("|") for assignment in unit.assignments if _is_foreign(assignment))
    return alternatives[0] if alternatives and not one_holds and not others else None


def _holds(guest: Guest, value: str, test: Callable[[Guest, str], bool]) -> bool | None:
    """Tell whether a condition holds; None where the disk does not decide it."""
    negated = value.startswith("!")
    path = value.removeprefix("!").strip()
    if not path.startswith("/") or path.startswith(_VOLATILE) or "%" in path:
        return None
    return test(guest, path) is not negated


def _is_foreign(assignment: Assignment) -> bool:
    """Whether this is a condition that is not evaluated here."""
    name = assignment.key.removeprefix("Condition").removeprefix("Assert")
    return assignment.section == "Unit" and name != assignment.key and name not in _TESTS
