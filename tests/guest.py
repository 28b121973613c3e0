"""The real guest that `make guest` builds; a test that needs it says so where it was not built."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).resolve().parents[1] / ".cache" / "guest"


def images() -> tuple[str, ...]:
    """Return the names of the guest's images, for use at collection time; none where it was not built."""
    stamp = FOLDER / "guest.json"
    return tuple(json.loads(stamp.read_text())["images"]) if stamp.is_file() else ()


def guest(name: str) -> Path:
    """Return an image of the real guest; skip where it was not built, fail there with REQUIRE_GUEST=1."""
    if name in images():
        return FOLDER / name
    if os.environ.get("REQUIRE_GUEST") == "1":
        pytest.fail("REQUIRE_GUEST=1, but `make guest` has built no guest")
    pytest.skip("`make guest` has built no guest: nothing of it was tested")
