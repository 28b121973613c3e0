from __future__ import annotations

import base64

import pytest

from fixtures.windows.golden import ANSWER_FILE, answer_file
from inspector.rules.windows.unattend import RULES
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

(RULE,) = RULES
SAID = "Geheim-4711"
ENCODED = base64.b64encode(f"{SAID}Password".encode("utf-16-le")).decode()
PANTHER = "/Windows/Panther"
SYSPREP = "/Windows/System32/Sysprep"
NAME = "oobeSystem/Microsoft-Windows-Shell-Setup/AutoLogon/Password/Value"


def test_what_setup_deleted_is_no_secret() -> None:
    verdict = RULE(golden())
    assert verdict.status is Status.OK
    assert [item.place.path for item in verdict.evidence] == [r"C:\Windows\Panther\unattend.xml"]


def test_no_answer_file_is_ok() -> None:
    assert RULE(golden(files={ANSWER_FILE: None})).status is Status.OK


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"{PANTHER}/unattend.xml", r"C:\Windows\Panther\unattend.xml"),
        (f"{PANTHER}/unattend-original.xml", r"C:\Windows\Panther\unattend-original.xml"),
        (f"{PANTHER}/Unattend/Unattend.xml", r"C:\Windows\Panther\Unattend\Unattend.xml"),
        (f"{SYSPREP}/UNATTEND.XML", r"C:\Windows\System32\Sysprep\UNATTEND.XML"),
        (f"{SYSPREP}/Panther/unattend.xml", r"C:\Windows\System32\Sysprep\Panther\unattend.xml"),
        ("/autounattend.xml", r"C:\autounattend.xml"),
    ],
)
def test_a_password_is_named_and_not_told(path: str, shown: str) -> None:
    verdict = RULE(golden(files={path: answer_file(SAID)}))
    assert verdict.status is Status.WARNING
    assert [(item.place.path, item.place.line, item.seen) for item in verdict.evidence] == [
        (shown, 5, f"{NAME}: in clear text")
    ]
    assert RULE(golden(files={path: None})).status is Status.OK


def test_an_encoded_password_is_one() -> None:
    verdict = RULE(golden(files={ANSWER_FILE: answer_file(ENCODED, plain=False)}))
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, f"{NAME}: encoded, not encrypted")
    assert ENCODED not in str(verdict)


def test_an_empty_password_is_none() -> None:
    assert RULE(golden(files={ANSWER_FILE: answer_file("")})).status is Status.OK


def test_the_file_that_the_registry_names() -> None:
    named = {"Setup": {"UnattendFile": r"C:\build\answers.xml"}}
    verdict = RULE(golden(named, files={"/build/answers.xml": answer_file(SAID)}))
    assert (verdict.status, verdict.evidence[0].place.path) == (Status.WARNING, r"C:\build\answers.xml")
    assert SAID not in str(verdict)
    assert RULE(golden(named)).status is Status.OK  # it is gone
    assert RULE(golden({"Setup": {"UnattendFile": r"A:\unattend.xml"}})).status is Status.OK


@pytest.mark.parametrize("content", [b"", b"<unattend", b"\0" * 99, b"<x/>", bytes((4 << 20) + 1)])
def test_a_file_that_cannot_be_read_is_not_known(content: bytes) -> None:
    verdict = RULE(golden(files={ANSWER_FILE: content}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert {item.place.path for item in verdict.evidence} == {r"C:\Windows\Panther\unattend.xml"}


def test_a_secret_before_a_flaw_is_told() -> None:
    verdict = RULE(golden(files={ANSWER_FILE: answer_file(SAID)[:-20]}))
    assert (verdict.status, verdict.known, verdict.evidence[0].place.line) == (Status.WARNING, True, 5)
