from __future__ import annotations

import pytest

from fixtures.windows.golden import SERVICES
from inspector.rules.windows.data_disks import windows_brings_new_disks_online
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

POLICY = rf"{SERVICES}\partmgr\Parameters"


@pytest.mark.parametrize(("number", "seen"), [(None, "not set"), (2, "2")])
def test_disks_that_stay_offline(number: int | None, seen: str) -> None:
    verdict = windows_brings_new_disks_online(golden({POLICY: {"SanPolicy": number}}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, seen)
    assert verdict.evidence[0].place.key == rf"{POLICY}\SanPolicy"
