"""A progress bar on standard error, for several images on a terminal; elsewhere nothing, and nothing is imported."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from typing import Any, Protocol


class Progress(Protocol):
    """What tells a person how far the work is."""

    def begin(self, name: str) -> None:
        """The work on `name` begins."""

    def clear(self) -> None:
        """Take the bar from the screen, because something is about to be printed; one more piece is done."""


class _Silent:
    def begin(self, name: str) -> None:
        """Say nothing."""

    def clear(self) -> None:
        """Leave the screen as it is."""


class _Bar:
    def __init__(self, bar: Any, total: int) -> None:  # Any: rich is imported only here
        self._bar = bar
        self._task = bar.add_task("", total=total)

    def begin(self, name: str) -> None:
        self._bar.update(self._task, description=name)
        self._bar.start()
        self._bar.refresh()

    def clear(self) -> None:
        self._bar.advance(self._task)
        self.stop()

    def stop(self) -> None:
        self._bar.stop()


@contextlib.contextmanager
def progress(total: int) -> Iterator[Progress]:
    """Give a bar of `total` steps, where standard error is a terminal and there is more than one step."""
    if total < 2 or not sys.stderr.isatty():
        yield _Silent()
        return
    rich = importlib.import_module("rich.progress")
    console = importlib.import_module("rich.console").Console(stderr=True, markup=False, highlight=False)
    columns = (rich.BarColumn(), rich.MofNCompleteColumn(), rich.TextColumn("{task.description}", markup=False))
    # No refreshing thread: the inspections fork, and a fork beside threads may hang.
    bar = _Bar(rich.Progress(*columns, console=console, auto_refresh=False, transient=True), total)
    try:
        yield bar
    finally:
        bar.stop()
