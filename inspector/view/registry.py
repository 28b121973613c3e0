"""`inspector reg` as the command line calls it: keys and values of the registry, from a limited process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from inspector.console.json_line import json_text
from inspector.console.output import Write
from inspector.console.printable import printable
from inspector.console.stream import pass_on
from inspector.errors import InspectorError
from inspector.isolate import Send
from inspector.view.absence import instead, with_hint
from inspector.view.browsing import Files
from inspector.view.listing import open_files
from inspector.windows.registry import Location, Registry
from parsers.place import ParseError
from parsers.windows.reg_export import export_reg, render
from parsers.windows.registry import HiveState, Key, Value

_LINE: Final = 1 << 16
"""Characters that are gathered before they are sent."""


def registry(files: Files, path: str, output_format: str, write: Write, hive: str | None, *, recursive: bool) -> None:
    """Write the key at `path`, of the hive in the file `hive` or of the registry, as "text", "json" or "reg".

    A hive that is written as a whole is checked as a whole: its bins and cells, and the hashes of names.

    Raises:
        InspectorError: there is no such key; or, after all that could be read was written, where something could not.
    """

    def job(send: Send) -> None:
        guest = open_files(files.target, files.volume)
        if guest.family != "windows" and hive is None:
            raise InspectorError("a Windows guest wanted, a Linux one found; name the file of a hive with --hive")
        opened = Registry(guest)
        with with_hint(guest, hive or "/"):
            location = Location(opened.open(hive), hive, _names(path)) if hive else opened.locate(path)
        top = location.hive.key(location.names)
        if top is None:
            raise InspectorError(_absence(location))
        keys = location.hive.walk(top) if recursive else iter([top])
        encoding, errors = ("utf-16-le", "surrogatepass") if output_format == "reg" else ("utf-8", "backslashreplace")
        for piece in _gathered(_FORMATS[output_format](location, keys, recursive=recursive)):
            send(piece.encode(encoding, errors))
        whole = recursive and not location.names
        checked = (*location.hive.check_bins(), *location.hive.check_names()) if whole else ()
        if problems := (*location.hive.problems, *checked):
            raise InspectorError(f"problems of the hive: {len(problems)}; the first: {problems[0]}")

    pass_on(files.target, job, write)


def _names(path: str) -> list[str]:
    return [name for name in path.replace("/", "\\").split("\\") if name]


def _absence(location: Location) -> str:
    """Say that a key is not there; where its last name is that of a value, that it is one."""
    path = _path(location, location.names)
    *above, name = location.names or [""]
    key = location.hive.key(above)
    if name and key and key.value(name):
        return f"{path} is a value, not a key"

    def names(above: Sequence[str]) -> list[str] | None:
        key = location.hive.key(above)
        return [subkey.name for subkey in key.subkeys()] if key else None

    return f"{path} does not exist{instead(location.names, names, lambda parts: _path(location, list(parts)))}"


def _path(location: Location, names: list[str]) -> str:
    return "\\".join([location.root, *names])


def _gathered(pieces: Iterator[str]) -> Iterator[str]:
    """Join pieces until they are worth sending."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _LINE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def _text(location: Location, keys: Iterator[Key], *, recursive: bool) -> Iterator[str]:
    if location.hive.state is HiveState.REPLAYED:
        logs = ", ".join(location.hive.logs)
        yield f"; the last write was not completed; {location.hive.entries} writes were replayed from {logs}\n"
    for key in keys:
        time = key.time
        written = f"  ({time:%Y-%m-%d %H:%M:%S} UTC)" if time else ""
        yield f"{printable(_path(location, [key.path] if key.path else []))}{written}\n"
        before = _before(location, key)
        for value in key.values():
            yield f"    {printable(value.name) or '(default)'}  {value.type_name}  {_rendered(value)}\n"
            if (raw := _raw(location, before, value)) is not None:
                yield f"        before the logs: {raw}\n"
        if not recursive:
            yield from (f"  {printable(subkey.name)}\\\n" for subkey in key.subkeys())


def _rendered(value: Value) -> str:
    try:
        return printable(render(value))
    except ParseError as error:
        return f"not read: {printable(error.message)}"


def _before(location: Location, key: Key) -> Key | ParseError | None:
    """The key as the hive's file itself has it; None where it has none, or no logs were replayed."""
    try:
        return location.hive.raw.key(key.path) if location.hive.raw else None
    except ParseError as error:
        return error


def _raw(location: Location, before: Key | ParseError | None, value: Value) -> str | None:
    """What the hive's file itself says of a value, where the logs changed it."""
    if location.hive.raw is None:
        return None
    if isinstance(before, ParseError):
        return f"not read: {printable(before.message)}"
    try:
        old = before.value(value.name) if before else None
        if old is None:
            return "none"
        return None if (old.type, old.data) == (value.type, value.data) else printable(render(old))
    except ParseError as error:
        return f"not read: {printable(error.message)}"


def _json(location: Location, keys: Iterator[Key], *, recursive: bool) -> Iterator[str]:  # noqa: ARG001 - as _text
    """An array, one line for each key."""
    opening = "["
    for key in keys:
        yield f"{opening}\n{json_text(_entry(location, key))}"
        opening = ","
    yield "\n]\n"


def _entry(location: Location, key: Key) -> dict[str, Any]:
    time, before = key.time, _before(location, key)
    return {
        "path": _path(location, [key.path] if key.path else []),
        "hive": location.hive.name,
        "state": str(location.hive.state),
        "offset": key.place.offset,
        "written": time.isoformat() if time else None,
        "class": _noted(location, key, lambda it: it.class_name),
        "security": _noted(location, key, lambda it: it.security.sddl()),
        "values": [_value(location, before, value) for value in key.values()],
        "subkeys": [subkey.name for subkey in key.subkeys()],
    }


def _noted(location: Location, key: Key, read: Callable[[Key], str | None]) -> str | None:
    try:
        return read(key)
    except ParseError as error:
        location.hive.note(error)
        return None


def _value(location: Location, before: Key | ParseError | None, value: Value) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": value.name, "type": value.type_name, "size": value.size, "offset": value.place.offset,
    }  # fmt: skip
    try:
        known = next((it for it in (value.number, value.text, value.texts) if it is not None), None)
        found |= {"value": known, "data": None if _says_all(known, value.data) else value.data.hex()}
    except ParseError as error:
        found |= {"value": None, "data": None, "error": error.message}
    return {**found, "before_the_logs": _raw(location, before, value)}


def _says_all(known: int | str | tuple[str, ...] | None, data: bytes) -> bool:
    """Tell whether nothing is in the data but what was read of them, such as bytes behind the end of a text."""
    if isinstance(known, tuple):
        known = "".join(f"{text}\0" for text in known)
    if isinstance(known, str):
        return data in {f"{known}{end}".encode("utf-16-le", "surrogatepass") for end in ("", "\0")}
    return known is not None


def _reg(location: Location, keys: Iterator[Key], *, recursive: bool) -> Iterator[str]:  # noqa: ARG001 - as _text
    yield "\ufeff"
    yield from (f"{line}\r\n" for line in export_reg(keys, location.root))


_FORMATS: Final = {"text": _text, "json": _json, "reg": _reg}
