"""`inspector stat`: the metadata of one file of the guest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inspector.cli import options
from inspector.console.output import standard_output
from inspector.view.browsing import Files, stat

if TYPE_CHECKING:
    from inspector.target import Target


@click.command("stat")
@options.volume
@options.text_or_json
@options.target
@click.argument("path")
def command(target: Target, path: str, volume: str | None, output_format: str) -> None:
    """Show the metadata of a file of the guest, or of one volume with --volume; no symbolic link is followed."""
    stat(Files(target, volume), path, standard_output(), json=output_format == "json")
