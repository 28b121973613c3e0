r"""Registry keys as text: a .reg file that regedit imports, and values in one line each, for people.

Specification: Microsoft KB 310516, "How to add, modify, or delete registry subkeys and values by using a .reg file",
version 5.00: strings in quotes with \\ and \", numbers as dword, all else as hex with its type. A string stands as text
only where that says every byte of it; otherwise it is hex too. The format has no escape for control characters in
names: keys and values with such names are left out, and a comment says so. Lines are to be joined with CR LF and
encoded as UTF-16 with its mark (and surrogatepass, for names that are no UTF-16).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from parsers.place import ParseError
from parsers.windows.registry import Key, Value, ValueType

HEADER: Final = "Windows Registry Editor Version 5.00"
MAX_DATA: Final = 1 << 30
"""Bytes of data in one export; values of a hostile hive may share theirs."""
_WIDTH: Final = 80
_SHOWN: Final = 64


def export_reg(keys: Iterable[Key], root: str) -> Iterator[str]:
    r"""Give the lines of a .reg file with `keys`, of a hive that is mounted at `root` (HKEY_LOCAL_MACHINE\SYSTEM)."""
    yield HEADER
    room = MAX_DATA
    for key in keys:
        yield ""
        path = f"{root}\\{key.path}" if key.path else root
        if not path.isprintable():
            yield f"; left out, for its name has control characters: {escape(path)}"
            continue
        yield f"[{path}]"
        count = 0
        for value in key.values():
            count += 1
            room -= value.size
            if room < 0:
                yield f"; the export ends here: it has {MAX_DATA} bytes of data"
                return
            yield from _value_lines(value)
        if count != key.value_count:
            yield f"; the key has {key.value_count} values, {count} of them could be read"
    yield ""


def _value_lines(value: Value) -> Iterator[str]:
    if not value.name.isprintable():
        yield f"; left out, for its name has control characters: {escape(value.name)}"
        return
    name = f'"{_quoted(value.name)}"=' if value.name else "@="
    try:
        data = value.data
    except ParseError as error:
        yield f"; left out, for it cannot be read: {name} {escape(error.message)}"
        return
    text = value.text
    if value.type == ValueType.REG_SZ and text is not None and _says_all(text, data):
        yield f'{name}"{_quoted(text)}"'
    elif value.type == ValueType.REG_DWORD and len(data) == 4:
        yield f"{name}dword:{int.from_bytes(data, 'little'):08x}"
    else:
        kind = "hex:" if value.type == ValueType.REG_BINARY else f"hex({value.type:x}):"
        yield from _hex_lines(name + kind, data)


def _says_all(text: str, data: bytes) -> bool:
    return text.isprintable() and data == text.encode("utf-16-le", "surrogatepass") + b"\0\0"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _hex_lines(start: str, data: bytes) -> Iterator[str]:
    r"""Give hex digits in lines of at most 80 characters, each but the last with a backslash at its end."""
    line, at = start, 0
    while at < len(data):
        count = max(1, (_WIDTH - 1 - len(line)) // 3)
        part = data[at : at + count].hex(",")
        at += count
        if at >= len(data):
            line += part
            break
        yield f"{line}{part},\\"
        line = "  "
    yield line


def render(value: Value, limit: int | None = _SHOWN) -> str:
    """Return what a value says in one line: text in quotes, numbers in both bases, other data as hex digits.

    Of bytes and of texts no more than `limit` are shown, with how many there are. Raises ParseError where the data
    cannot be read.
    """
    if value.text is not None:
        return _shown_text(value.text, limit)
    if value.texts is not None:
        texts = value.texts[:limit]
        rest = f" and {len(value.texts) - len(texts)} more" if len(texts) < len(value.texts) else ""
        return ", ".join(_shown_text(text, limit) for text in texts) + rest
    if value.number is not None:
        return f"{value.number:#0{2 + 2 * value.size}x} ({value.number})"
    shown = value.data[:limit]
    rest = f" and {value.size - len(shown)} more bytes" if len(shown) < value.size else ""
    return shown.hex(" ") + rest


def _shown_text(text: str, limit: int | None) -> str:
    wanted = None if limit is None else 16 * limit
    rest = f" and {len(text) - wanted} more characters" if wanted is not None and len(text) > wanted else ""
    return f'"{escape(text[:wanted])}"{rest}'


def escape(text: str) -> str:
    """Return `text` with what is no printable character as an escape of Python's."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
