"""`inspector check`: judge disk images by a profile."""

from __future__ import annotations

from typing import Any

import click

from inspector.backing import AllowedFiles
from inspector.check import FAIL_ON, Order, check_images
from inspector.cli import complain, options
from inspector.console.output import opened_output, wants_colour
from inspector.reports import REPORTS


@click.command("check")
@options.images
@options.one_guest
@click.option(
    "--profile",
    default="ecs",
    show_default=True,
    metavar="NAME",
    shell_complete=options.complete_profile,
    help="What is checked: a profile's name, or the path of a TOML file.",
)
@click.option("--format", "report_format", type=click.Choice(sorted(REPORTS)), default="text", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write the reports to a file, which appears whole or not at all.")
@click.option("--fail-on", type=click.Choice(list(FAIL_ON)), default="failed", show_default=True)
@options.root
@options.timeout
@options.memory
@options.backend
@options.allowed
@options.keys
@click.pass_context
def command(
    ctx: click.Context,
    /,
    images: tuple[str, ...],
    output: str | None,
    timeout: int | None,
    memory: int,
    allowed: AllowedFiles | None,
    **order: Any,
) -> None:
    """Judge disk images: OK, WARNING or FAILED for each check, with evidence and a fix.

    Exit status: 0 judged, nothing at or above --fail-on; 1 judged, something is; 2 wrong usage; 3 an image could not
    be inspected (the others still are).
    """
    limits = options.limits(timeout, memory)
    wanted = Order(**order, colour=wants_colour(output), limits=limits, allowed=allowed)
    with opened_output(output) as write:
        status = check_images(images, wanted, write, complain)
    ctx.exit(status)
