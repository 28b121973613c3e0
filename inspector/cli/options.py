"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from inspector.isolate import CHECK_LIMITS, MIB, Limits

if TYPE_CHECKING:
    from inspector.backing import AllowedFiles

Completion = list[str]

text_or_json: Final = click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
root: Final = click.option(
    "--root", metavar="VOLUME", help='The volume of the root file system, where several hold one ("sda2", "sda2[/@]").'
)
volume: Final = click.option(
    "--volume", metavar="NAME", help='Browse this volume alone ("sda1", "sda1[/@home]"), not the guest\'s tree.'
)
images: Final = click.argument("images", nargs=-1, required=True, type=click.Path(readable=False))
one_guest: Final = click.option(
    "--guest",
    "one_guest",
    is_flag=True,
    help="The images are the disks of one machine, the one that it boots from first.",
)
backend: Final = click.option(
    "--backend",
    type=click.Choice(["auto", "native", "guestfs"]),
    default="auto",
    show_default=True,
    envvar="INSPECTOR_BACKEND",
    show_envvar=True,
    help="What reads file systems: our own readers, libguestfs in a virtual machine, or that for what ours cannot.",
)
timeout: Final = click.option(
    "--timeout",
    type=click.IntRange(1, 86400),
    metavar="SECONDS",
    help=f"End an inspection after this time; default {CHECK_LIMITS.wall:g} s, {CHECK_LIMITS.cpu} s of processor time, "
    f"and {CHECK_LIMITS.helped:g} s more where libguestfs is needed.",
)
memory: Final = click.option(
    "--memory",
    type=click.IntRange(128, 1 << 20),
    default=CHECK_LIMITS.memory // MIB,
    show_default=True,
    metavar="MIB",
    help="Address space that an inspection may use, in MiB.",
)


def allowed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that allow files which the image names; it gets `allowed`, a value or None."""

    @click.option(
        "--allow-file",
        "allow_files",
        multiple=True,
        metavar="NAME",
        help="Open this backing file, data file or extent, by its name in the image, no other; with --allow-folder.",
    )
    @click.option("--allow-folder", metavar="DIR", help="Where the files of --allow-file must lie.")
    @functools.wraps(command)
    def with_allowed(*words: Any, allow_files: tuple[str, ...], allow_folder: str | None, **named: Any) -> None:
        if bool(allow_files) != (allow_folder is not None):
            raise click.UsageError("--allow-file and --allow-folder want each other")
        command(*words, allowed=_allowed_files(allow_files, allow_folder), **named)

    return with_allowed


def keys(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option that opens encrypted volumes; it gets `keys`, the content of the files."""

    @click.option(
        "--key-file",
        "key_files",
        multiple=True,
        metavar="FILE",
        help="Open LUKS volumes with what this file holds, to its last byte; wants the Python package cryptography.",
    )
    @functools.wraps(command)
    def with_keys(*words: Any, key_files: tuple[str, ...], **named: Any) -> None:
        if not key_files:
            command(*words, keys=(), **named)
            return
        from inspector.disks.encryption import read_keys  # only where a key is given
        from inspector.errors import InspectorError

        try:
            found = read_keys(key_files)
        except InspectorError as error:
            raise click.UsageError(str(error)) from error
        command(*words, keys=found, **named)

    return with_keys


def target(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an image and the options that say how it is opened; it gets `target`, a machine."""

    @click.argument("image", type=click.Path(readable=False))
    @click.option(
        "--disk", "others", multiple=True, metavar="FILE", help="The image of another disk of the same machine."
    )
    @root
    @allowed
    @backend
    @keys
    @functools.wraps(command)
    def with_target(
        image: str, others: tuple[str, ...], root: str | None, allowed: Any, backend: str, keys: Any, **named: Any
    ) -> None:
        from inspector.target import targets  # after the command line was read

        (target,) = targets((image, *others), root, allowed, backend, keys, one_guest=True)
        command(target=target, **named)

    return with_target


def _allowed_files(names: tuple[str, ...], folder: str | None) -> AllowedFiles | None:
    if folder is None:
        return None
    from inspector.backing import AllowedFiles  # only where it is asked for

    return AllowedFiles(Path(folder), frozenset(names))


def limits(seconds: int | None, mebibytes: int) -> Limits:
    """Return the limits that the options ask for."""
    if seconds is None:
        return Limits(memory=mebibytes * MIB)
    return Limits(memory=mebibytes * MIB, cpu=seconds, wall=float(seconds), helped=0)


def complete_profile(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> Completion:
    """Names of profiles, for the shell."""
    from inspector.profile import profile_names  # only when the shell asks

    return [name for name in profile_names() if name.startswith(incomplete)]


def complete_rule(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> Completion:
    """Names of rules, for the shell."""
    from inspector.rules import rules  # only when the shell asks

    return [name for name in rules() if name.startswith(incomplete)]
