"""What a person may have meant who named something that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_TELLING: Final = 3
"""Letters from which on a part of a name tells which one is meant."""
_COMPARED: Final = 5000
"""Names that are compared: a directory of the guest may hold any number."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" where a known name holds this one or is close to it, else an empty string."""
    found = closest(name, known)
    return f"; did you mean '{found}'?" if found else ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that begins with this one, is close to it or holds it; None where none does."""
    import difflib  # only where a name is wrong
    from itertools import islice

    wanted = name.lower()
    folded = {candidate.lower(): candidate for candidate in islice(known, _COMPARED)}
    holding = sorted((it for it in folded if len(wanted) >= _TELLING and wanted in it), key=lambda it: (len(it), it))
    starting = [it for it in holding if it.startswith(wanted)]
    found = [*starting, *difflib.get_close_matches(wanted, folded, n=1), *holding]
    return folded[found[0]] if found else None
