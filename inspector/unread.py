"""What could not be read of one thing, kept until the others were looked at: they may be certainly wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from inspector.facts import UnknownFact
from parsers.place import ParseError, Place, Problem


class Unread:
    """Keeps errors, so that they hide nothing that was found besides."""

    def __init__(self) -> None:
        self._kept: list[UnknownFact | ParseError] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what is raised within."""
        try:
            yield
        except (UnknownFact, ParseError) as error:
            self._kept.append(error.with_traceback(None))

    def tell(self) -> None:
        """Raise the first that was kept; to be called before a verdict that all is well."""
        if self._kept:
            raise self._kept[0].with_traceback(None)

    def problems(self, place: Place) -> Iterator[Problem]:
        """Give each error that was kept as a problem; at `place` where it names none."""
        for error in self._kept:
            if isinstance(error, ParseError):
                yield Problem(error.place, error.message)
            else:
                yield Problem(next(iter(error.places), place), error.reason)
