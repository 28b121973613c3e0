"""What a report looks like: one function per format, imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Final

from inspector.report import Report

REPORTS: Final[dict[str, str]] = {
    "json": "json:render_json",
    "text": "text:render_text",
}
"""Name of the format -> "module:function" below this package; `function(report, colour) -> str`."""


def render(report: Report, report_format: str, *, colour: bool = False) -> str:
    """Return a report as text in one of `REPORTS`, ending with a newline."""
    module, _, name = REPORTS[report_format].partition(":")
    function: Callable[[Report, bool], str] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return function(report, colour)
