"""What a rule could not read of one thing, kept until it has looked at the others, which may be certainly wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from inspector.facts import UnknownFact
from parsers.place import ParseError


class Unread:
    """Keeps the first error, so that it hides no fault that was found besides."""

    def __init__(self) -> None:
        self._first: UnknownFact | ParseError | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what is raised within."""
        try:
            yield
        except (UnknownFact, ParseError) as error:
            self._first = self._first or error

    def tell(self) -> None:
        """Raise what was kept; to be called before a verdict that all is well."""
        if self._first:
            raise self._first.with_traceback(None)
