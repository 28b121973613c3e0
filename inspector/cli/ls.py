"""`inspector ls`: list a directory of the guest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inspector.cli import options
from inspector.console.output import standard_output
from inspector.view.browsing import Files, Form, ls

if TYPE_CHECKING:
    from inspector.backing import AllowedFiles


@click.command("ls")
@click.option("-l", "--long", is_flag=True, help="Type and mode, owner, group, size, time and link target.")
@click.option("-R", "--recursive", is_flag=True, help="All below, mounts included; no symbolic link is followed.")
@click.option("--sha256", is_flag=True, help="The hash of every regular file.")
@options.volume
@options.root
@options.text_or_json
@options.image
@click.argument("path", default="/")
@options.allowed
def command(  # noqa: PLR0913 - one parameter per option
    image: str,
    path: str,
    volume: str | None,
    root: str | None,
    output_format: str,
    *,
    allowed: AllowedFiles | None,
    long: bool,
    recursive: bool,
    sha256: bool,
) -> None:
    """List a directory of the guest's tree, or of one volume with --volume."""
    form = Form(long=long, recursive=recursive, sha256=sha256, json=output_format == "json")
    ls(Files(image, volume, root, allowed), path, form, standard_output())
