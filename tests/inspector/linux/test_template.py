"""Which template an instance is of."""

from __future__ import annotations

import pytest

from inspector.linux.template import template_of


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("getty@tty1.service", "getty@.service"),
        ("a@b.c.mount", "a@.mount"),
        ("getty@.service", None),
        ("ssh.service", None),
        ("@.service", None),
        ("x@y", None),
    ],
)
def test_the_template_of_a_name(name: str, template: str | None) -> None:
    assert template_of(name) == template
