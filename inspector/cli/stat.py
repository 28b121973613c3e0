"""`inspector stat`: the metadata of one file of the guest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inspector.cli import options
from inspector.console.output import standard_output
from inspector.view.browsing import Files, stat

if TYPE_CHECKING:
    from inspector.backing import AllowedFiles


@click.command("stat")
@options.volume
@options.root
@options.text_or_json
@options.image
@click.argument("path")
@options.allowed
def command(
    image: str, path: str, volume: str | None, root: str | None, output_format: str, *, allowed: AllowedFiles | None
) -> None:
    """Show the metadata of a file of the guest, or of one volume with --volume; no symbolic link is followed."""
    stat(Files(image, volume, root, allowed), path, standard_output(), json=output_format == "json")
