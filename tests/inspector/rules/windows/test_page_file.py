from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL
from fixtures.windows.hive import Data
from inspector.rules.windows.page_file import windows_pages_to_the_system_drive
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

MANAGER = rf"{CONTROL}\Session Manager"


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([r"C:\pagefile.sys 0 0"], Status.OK),
        ([r"%SystemDrive%\pagefile.sys 0 0"], Status.OK),
        ([r"D:\pagefile.sys 0 0"], Status.WARNING),
        ([r"C:\pagefile.sys", r"D:\pagefile.sys"], Status.WARNING),
        ([""], Status.WARNING),
        (None, Status.WARNING),
    ],
)
def test_the_page_file(files: Data, status: Status) -> None:
    key = rf"{MANAGER}\Memory Management"
    verdict = windows_pages_to_the_system_drive(golden({key: {"PagingFiles": files}}))
    assert (verdict.status, verdict.evidence[0].place.key) == (status, rf"{key}\PagingFiles")
