"""`inspector rules`: every rule with its title."""

from __future__ import annotations

import click

from inspector.explain import rule_lines


@click.command("rules")
def command() -> None:
    """List the rules, each with the good state that it wants."""
    for line in rule_lines():
        click.echo(line)
