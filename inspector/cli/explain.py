"""`inspector explain`: why a rule is there and what to do about it."""

from __future__ import annotations

import click

from inspector.cli import options
from inspector.explain import explain_lines


@click.command("explain")
@click.argument("rule", shell_complete=options.complete_rule)
def command(rule: str) -> None:
    """Explain a rule, or a check with all its rules: why, what it reads, and the fix."""
    for line in explain_lines(rule):
        click.echo(line)
