"""`inspector ls`: list a directory of the guest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inspector.cli import options
from inspector.console.output import standard_output
from inspector.view.browsing import Files, Form, ls

if TYPE_CHECKING:
    from inspector.target import Target


@click.command("ls")
@click.option("-l", "--long", is_flag=True, help="Type and mode, owner, group, size, time and link target.")
@click.option("-R", "--recursive", is_flag=True, help="All below, mounts included; no symbolic link is followed.")
@click.option("--sha256", is_flag=True, help="The hash of every regular file.")
@options.volume
@options.text_or_json
@options.target
@click.argument("path", default="/")
def command(
    target: Target,
    path: str,
    volume: str | None,
    output_format: str,
    *,
    long: bool,
    recursive: bool,
    sha256: bool,
) -> None:
    """List a directory of the guest's tree, or of one volume with --volume."""
    form = Form(long=long, recursive=recursive, sha256=sha256, json=output_format == "json")
    ls(Files(target, volume), path, form, standard_output())
