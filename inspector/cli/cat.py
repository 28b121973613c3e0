"""`inspector cat`: the content of one file of the guest."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from inspector.cli import options
from inspector.console.output import standard_output
from inspector.view.browsing import Files, cat

if TYPE_CHECKING:
    from inspector.backing import AllowedFiles


@click.command("cat")
@options.volume
@options.root
@options.image
@click.argument("path")
@options.allowed
def command(image: str, path: str, volume: str | None, root: str | None, allowed: AllowedFiles | None) -> None:
    """Print a file of the guest, byte by byte; on a terminal its control characters are escaped."""
    cat(Files(image, volume, root, allowed), path, standard_output(), escape=sys.stdout.isatty())
