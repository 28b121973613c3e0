"""Facts: frozen nouns about one guest, each collected on first use, once.

`facts[Fstab]` gives the fact or raises `UnknownFact` with the reason. Nouns that a parser already returns are
used as they are; the modules of this package hold those that are put together from several artefacts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from parsers.place import ParseError, Place

Fact = TypeVar("Fact")
Collector = Callable[["Facts"], Any]


class UnknownFact(Exception):  # noqa: N818 - a state of knowledge, which the engine turns into a verdict
    """A fact that could not be had: absent, unreadable or unsupported. `places` say where it was looked for."""

    def __init__(self, reason: str, *places: Place) -> None:
        super().__init__(reason)
        self.reason = reason
        self.places = places


class Facts:
    """The facts of one guest.

    `given` holds facts that need no collecting (what the image was opened as; in tests, everything). A given
    `UnknownFact` instance is raised when asked for.
    """

    def __init__(
        self,
        given: Mapping[type[Any], object],
        collectors: Mapping[type[Any], Collector] | None = None,
    ) -> None:
        self._known: dict[type[Any], object] = dict(given)
        self._collectors = collectors or {}

    def __getitem__(self, noun: type[Fact]) -> Fact:
        if noun not in self._known:
            self._known[noun] = self._collect(noun)
        fact = self._known[noun]
        if isinstance(fact, UnknownFact):
            raise fact.with_traceback(None)
        return fact  # type: ignore[return-value]  # the mapping's keys are the types of its values

    def _collect(self, noun: type[Any]) -> object:
        collector = self._collectors.get(noun)
        if collector is None:
            return UnknownFact(f"{noun.__name__} was not collected")
        # A fact that needs itself would recurse; it meets this entry instead.
        self._known[noun] = UnknownFact(f"{noun.__name__} depends on itself")
        try:
            return collector(self)
        except UnknownFact as unknown:
            return unknown
        except ParseError as error:
            return UnknownFact(str(error), error.place)
        except BaseException:
            del self._known[noun]
            raise
