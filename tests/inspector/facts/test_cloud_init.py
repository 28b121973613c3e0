from __future__ import annotations

import pytest

from inspector.facts.cloud_init import version_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("22.4.2-1+deb12u4", (22, 4, 2)),
        ("1:0.7.9", (0, 7, 9)),
        ("0.7.6a15", (0, 7, 6)),
        ("24.1.3-0ubuntu1~22.04", (24, 1, 3)),
        ("nonsense", ()),
        ("", ()),
        ("9" * 5000, (999999999,)),
    ],
)
def test_version_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert version_numbers(text) == numbers
