"""`inspector cat`: the content of one file of the guest."""

from __future__ import annotations

import sys

import click

from inspector.browsing import Files, cat
from inspector.cli import options
from inspector.output import standard_output


@click.command("cat")
@options.volume
@options.root
@options.image
@click.argument("path")
def command(image: str, path: str, volume: str | None, root: str | None) -> None:
    """Print a file of the guest, byte by byte; on a terminal its control characters are escaped."""
    cat(Files(image, volume, root), path, standard_output(), escape=sys.stdout.isatty())
