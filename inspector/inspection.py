"""One inspection in its own limited process: `inspect_machine` as the command line calls it."""

from __future__ import annotations

import json
from functools import partial

import msgspec

from inspector.console.json_line import json_text
from inspector.engine import inspect_machine
from inspector.errors import InspectorError
from inspector.isolate import CHECK_LIMITS, Limits, Send, isolated_result
from inspector.profile import Profile
from inspector.report import Report
from inspector.target import Target


def inspect_isolated(target: Target, profile: str | Profile = "ecs", limits: Limits = CHECK_LIMITS) -> Report:
    """Inspect the images of a machine in a child process.

    Raises:
        InspectorError: the image could not be inspected, or the inspection died.
    """
    try:
        data = json.loads(isolated_result(partial(_inspect, target, profile), limits, target.backend.helper))
        return msgspec.convert(data, Report)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise InspectorError(f"the inspection sent something that is no report: {error}") from error


def _inspect(target: Target, profile: str | Profile, send: Send) -> None:
    send(json_text(msgspec.to_builtins(inspect_machine(target, profile))).encode("ascii"))
