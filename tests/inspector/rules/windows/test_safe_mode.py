from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL
from fixtures.windows.hive import Keys
from inspector.rules.windows.safe_mode import windows_safe_mode_can_be_started
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

SAFE_BOOT = rf"{CONTROL}\SafeBoot"


def test_the_golden_guest_is_ok() -> None:
    verdict = windows_safe_mode_can_be_started(golden())
    assert (verdict.status, verdict.known) == (Status.OK, True)
    assert [item.seen for item in verdict.evidence] == ["entries: 2", "entries: 3"]


@pytest.mark.parametrize(
    ("change", "key", "what"),
    [
        ({rf"{SAFE_BOOT}\Minimal": None}, "Minimal", "no such key"),
        ({rf"{SAFE_BOOT}\Network": None, rf"{SAFE_BOOT}\Network ": {}}, "Network", "no such key"),
        (
            {rf"{SAFE_BOOT}\Minimal\Base": None, rf"{SAFE_BOOT}\Minimal\AppInfo": None, rf"{SAFE_BOOT}\Minimal": {}},
            "Minimal",
            "entries: 0",
        ),
        ({rf"{SAFE_BOOT}\Option": {"OptionValue": 1}}, "Option", "it is there in safe mode alone"),
    ],
    ids=["no list", "another list", "an empty list", "safe mode"],
)
def test_what_is_wrong_with_safe_mode(change: Keys, key: str, what: str) -> None:
    verdict = windows_safe_mode_can_be_started(golden(change))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    (item,) = verdict.evidence
    assert (item.place.key, item.seen) == (rf"{SAFE_BOOT}\{key}", what)
    assert windows_safe_mode_can_be_started(golden()).status is Status.OK
