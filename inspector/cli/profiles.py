"""`inspector profiles`: every profile with its title."""

from __future__ import annotations

import click

from inspector.explain import profile_lines


@click.command("profiles")
def command() -> None:
    """List the profiles that come with the program."""
    for line in profile_lines():
        click.echo(line)
