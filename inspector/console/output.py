"""Where results go: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from inspector.errors import UsageError

Write = Callable[[bytes], None]


class OutputError(UsageError):
    """The place that was named for the output cannot be written."""


def standard_output() -> Write:
    """Return what writes bytes to standard output, each piece at once."""
    stream = sys.stdout.buffer

    def write(data: bytes) -> None:
        stream.write(data)
        stream.flush()

    return write


@contextlib.contextmanager
def opened_output(path: str | None) -> Iterator[Write]:
    """Give what writes to `path` (None or "-": standard output); a regular file is replaced when all went well.

    Raises:
        OutputError: the file cannot be written; at once, before any work was done for it, where that can be known.
    """
    if path is None or path == "-":
        yield standard_output()
        return
    try:
        regular = not Path(path).exists() or Path(path).is_file()
        descriptor, temporary = _temporary(Path(path).resolve()) if regular else (os.open(path, os.O_WRONLY), None)
    except OSError as error:
        raise _error(path, error) from error
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as stream:
            yield _guarded(path, stream)
        if temporary:
            temporary.replace(Path(path).resolve())
    except BaseException:
        if temporary:
            temporary.unlink(missing_ok=True)
        raise


def _temporary(target: Path) -> tuple[int, Path]:
    """A new file beside the target, with the mode that an ordinary new file gets."""
    import tempfile  # only where a file is written

    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.fchmod(descriptor, 0o666 & ~_umask())
    return descriptor, Path(name)


def _guarded(path: str, stream: io.FileIO) -> Write:
    def write(data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[stream.write(view) :]
        except OSError as error:
            raise _error(path, error) from error

    return write


def _error(path: str, error: OSError) -> OutputError:
    return OutputError(f"{path} cannot be written: {error.strerror or error}")


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def wants_colour(path: str | None = None) -> bool:
    """Tell whether to colour what goes to `path`: only on a terminal, and not where NO_COLOR says otherwise."""
    return path is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
