"""The extended regular expressions of sudoers: whether one is valid.

Specification: POSIX, base definitions, 9.4. What that leaves open is as regcomp(3) of the GNU C library has it, a `*`
with nothing before it being an error; a second one behind it is what sudo itself refuses.
Not done: what an expression matches; the names of collating elements, which the C locale has few of, are refused.
"""

from __future__ import annotations

import re
from typing import Final

_NOT_REPEATED: Final = {"sign": "(|^$", "escape": "bB<>`'"}
_MAX_REPEATS: Final = 32767  # RE_DUP_MAX
_CLASSES: Final = frozenset(
    {"alpha", "digit", "alnum", "upper", "lower", "space", "blank", "punct", "print", "graph", "cntrl", "xdigit"}
)
_TOKEN: Final = re.compile(
    r"\[\^?+(?P<bracket>\]?+(?:\[([:.=]).*?\2\]|\[(?![:.=])|[^\]\[])*+)\]|(?P<bound>\{[^}]*+\})|\\(?P<escape>.)|(?P<sign>.)",
    re.DOTALL,
)
_BOUND: Final = re.compile(r"\{([0-9]{1,6})?(?:,([0-9]{1,6})?)?\}")
_ITEM: Final = re.compile(r"\[([:.=])(.*?)\1\]|.", re.DOTALL)


def expression_flaw(text: str) -> str | None:
    """Say what is wrong with an expression; None where nothing is."""
    opened: list[int] = []
    closed: set[int] = set()
    groups = 0
    repeatable = False
    for token in _TOKEN.finditer(text):
        kind = str(token.lastgroup)
        word = token[kind]
        if flaw := _flaw(kind, word, closed, repeatable=repeatable):
            return flaw
        repeats = kind == "bound" or (kind == "sign" and word in "*+?")
        if kind == "sign" and word == "(":
            groups += 1
            opened.append(groups)
        elif kind == "sign" and word == ")" and opened:
            closed.add(opened.pop())
        repeatable = not repeats and word not in _NOT_REPEATED.get(kind, ())
    return "a ) wanted for each (, fewer found" if opened else None


def _flaw(kind: str, word: str, closed: set[int], *, repeatable: bool) -> str | None:
    if kind == "sign" and word in "[{":
        return f"the end of {word} wanted, none found"
    if (kind == "bound" or (kind == "sign" and word in "*+?")) and not repeatable:
        return f"something to repeat wanted before {word[:20]}, none found"
    if kind == "bound":
        return None if _is_bound(word) else f"numbers up to {_MAX_REPEATS} wanted, {word[:20]} found"
    if kind == "escape" and word in "123456789" and int(word) not in closed:
        return f"a group wanted for \\{word}, none found"
    return _bracket_flaw(word) if kind == "bracket" else None


def _is_bound(word: str) -> bool:
    match = _BOUND.fullmatch(word)
    if match is None or word == "{}":
        return False
    least, most = int(match[1] or 0), int(match[2] or _MAX_REPEATS)
    return least <= most <= _MAX_REPEATS


def _bracket_flaw(word: str) -> str | None:
    items = list(_ITEM.finditer(word))
    unknown = [item[2] for item in items if item[1] == ":" and item[2] not in _CLASSES]
    if unknown:
        return f"a class of characters wanted, {unknown[0][:20]} found"
    if any(item[1] in {".", "="} and len(item[2]) != 1 for item in items if item[1]):
        return "one character wanted between [. and .], another number found"
    at = 0
    while at < len(items):
        if at + 2 >= len(items) or items[at + 1][0] != "-":
            at += 1
            continue
        first, last = items[at], items[at + 2]
        if {first[1], last[1]} & {":", "="} or (first[2] or first[0]) > (last[2] or last[0]):
            return f"a range that rises wanted, {first[0]}-{last[0]} found"
        at += 3
        if at + 1 < len(items) and items[at][0] == "-":
            return f"an end of the range wanted, {last[0]}- found"
    return None
