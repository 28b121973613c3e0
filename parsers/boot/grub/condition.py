"""The commands `[` and `test` of GRUB 2.

Operators: GNU GRUB manual 2.12, section "test". Evaluated left to right, `-o` binding weaker than `-a`, as there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

MAX_ARGUMENTS: Final = 1000
MAX_PARENTHESES: Final = 20

FileTest = Callable[[str, str], bool]
"""Takes an operator ("-f", "-s", "-e", "-d") and a GRUB path."""

_TEXT: Final[dict[str, Callable[[str, str], bool]]] = {
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_NUMBER: Final[dict[str, Callable[[int, int], bool]]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-ge": lambda a, b: a >= b,
    "-gt": lambda a, b: a > b,
    "-le": lambda a, b: a <= b,
    "-lt": lambda a, b: a < b,
}


class BadCondition(Exception):  # noqa: N818 - an event within GRUB's reader
    """An expression that `test` cannot read; it counts as false."""


def evaluate(arguments: Sequence[str], file_test: FileTest) -> bool:
    """Tell whether the expression holds; raise `BadCondition` where it is none."""
    if len(arguments) > MAX_ARGUMENTS:
        raise BadCondition(f"at most {MAX_ARGUMENTS} words wanted, {len(arguments)} found")
    condition = _Condition(arguments, file_test)
    result = condition.either(0)
    if condition.rest:
        raise BadCondition(f"an operator wanted, {condition.rest[0]!r} found")
    return result


class _Condition:
    def __init__(self, arguments: Sequence[str], file_test: FileTest) -> None:
        self.rest = list(arguments)
        self._file_test = file_test

    def _take(self) -> str:
        if not self.rest:
            raise BadCondition("a word wanted, the end found")
        return self.rest.pop(0)

    def either(self, depth: int) -> bool:
        result = self._both(depth)
        while self.rest[:1] == ["-o"]:
            self.rest.pop(0)
            right = self._both(depth)
            result = result or right
        return result

    def _both(self, depth: int) -> bool:
        result = self._primary(depth)
        while self.rest[:1] == ["-a"]:
            self.rest.pop(0)
            right = self._primary(depth)
            result = result and right
        return result

    def _primary(self, depth: int) -> bool:
        negate = False
        while self.rest[:1] == ["!"] and self.rest[1:2] not in (["="], ["=="], ["!="]):
            self.rest.pop(0)
            negate = not negate
        return self._plain(depth) is not negate

    def _plain(self, depth: int) -> bool:
        if not self.rest:
            return False
        if len(self.rest) >= 3 and (compare := self._comparison(self.rest[1])):
            left, _, right = self._take(), self._take(), self._take()
            return compare(left, right)
        first = self._take()
        if first == "(":
            if depth >= MAX_PARENTHESES:
                raise BadCondition(f"at most {MAX_PARENTHESES} parentheses wanted, more found")
            inside = self.either(depth + 1)
            if self._take() != ")":
                raise BadCondition("')' wanted")
            return inside
        return self._unary(first)

    def _unary(self, operator: str) -> bool:
        if operator in {"-z", "-n"}:
            return bool(self._take() if self.rest else "") is (operator == "-n")
        if operator in {"-d", "-e", "-f", "-s"} and self.rest:
            return self._file_test(operator, self._take())
        return bool(operator)

    def _comparison(self, operator: str) -> Callable[[str, str], bool] | None:
        if text := _TEXT.get(operator):
            return text
        if operator in {"-nt", "-ot"}:
            raise BadCondition(f"{operator} compares times of files, which is not evaluated")
        biased = operator.replace("-p", "-", 1) if operator in {"-pgt", "-plt"} else operator
        if number := _NUMBER.get(biased):
            drop = operator != biased
            return lambda a, b: number(_number(a, drop_prefix=drop), _number(b, drop_prefix=drop))
        return None


def _number(text: str, *, drop_prefix: bool) -> int:
    """Read a number as strtol does: what is none counts as 0."""
    if drop_prefix:
        text = re.sub(r"^[^0-9]*", "", text)
    match = re.match(r"\s*([+-]?\d{1,18})", text)
    return int(match.group(1)) if match else 0
