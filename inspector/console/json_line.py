r"""JSON that is safe for any terminal and any reader: one line of printable ASCII.

A name that is no UTF-8 keeps its bytes: a surrogate escape stands as `\udcXX`, which libraries for typed JSON refuse.
"""

from __future__ import annotations

import json
from typing import Final

_DELETE: Final = "\x7f"
_ENCODE: Final = json.JSONEncoder(ensure_ascii=True, separators=(", ", ": ")).encode


def json_text(value: object) -> str:
    r"""Return one line of JSON, pure printable ASCII; surrogate escapes stand as `\udcXX`."""
    return _ENCODE(value).replace(_DELETE, "\\u007f")
