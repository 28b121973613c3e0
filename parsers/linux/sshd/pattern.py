"""Patterns of sshd_config: PATTERNS of ssh_config(5)."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable


def pattern_matches(text: str, pattern: str) -> bool:
    """Tell whether a pattern fits: it has `*` and `?` only, brackets are letters."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def list_matches(names: Iterable[str], patterns: str) -> bool:
    """Tell whether a list of patterns fits one of the names: one with ! that fits outweighs the others."""
    listed = [(pattern.startswith("!"), pattern.removeprefix("!")) for pattern in patterns.split(",")]
    found = {denied for denied, pattern in listed for name in names if pattern_matches(name, pattern)}
    return found == {False}
