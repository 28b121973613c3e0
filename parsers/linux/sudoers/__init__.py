"""Who may run what as whom: sudoers with its included files, judged as `visudo -c` does."""

from __future__ import annotations

from parsers.linux.sudoers.config import Grant, Sudoers, parse_sudoers
from parsers.linux.sudoers.entry import Release

__all__ = ["Grant", "Release", "Sudoers", "parse_sudoers"]
