"""YAML 1.1 as PyYAML's safe loader reads it, with the line of every node, in bounded time and memory.

Specification: yaml.org/spec/1.1; the scalar types are those of the safe schema. libyaml gives events; the nodes are
put together here without recursion, so that nesting, the number of nodes and what aliases would expand to are checked
while reading. A node that is used by several aliases is shared, never copied.
Not done: tags outside the safe schema (they are a mistake, as for the safe loader) and recursive aliases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import yaml

from parsers.place import Place, Problem

TEXT_MAX: Final = 4 << 20
DEPTH_MAX: Final = 64
NODES_MAX: Final = 200_000
"""Limit for the nodes of a document, each counted as often as aliases repeat it."""

_PLAIN_MAX: Final = 256  # longer plain scalars are text: a number of that length would cost time for nothing
_TAG: Final = "tag:yaml.org,2002:"
_TEXT_TAGS: Final = {_TAG + "str", _TAG + "python/unicode", "!"}
_MERGE: Final = _TAG + "merge"
_MAPPINGS: Final = {_TAG + "map", _TAG + "set", "!"}
_SEQUENCES: Final = {_TAG + "seq", _TAG + "omap", _TAG + "pairs", "!"}

Value = Any
"""None, bool, int, float, str, bytes, date, datetime: what a scalar stands for."""


class Scalar(msgspec.Struct, frozen=True, eq=False):
    """A scalar: `text` as written, without quotes, and what it stands for in YAML 1.1."""

    place: Place
    text: str
    value: Value
    size: int = 1


class Sequence(msgspec.Struct, frozen=True, eq=False):
    """A list."""

    place: Place
    items: tuple[Node, ...]
    flow: bool = False
    size: int = 1


class Mapping(msgspec.Struct, frozen=True, eq=False):
    """A mapping; of a key given twice the last value counts. `keys` tells where each key stands."""

    place: Place
    entries: dict[Value, Node]
    keys: dict[Value, Place]
    size: int = 1

    def get(self, key: Value) -> Node | None:
        """Return the node under a key, or None."""
        return self.entries.get(key)


Node = Scalar | Sequence | Mapping


class Document(msgspec.Struct, frozen=True):
    """One document. `flaw` is the mistake that makes all of it unreadable; an empty document has no root."""

    root: Node | None
    problems: tuple[Problem, ...] = ()
    flaw: Problem | None = None


def plain(node: Node | None) -> Any:
    """Return the Python value of a node as the safe loader gives it. Depth and size were bounded by reading."""
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.entries.items()}
    return node.value if node else None


Join = Callable[[Node, Node], Node]


def parse_yaml(text: str, path: str, *, first: bool = False, join: Join | None = None) -> Document:
    """Read the one document of a text, or with `first` the first of several; `path` labels the places.

    `join` makes one value of two that a mapping gives for the same key, where the last shall not simply count.
    """
    if len(text) > TEXT_MAX:
        return _refused(Place(path), f"at most {TEXT_MAX} characters wanted, {len(text)} found")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        place = Place(path, text.count("\n", 0, error.start) + 1)
        return _refused(place, f"UTF-8 wanted, byte {ord(text[error.start]) & 0xFF:#04x} found")
    reading = _Reading(path, join)
    try:
        reading.take(iter(yaml.parse(text, Loader=yaml.CSafeLoader)), first=first)
    except _Flaw as flaw:
        return _refused(flaw.place, flaw.message)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = Place(path, mark.line + 1 if mark else None)
        return _refused(place, f"YAML wanted, {getattr(error, 'problem', None) or 'a control character'} found")
    return Document(reading.root, tuple(reading.problems))


def _refused(place: Place, message: str) -> Document:
    flaw = Problem(place, message)
    return Document(None, (flaw,), flaw)


class _Flaw(Exception):  # noqa: N818 - ends the reading, never leaves this module
    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


class _Open(msgspec.Struct):
    """A collection that is being read."""

    place: Place
    mapping: bool
    anchor: str | None
    flow: bool = False
    children: list[Node] = msgspec.field(default_factory=list)


_Handler = Callable[[Any], Node | None]


class _Reading:
    def __init__(self, path: str, join: Join | None) -> None:
        self.path = path
        self._join = join
        self._work = 0
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._resolver = yaml.resolver.Resolver()
        self._constructor = yaml.constructor.SafeConstructor()
        self._documents = 0
        self._handlers: dict[type[Any], _Handler] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceEndEvent: self._end,
            yaml.MappingEndEvent: self._end,
        }

    def take(self, events: Iterator[Any], *, first: bool) -> None:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise _Flaw(self._place(event), "a single document wanted, another found")
            elif isinstance(event, yaml.DocumentEndEvent) and first:
                return
            elif handler := self._handlers.get(type(event)):
                node = handler(event)
                if node is not None:
                    self._place_node(node)

    def _place(self, event: Any) -> Place:
        return Place(self.path, event.start_mark.line + 1)

    def _place_node(self, node: Node) -> None:
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self.root = node

    def _remember(self, anchor: str | None, node: Node) -> Node:
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            kind = "recursive" if event.anchor in self._anchors else "undefined"
            raise _Flaw(self._place(event), f"an alias of a finished node wanted, {kind} *{event.anchor[:80]} found")
        return node

    def _start(self, event: Any) -> None:
        place = self._place(event)
        mapping = isinstance(event, yaml.MappingStartEvent)
        if len(self._stack) >= DEPTH_MAX:
            raise _Flaw(place, f"nesting of at most {DEPTH_MAX} levels wanted, more found")
        if event.tag is not None and event.tag not in (_MAPPINGS if mapping else _SEQUENCES):
            raise _Flaw(place, f"a plain YAML tag wanted, {event.tag[:80]} found")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(place, mapping, event.anchor, bool(event.flow_style)))

    def _end(self, _event: Any) -> Node:
        done = self._stack.pop()
        size = 1 + sum(child.size for child in done.children)
        if size > NODES_MAX:
            raise _Flaw(done.place, f"at most {NODES_MAX} nodes wanted, aliases expand to {size}")
        if done.mapping:
            return self._remember(done.anchor, self._mapping(done, size))
        return self._remember(done.anchor, Sequence(done.place, tuple(done.children), done.flow, size))

    def _scalar(self, event: Any) -> Node:
        place, text = self._place(event), event.value
        tag = event.tag
        if tag is None or tag == "!":
            # An implicit tag is looked for in plain scalars only; a quoted one is text.
            plain_scalar = event.implicit[0] and tag is None and len(text) <= _PLAIN_MAX
            implicit = (plain_scalar, not plain_scalar)
            tag = self._resolver.resolve(yaml.ScalarNode, text, implicit)  # type: ignore[no-untyped-call]  # stubs
        return self._remember(event.anchor, Scalar(place, text, self._value(place, tag, text)))

    def _value(self, place: Place, tag: str, text: str) -> Value:
        if tag in _TEXT_TAGS:
            return text
        if tag == _MERGE or tag == _TAG + "value":
            return text
        construct = yaml.constructor.SafeConstructor.yaml_constructors.get(tag)
        if construct is None or not tag.startswith(_TAG) or len(text) > _PLAIN_MAX:
            raise _Flaw(place, f"a plain YAML tag wanted, {tag[:80]} found")
        try:
            return construct(self._constructor, yaml.ScalarNode(tag, text))
        except (ValueError, KeyError, IndexError, OverflowError, TypeError, yaml.YAMLError):
            raise _Flaw(place, f"a {tag.removeprefix(_TAG)[:80]} wanted, {text[:80]} found") from None

    def _mapping(self, done: _Open, size: int) -> Mapping:
        entries: dict[Value, Node] = {}
        keys: dict[Value, Place] = {}
        merged: list[Mapping] = []
        for key, value in zip(done.children[::2], done.children[1::2], strict=True):
            if not isinstance(key, Scalar):
                raise _Flaw(key.place, "a scalar wanted as a key, a collection found")
            if key.text == "<<" and key.value == "<<":
                merged += self._merged(value)
                continue
            if key.value in entries:
                joined = self._joined(entries[key.value], value)
                if joined is value:  # what was there before does not count
                    self.problems.append(Problem(key.place, f"each key once wanted, {key.text[:80]} found again"))
                value = joined
            entries[key.value] = value
            keys[key.value] = key.place
        for source in merged:
            for name, value in source.entries.items():
                if name not in entries:
                    entries[name], keys[name] = value, source.keys[name]
        return Mapping(done.place, entries, keys, size)

    def _joined(self, older: Node, newer: Node) -> Node:
        if self._join is None:
            return newer
        self._work += older.size + newer.size
        if self._work > 10 * NODES_MAX:
            raise _Flaw(newer.place, f"keys given twice in at most {10 * NODES_MAX} nodes wanted, more found")
        return self._join(older, newer)

    def _merged(self, value: Node) -> list[Mapping]:
        """Return the mappings that `<<` names, the first one winning."""
        if isinstance(value, Mapping):
            return [value]
        items = value.items if isinstance(value, Sequence) else ()
        found = [item for item in items if isinstance(item, Mapping)]
        if not found or len(found) != len(items):
            raise _Flaw(value.place, "a mapping or a list of mappings wanted after <<, something else found")
        return found
