"""How versions are ordered: as rpm does it, and as the UAPI group's boot loaders do it.

rpm: rpm-version(7), "rpmvercmp"; GRUB's `blscfg` orders by it as well. UAPI: UAPI.10 Version Format Specification,
"Version Comparison", as systemd-boot orders by it. Both give -1, 0 or 1, and compare segment by segment; they differ
in what separates segments ("1.0-1" and "1.0.1" are the same to rpm), and in `^`.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

_SEGMENT: Final = re.compile(r"[0-9]+|[A-Za-z]+")
_RPM_NOISE: Final = re.compile(r"[^A-Za-z0-9~^]*")
_UAPI_NOISE: Final = re.compile(r"[^A-Za-z0-9.~^-]*")
_DIGITS: Final = re.compile(r"[0-9]*")
_LETTERS: Final = re.compile(r"[A-Za-z]*")
_Ordered = TypeVar("_Ordered", int, str)


def compare_rpm(left: str, right: str) -> int:
    """Compare two versions, or two releases, as rpm does."""
    if left == right:
        return 0
    a = b = 0
    while True:
        a, b = _skip(_RPM_NOISE, left, a), _skip(_RPM_NOISE, right, b)
        head, other = left[a : a + 1], right[b : b + 1]
        if "~" in (head, other) or "^" in (head, other):
            if head != other:
                return _rpm_sign(head, other)
            a, b = a + 1, b + 1
        elif not head or not other:
            return _order(bool(head), bool(other))
        else:
            one, two = _segment(left, a), _segment(right, b)
            if one.isdigit() is not two.isdigit():
                return 1 if one.isdigit() else -1
            if decided := _numbers(one, two) if one.isdigit() else _order(one, two):
                return decided
            a, b = a + len(one), b + len(two)


def _rpm_sign(head: str, other: str) -> int:
    """One of two differing characters is `~` or `^`: a tilde is older than the end, a caret newer, but nothing else."""
    if "~" in (head, other):
        return -1 if head == "~" else 1
    if not head or not other:
        return -1 if not head else 1
    return -1 if head == "^" else 1


def compare_uapi(left: str, right: str) -> int:
    """Compare two versions as UAPI.10 says and systemd-boot does."""
    a = b = 0
    while True:
        a, b = _skip(_UAPI_NOISE, left, a), _skip(_UAPI_NOISE, right, b)
        head, other = left[a : a + 1], right[b : b + 1]
        if "~" in (head, other) and head != other:
            return -1 if head == "~" else 1
        if head != "~" and (not head or not other):
            return _order(bool(head), bool(other))
        if head == "~":
            a, b = a + 1, b + 1
            continue
        sign = next((sign for sign in "-^." if sign in (head, other)), None)
        if sign:
            if head != other:
                return -1 if head == sign else 1
            a, b = a + 1, b + 1
            continue
        pattern = _DIGITS if head.isdigit() or other.isdigit() else _LETTERS
        one, two = _taken(pattern, left, a), _taken(pattern, right, b)
        if decided := _uapi_segment(one, two, numeric=pattern is _DIGITS):
            return decided
        a, b = a + len(one), b + len(two)


def _uapi_segment(one: str, two: str, *, numeric: bool) -> int:
    if numeric:
        return _order(bool(one), bool(two)) or _numbers(one, two)
    return _order(one, two)


def _numbers(one: str, two: str) -> int:
    """Compare digits as numbers of any length."""
    one, two = one.lstrip("0"), two.lstrip("0")
    return _order(len(one), len(two)) or _order(one, two)


def _order(one: _Ordered, two: _Ordered) -> int:
    return (one > two) - (one < two)


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    return at + len(_taken(pattern, text, at))


def _taken(pattern: re.Pattern[str], text: str, at: int) -> str:
    match = pattern.match(text, at)
    return match.group() if match else ""


def _segment(text: str, at: int) -> str:
    return _taken(_SEGMENT, text, at)
