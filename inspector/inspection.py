"""One inspection in its own limited process: `inspect_image` as the command line calls it."""

from __future__ import annotations

import json
from functools import partial

import msgspec

from inspector.console.json_line import json_text
from inspector.engine import inspect_image
from inspector.errors import InspectorError
from inspector.image import AllowedFiles
from inspector.isolate import CHECK_LIMITS, Limits, Send, isolated_result
from inspector.report import Report


def inspect_isolated(
    path: str,
    profile: str = "ecs",
    root: str | None = None,
    limits: Limits = CHECK_LIMITS,
    allowed: AllowedFiles | None = None,
) -> Report:
    """Inspect the image at `path` in a child process.

    Raises:
        InspectorError: the image could not be inspected, or the inspection died.
    """
    try:
        data = json.loads(isolated_result(partial(_inspect, path, profile, root, allowed), limits))
        return msgspec.convert(data, Report)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise InspectorError(f"the inspection sent something that is no report: {error}") from error


def _inspect(path: str, profile: str, root: str | None, allowed: AllowedFiles | None, send: Send) -> None:
    send(json_text(msgspec.to_builtins(inspect_image(path, profile, root, allowed))).encode("ascii"))
