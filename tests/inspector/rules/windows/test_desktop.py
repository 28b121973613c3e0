from __future__ import annotations

import pytest

from fixtures.windows.golden import CURRENT
from fixtures.windows.hive import Data
from inspector.rules.windows.desktop import windows_desktop_settings_are_there
from inspector.verdict import NotApplicable, Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

CORE: dict[str, Data] = {"InstallationType": "Server Core"}


def test_the_common_desktop() -> None:
    verdict = windows_desktop_settings_are_there(golden(files={"/Users/Public/Desktop/desktop.ini": None}))
    assert verdict.status is Status.WARNING
    with pytest.raises(NotApplicable):
        windows_desktop_settings_are_there(golden(software={CURRENT: CORE}))
