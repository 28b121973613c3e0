"""`/etc/default/grub` and `/etc/default/grub.d/*.cfg`: the settings from which grub-mkconfig makes grub.cfg.

Format: GNU GRUB manual 2.12, section 6.1. grub-mkconfig sources the file and then those of the directory in the order
of their names.
"""

from __future__ import annotations

from parsers.linux.shell_assignments import Assignment, parse_assignments
from parsers.linux.shell_assignments import Assignments as DefaultGrub

__all__ = ["Assignment", "DefaultGrub", "parse_default_grub"]


def parse_default_grub(text: str, path: str = "/etc/default/grub", before: DefaultGrub | None = None) -> DefaultGrub:
    """Read the assignments of a file, after those of `before`; `path` only labels the places."""
    return parse_assignments(text, path, before)
