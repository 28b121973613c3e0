"""A job in a limited process whose output goes straight on to where the user wants it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from inspector.console.output import Write
from inspector.errors import InspectorError, about
from inspector.isolate import STREAM_LIMITS, Limits, Send, isolated
from inspector.target import Target


def pass_on(target: Target, job: Callable[[Send], None], write: Write, limits: Limits = STREAM_LIMITS) -> None:
    """Run `job` and write each piece that it sends; an `InspectorError` names the image it is about."""
    try:
        with contextlib.closing(isolated(job, limits, target.backend.helper)) as pieces:
            for piece in pieces:
                write(piece)
    except InspectorError as error:
        raise InspectorError(about(target.images, error)) from error
