"""`inspector cat`: the content of one file of the guest."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from inspector.cli import options
from inspector.console.output import standard_output
from inspector.view.browsing import Files, cat

if TYPE_CHECKING:
    from inspector.target import Target


@click.command("cat")
@options.volume
@options.target
@click.argument("path")
def command(target: Target, path: str, volume: str | None) -> None:
    """Print a file of the guest, byte by byte; on a terminal its control characters are escaped."""
    cat(Files(target, volume), path, standard_output(), escape=sys.stdout.isatty())
