from __future__ import annotations

from typing import Final

import pytest

from fixtures.windows.golden import DRIVERS, SERVICES
from inspector.facts import Facts
from inspector.rules.windows.hosts import windows_hosts_names_no_server
from inspector.verdict import Status, Verdict
from tests.windows import golden

pytestmark = pytest.mark.corpus

HOSTS: Final = f"{DRIVERS}/etc/hosts"
PARAMETERS: Final = rf"{SERVICES}\Tcpip\Parameters"
AS_IT_COMES: Final = "# Copyright (c) 1993-2009 Microsoft Corp.\r\n#\r\n#\t127.0.0.1       localhost\r\n"


def judge(facts: Facts) -> Verdict:
    return windows_hosts_names_no_server(facts, domains=["cloud.example", "microsoft.com"])


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        AS_IT_COMES,
        "127.0.0.1 localhost app.corp.example\r\n",
        "10.0.0.1 notmicrosoft.com microsoft.com.example",
    ],
    ids=["none", "empty", "as-it-comes", "own", "look-alike"],
)
def test_names_that_nobody_asks(content: str | None) -> None:
    assert judge(golden(files={HOSTS: content})).status is Status.OK


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("127.0.0.1\tUpdate.Microsoft.com", "127.0.0.1 Update.Microsoft.com"),
        ("10.1.2.3 kms kms.cloud.example. # the old one", "10.1.2.3 kms.cloud.example."),
        ("::1 microsoft.com", "::1 microsoft.com"),
    ],
)
def test_servers_that_an_instance_asks(line: str, seen: str) -> None:
    verdict = judge(golden(files={HOSTS: f"{AS_IT_COMES}{line}\r\n"}))
    assert verdict.status is Status.WARNING
    (item,) = verdict.evidence
    assert (item.place.path, item.place.line, item.seen) == (r"C:\Windows\System32\drivers\etc\hosts", 4, seen)
    assert judge(golden(files={HOSTS: f"\ufeff{line}\r\n"})).status is Status.WARNING
    assert judge(golden(files={HOSTS: f"{AS_IT_COMES}# {line}\r\n"})).status is Status.OK


def test_the_folder_that_the_registry_names() -> None:
    elsewhere = {"/hosts/hosts": "10.0.0.1 microsoft.com\n", HOSTS: AS_IT_COMES}
    assert judge(golden(files=elsewhere)).status is Status.OK
    moved = judge(golden({PARAMETERS: {"DataBasePath": r"C:\hosts"}}, files=elsewhere))
    assert (moved.status, moved.evidence[0].place.path) == (Status.WARNING, r"C:\hosts\hosts")
    odd = judge(golden({PARAMETERS: {"DataBasePath": 7}}, files=elsewhere))
    assert (odd.status, odd.known) == (Status.WARNING, False)


def test_a_long_list_is_shown_in_part() -> None:
    lines = "".join(f"0.0.0.0 n{at}.microsoft.com\n" for at in range(500))
    assert len(judge(golden(files={HOSTS: lines})).evidence) == 16
