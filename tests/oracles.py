"""The independent programs that tests compare with; where one is not installed, the test says so and is skipped."""

from __future__ import annotations

import os
import shutil

import pytest

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def missing(*programs: str) -> list[str]:
    """Return those of `programs` that are not installed."""
    return [program for program in programs if shutil.which(program, path=_PATH) is None]


def needs(*programs: str) -> pytest.MarkDecorator:
    """Mark a test that needs `programs`."""
    absent = missing(*programs)
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}")
