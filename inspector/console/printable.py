"""Words of a guest made safe for any terminal.

What is no printable character is shown, never sent: control characters could move the cursor, set a title or paint
over a verdict, and direction marks could turn a path around. A byte that is no UTF-8 keeps its value.
"""

from __future__ import annotations

import time
from typing import Final

_ESCAPED_BYTE: Final = 0xDC00


def printable(text: str, keep: str = "") -> str:
    r"""Return `text` with everything unprintable as `\xNN` (bytes and ASCII controls) or `\uNNNN`, `keep` excepted."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if _ESCAPED_BYTE + 0x80 <= code <= _ESCAPED_BYTE + 0xFF:
        code -= _ESCAPED_BYTE
        return f"\\x{code:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def iso_time(nanoseconds: int | None) -> str | None:
    """Return a time since 1970 as ISO 8601 in UTC with nine decimals; beyond the year 9999 as `@seconds.decimals`."""
    if nanoseconds is None:
        return None
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    try:
        moment = time.gmtime(seconds)
    except (OverflowError, ValueError, OSError):
        return f"@{seconds}.{rest:09d}"
    if not 0 <= moment.tm_year <= 9999:
        return f"@{seconds}.{rest:09d}"
    date = f"{moment.tm_year:04d}-{moment.tm_mon:02d}-{moment.tm_mday:02d}"
    return f"{date}T{moment.tm_hour:02d}:{moment.tm_min:02d}:{moment.tm_sec:02d}.{rest:09d}Z"
