"""`inspector show`: what a disk holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inspector.cli import options
from inspector.console.output import standard_output
from inspector.view.overview import show

if TYPE_CHECKING:
    from inspector.backing import AllowedFiles


@click.command("show")
@options.image
@options.root
@options.text_or_json
@options.allowed
def command(image: str, root: str | None, output_format: str, allowed: AllowedFiles | None) -> None:
    """Show what a disk holds: container, partitions, volumes, mounts, kernels."""
    show(image, root, standard_output(), json=output_format == "json", allowed=allowed)
