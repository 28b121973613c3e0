from __future__ import annotations

import pytest

from fixtures.windows.golden import ASSIST, SERVICES, drive_c
from fixtures.windows.hive import Data
from inspector.rules.windows.cloud_assistant import windows_cloud_assistant_runs
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

AGENT = rf"{SERVICES}\AliyunService"
PROGRAM = f"/ProgramData/aliyun/assist/{ASSIST}/aliyun_assist_service.exe"


@pytest.mark.parametrize(
    ("values", "key"),
    [(None, AGENT), ({"Start": 4}, rf"{AGENT}\Start"), ({"Start": 3}, rf"{AGENT}\Start")],
    ids=["gone", "disabled", "manual"],
)
def test_an_agent_that_is_not_started(values: dict[str, Data] | None, key: str) -> None:
    verdict = windows_cloud_assistant_runs(golden({AGENT: values}))
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, key)


@pytest.mark.parametrize("content", [None, b"", b"text"], ids=["gone", "empty", "text"])
def test_an_agent_without_its_program(content: bytes | None) -> None:
    verdict = windows_cloud_assistant_runs(golden(files={PROGRAM: content}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.WARNING, drive_c(PROGRAM))
