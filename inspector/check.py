"""Judge several machines, each on its own: one that cannot be inspected does not keep the others waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from inspector.console.output import Write
from inspector.console.printable import printable
from inspector.console.progress import progress
from inspector.errors import InspectorError, about
from inspector.image import AllowedFiles
from inspector.inspection import inspect_isolated
from inspector.isolate import CHECK_LIMITS, Limits
from inspector.profile import load_profile
from inspector.reports import render
from inspector.target import Target, targets
from inspector.verdict import Status, at_least

EXIT_JUDGED: Final = 0
EXIT_BAD: Final = 1
EXIT_NOT_INSPECTED: Final = 3
FAIL_ON: Final[dict[str, Status | None]] = {"failed": Status.FAILED, "warning": Status.WARNING, "never": None}


class Order(msgspec.Struct, frozen=True):
    """What the user asked for.

    `fail_on` is a key of `FAIL_ON`; `allowed` are files that an image may lean on, `backend` what reads file systems.
    With `one_guest` the images are the disks of one machine; otherwise each is a machine's only disk.
    """

    profile: str = "ecs"
    root: str | None = None
    report_format: str = "text"
    fail_on: str = "failed"
    colour: bool = False
    limits: Limits = msgspec.field(default=CHECK_LIMITS)
    allowed: AllowedFiles | None = None
    one_guest: bool = False
    backend: str = "native"
    keys: tuple[bytes, ...] = ()

    def machines(self, images: Sequence[str]) -> list[Target]:
        """Return the machines that `images` make."""
        return targets(images, self.root, self.allowed, self.backend, self.keys, one_guest=self.one_guest)


def check_images(images: Sequence[str], order: Order, write: Write, complain: Callable[[str], None]) -> int:
    """Inspect each machine, write its report, and return the exit status of the contract.

    `complain` gets one line for each that could not be inspected.

    Raises:
        ProfileError: before anything was inspected, where there is no such profile.
    """
    profile = load_profile(order.profile)
    limit = FAIL_ON[order.fail_on]
    status = EXIT_JUDGED
    machines = order.machines(images)
    with progress(len(machines)) as bar:
        for target in machines:
            bar.begin(printable(target.name))
            try:
                report = inspect_isolated(target, profile, order.limits)
            except InspectorError as error:
                bar.clear()
                complain(about(target.images, error))
                status = EXIT_NOT_INSPECTED
                continue
            bar.clear()
            text = render(report, order.report_format, colour=order.colour)
            write((_heading(target.name, order, len(machines)) + text).encode("utf-8", "backslashreplace"))
            if limit and at_least(report.verdict, limit):
                status = max(status, EXIT_BAD)
    return status


def _heading(name: str, order: Order, count: int) -> str:
    return f"==> {printable(name)} <==\n" if order.report_format == "text" and count > 1 else ""
