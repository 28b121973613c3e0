"""`inspector reg`: keys and values of a Windows guest's registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inspector.cli import options
from inspector.console.output import opened_output
from inspector.view.browsing import Files
from inspector.view.registry import registry

if TYPE_CHECKING:
    from inspector.target import Target


@click.command("reg")
@click.option("-R", "--recursive", is_flag=True, help="With all keys below it.")
@click.option("--hive", metavar="PATH", help="The file of a hive in the guest; KEY then begins below its root.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "reg"]),
    default="text",
    show_default=True,
    help="reg: a file that regedit imports, in UTF-16.",
)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of standard output.")
@options.target
@options.volume
@click.argument("key", required=False, default="")
def command(
    target: Target,
    key: str,
    hive: str | None,
    volume: str | None,
    output_format: str,
    output: str | None,
    recursive: bool,  # noqa: FBT001 - click gives it by name
) -> None:
    r"""Show a key of the registry: 'HKLM\SYSTEM\CurrentControlSet\Services\viostor'."""
    if hive is None and not key:
        raise click.UsageError("a KEY wanted, or --hive, or both")
    if volume and hive is None:
        raise click.UsageError("--volume wants --hive, the path of a hive on it")
    with opened_output(output) as write:
        registry(Files(target, volume), key, output_format, write, hive, recursive=recursive)
