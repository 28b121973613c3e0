from __future__ import annotations

import random
import subprocess

import pytest

from parsers.version import compare_rpm, compare_uapi
from tests.oracles import needs

# The examples of rpm-version(7) and of rpm's own test suite (rpmvercmp.at), older first.
RPM_OLDER = [
    ("1.0", "2.0"), ("2.0", "2.0.1"), ("2.0.1", "2.0.1a"), ("5.5p1", "5.5p2"), ("5.5p1", "5.5p10"),
    ("xyz10", "xyz10.1"), ("10xyz", "10.1xyz"), ("xyz.4", "8"),
    ("xyz.4", "2"), ("5.5p2", "5.6p1"), ("6.0", "6.0.rc1"), ("10a2", "10b2"),
    ("1.0a", "1.0aa"), ("1.0~rc1", "1.0"), ("1.0~rc1", "1.0~rc2"), ("1.0~rc1~git123", "1.0~rc1"),
    ("1.0", "1.0^"), ("1.0^git1", "1.01"), ("1.0^git1", "1.0^git2"), ("1.0^20160101", "1.0.1"),
    ("1.0~rc1", "1.0~rc1^git1"), ("1.0^git1~pre", "1.0^git1"), ("20101121", "20101122"), ("2_0", "2_1"),
    ("5.14.0", "5.14.0.1"), ("4.18.0", "5.14.0"), ("362.8.1.el9", "362.24.1.el9"), ("0.rc7", "1"),
]  # fmt: skip
RPM_SAME = [
    ("1.0", "1.0"), ("2.0", "2_0"), ("a+", "a_"), ("+", "_"), ("1.05", "1.5"), ("1.0^", "1.0^"), ("", ""),
    ("fc4", "fc.4"),
]  # fmt: skip


@pytest.mark.parametrize(("older", "newer"), RPM_OLDER)
def test_rpm_orders_as_its_test_suite_says(older: str, newer: str) -> None:
    assert (compare_rpm(older, newer), compare_rpm(newer, older)) == (-1, 1)


@pytest.mark.parametrize(("one", "two"), RPM_SAME)
def test_rpm_takes_separators_and_leading_zeros_for_nothing(one: str, two: str) -> None:
    assert (compare_rpm(one, two), compare_rpm(two, one)) == (0, 0)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("122.1", "123~rc1-1"), ("123~rc1-1", "123"), ("123", "123-a"), ("123-a", "123-a.1"), ("123-a.1", "123-1"),
        ("123-1", "123-1.1"), ("123-1.1", "123^post1"), ("123^post1", "123.a-1"), ("123.a-1", "123.1-1"),
        ("123.1-1", "123a-1"), ("123a-1", "124-1"),
    ],
)  # fmt: skip
def test_uapi_orders_as_its_specification_says(older: str, newer: str) -> None:
    assert (compare_uapi(older, newer), compare_uapi(newer, older)) == (-1, 1)


@needs("systemd-analyze")
def test_uapi_orders_as_systemd_does() -> None:
    generator = random.Random(20)
    pieces = ["1", "0", "10", "007", "a", "B", "rc", ".", "-", "~", "^", "_", "é", "5.14", "el9"]
    for _ in range(60):
        one, two = ("".join(generator.choices(pieces, k=generator.randrange(1, 7))) for _ in "ab")
        done = subprocess.run(["systemd-analyze", "compare-versions", "--", one, two], capture_output=True, check=False)
        expected = {0: 0, 11: 1, 12: -1}[done.returncode]
        assert compare_uapi(one, two) == expected, (one, two)


@pytest.mark.parametrize("compare", [compare_rpm, compare_uapi])
def test_an_order_is_one(compare: object) -> None:
    generator = random.Random(4)
    assert callable(compare)
    for _ in range(2000):
        one, two, three = ("".join(generator.choices("01a.-~^_", k=generator.randrange(6))) for _ in "abc")
        assert compare(one, two) == -compare(two, one)
        if compare(one, two) <= 0 and compare(two, three) <= 0:
            assert compare(one, three) <= 0, (one, two, three)
