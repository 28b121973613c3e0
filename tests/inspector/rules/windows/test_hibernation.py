from __future__ import annotations

import pytest

from fixtures.windows.golden import CONTROL
from fixtures.windows.hive import Keys
from inspector.rules.windows.hibernation import windows_is_not_hibernated
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

MANAGER = rf"{CONTROL}\Session Manager"


@pytest.mark.parametrize(
    ("content", "fast", "status"),
    [
        (b"hibr" + bytes(4096), 0, Status.FAILED),
        (b"HIBR" + bytes(4096), 0, Status.FAILED),
        (bytes(4096), 0, Status.OK),
        (b"wake" + bytes(4096), 0, Status.OK),
        (b"HORM" + bytes(4096), 0, Status.FAILED),
        (b"x", 0, Status.WARNING),
        (b"", 1, Status.WARNING),
        (None, 1, Status.OK),
    ],
)
def test_hibernation(content: bytes | None, fast: int, status: Status) -> None:
    facts = golden({rf"{MANAGER}\Power": {"HiberbootEnabled": fast}}, files={"/hiberfil.sys": content})
    verdict = windows_is_not_hibernated(facts)
    assert verdict.status is status
    if content:
        assert verdict.evidence[0].place.path == r"C:\hiberfil.sys"


@pytest.mark.parametrize(("hibernate", "status"), [(None, Status.WARNING), (1, Status.WARNING), (0, Status.OK)])
def test_fast_startup_needs_hibernation(hibernate: int | None, status: Status) -> None:
    """What `powercfg /h off` leaves: the switch of fast startup stays on."""
    changes: Keys = {rf"{MANAGER}\Power": {"HiberbootEnabled": 1}, rf"{CONTROL}\Power": {"HibernateEnabled": hibernate}}
    assert windows_is_not_hibernated(golden(changes, files={"/hiberfil.sys": bytes(4096)})).status is status
