"""`inspector packages`: the installed software of the guest, as a table, as JSON or as a bill of materials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inspector.cli import options
from inspector.console.output import opened_output
from inspector.view.packages import packages

if TYPE_CHECKING:
    from inspector.target import Target


@click.command("packages")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "cyclonedx"]),
    default="text",
    show_default=True,
    help="cyclonedx: a bill of materials (CycloneDX 1.6, JSON).",
)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of standard output.")
@options.target
def command(target: Target, output_format: str, output: str | None) -> None:
    """List the installed packages of the guest: of dpkg, rpm, apk or pacman; of Windows its programs and updates."""
    with opened_output(output) as write:
        packages(target, output_format, write)
