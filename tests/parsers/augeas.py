"""The trees of augeas that the corpus records for its samples: lists of `[path, value]`, or `[path]` without one."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

_VARIABLE: Final = re.compile(r"/([A-Za-z_][A-Za-z0-9_]*)(?:\[\d+\])?\Z")
_ESCAPES: Final = {"n": "\n", "t": "\t"}
"""As augtool prints values."""


def tree(entry: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return the nodes but comments, the escapes of their values undone; none where the lens did not fit."""
    nodes = entry["expected"].get("augeas_1.14", {}).get("tree", ())
    return [(node[0], _unescaped(node[1]) if node[1:] else None) for node in nodes if "/#comment" not in node[0]]


def _unescaped(value: str | None) -> str | None:
    return None if value is None else re.sub(r"\\(.)", lambda it: _ESCAPES.get(it[1], it[1]), value)


def shell_variables(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the assignments of a file of shell variables in their order, with the quotes that stand there."""
    found = ((_VARIABLE.match(path), value) for path, value in tree(entry))
    return [(match[1], value or "") for match, value in found if match]


def unquoted(value: str) -> str | None:
    """Take the quotes of a shell's word away; None for values that only a running shell knows."""
    if "$" in value or "`" in value:
        return None
    try:
        return "".join(shlex.split(value, comments=False)) if value[:1] in "'\"" else " ".join(shlex.split(value))
    except ValueError:
        return None
