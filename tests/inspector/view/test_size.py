from __future__ import annotations

import pytest

from inspector.view.size import size


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (10 << 40, "10.0 TiB"),
        (1 << 70, "1024.0 EiB"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown
