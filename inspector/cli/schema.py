"""`inspector schema`: the JSON Schema of the report."""

from __future__ import annotations

from importlib import resources

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema that every JSON report keeps."""
    click.echo((resources.files("inspector.reports") / "report.schema.json").read_text(encoding="utf-8"), nl=False)
