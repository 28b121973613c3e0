"""`inspector show`: what a disk, or a machine of several, holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inspector.cli import NOT_INSPECTED, complain, options
from inspector.console.output import standard_output
from inspector.errors import InspectorError
from inspector.target import targets
from inspector.view.overview import show

if TYPE_CHECKING:
    from inspector.backing import AllowedFiles


@click.command("show")
@options.images
@options.one_guest
@options.root
@options.text_or_json
@options.allowed
@options.backend
@options.keys
@click.pass_context
def command(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    /,
    images: tuple[str, ...],
    root: str | None,
    output_format: str,
    allowed: AllowedFiles | None,
    backend: str,
    keys: tuple[bytes, ...],
    *,
    one_guest: bool,
) -> None:
    """Show what disks hold: containers, partitions, volumes, mounts, kernels."""
    write = standard_output()
    status = 0
    for target in targets(images, root, allowed, backend, keys, one_guest=one_guest):
        try:
            show(target, write, json=output_format == "json")
        except InspectorError as error:
            complain(str(error))
            status = NOT_INSPECTED
    ctx.exit(status)
