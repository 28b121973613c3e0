"""The command line: click commands, one file each, imported when they are called.

Exit statuses: 0 judged and nothing at or above `--fail-on`; 1 judged, something is; 2 wrong usage, or an output that
cannot be written; 3 an image could not be inspected; 130 interrupted; 141 the reader of the output went away; 143
terminated.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from typing import Any, Final, NoReturn

import click

from inspector.console.printable import printable
from inspector.errors import InspectorError, UsageError
from inspector.version import VERSION

COMMANDS: Final = {
    "check": "Judge disk images by a profile.",
    "show": "Show what a disk holds.",
    "ls": "List a directory of the guest.",
    "stat": "Show the metadata of a file of the guest.",
    "cat": "Print a file of the guest.",
    "packages": "List the installed packages of the guest.",
    "reg": "Show keys of the registry of a Windows guest.",
    "rules": "List the rules.",
    "explain": "Explain a rule or a check.",
    "profiles": "List the profiles.",
    "schema": "Print the JSON Schema of the report.",
    "completion": "Print the completion script of a shell.",
}
"""Name of the command, which is also its module, with what `--help` says about it."""

_USAGE: Final = 2
NOT_INSPECTED: Final = 3
_INTERRUPTED: Final = 130
_NO_READER: Final = 141
_SIGNALLED: Final = 128
_STDOUT: Final = 1
_STDERR: Final = 2


def complain(message: str) -> None:
    """Print one line on standard error."""
    click.echo(f"inspector: {printable(message)}", err=True)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from inspector.suggestion import suggestion  # only where a command is mistyped

            ctx.fail(f"no command is called {name!r}{suggestion(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _drop_output()
            ctx.exit(_NO_READER)
        except UsageError as error:
            complain(str(error))
            ctx.exit(_USAGE)
        except InspectorError as error:
            complain(str(error))
            ctx.exit(NOT_INSPECTED)
        except OSError as error:
            _drop_output()
            complain(f"the output cannot be written: {error.strerror or error}")
            ctx.exit(_USAGE)
        return result


def _drop_output() -> None:
    """Lead standard output nowhere: what is still buffered must not fail once more when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)


def _fill_closed_streams() -> None:
    """Lead the standard streams that the caller closed nowhere: what he does not want must not be a file of ours."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR:  # the lowest that is free
        os.set_inheritable(number, True)  # noqa: FBT003 - it takes no keyword
        if number == _STDOUT:
            sys.stdout = os.fdopen(number, "w", closefd=False)
        elif number == _STDERR:
            sys.stderr = os.fdopen(number, "w", closefd=False)
    os.close(number)


def _leave(number: int, _frame: object) -> NoReturn:
    """Leave through the clean-up: the inspection's process ends, and no half-written output stays.

    Not by `KeyboardInterrupt`: click takes that for an abort, and ends with the status of a finding.
    """
    raise SystemExit(_SIGNALLED + number)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="%(prog)s %(version)s")
def cli() -> None:
    """Read the disk image of a virtual machine without booting or mounting it, and judge it."""


def main() -> None:
    """Run the command line; the entry point of the program."""
    _fill_closed_streams()
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup, and a shell for its background, wish it
            signal.signal(number, _leave)
    try:
        cli(prog_name="inspector")
    except SystemExit as left:
        if left.code == _INTERRUPTED:
            complain("interrupted")
        raise
    except OSError as error:  # from an option that prints by itself, such as --version
        _drop_output()
        complain(f"the output cannot be written: {error.strerror or error}")
        sys.exit(_USAGE)
    finally:
        gc.freeze()  # what a last search for cycles would free goes with the process
