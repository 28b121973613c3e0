from __future__ import annotations

import pytest

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.download_settings import RULES, no_proxy_is_set, package_archives_are_public
from inspector.rules.rule import Rule
from inspector.verdict import Status
from tests.inspector.boots import facts

REPO = "/etc/yum.repos.d/site.repo"
LIST = "/etc/apt/sources.list"
SOURCES = "/etc/apt/sources.list.d/site.sources"


@pytest.mark.parametrize(
    ("path", "content", "line", "seen"),
    [
        ("/etc/environment", "PATH=/bin\nhttp_proxy=http://proxy:3128/\n", 2, "http://proxy:3128/"),
        ("/etc/profile.d/proxy.sh", "export HTTPS_PROXY='http://proxy:3128'\n", 1, "http://proxy:3128"),
        (
            "/etc/systemd/system.conf.d/p.conf",
            '[Manager]\nDefaultEnvironment="http_proxy=http://p:1"\n',
            2,
            "http://p:1",
        ),
        (
            "/etc/systemd/system/docker.service.d/p.conf",
            "[Service]\nEnvironment=HTTP_PROXY=http://p:1\n",
            2,
            "http://p:1",
        ),
        ("/etc/sysconfig/proxy", 'PROXY_ENABLED="yes"\nHTTP_PROXY="http://p:1"\n', 2, "http://p:1"),
        ("/etc/apt/apt.conf.d/80proxy", 'Acquire::http::Proxy "http://ann:x@p:1/";\n', 1, "http://...@p:1/"),
        ("/etc/apt/apt.conf", 'Acquire {\n http { Proxy "http://p:1/"; };\n};\n', 2, "http://p:1/"),
        ("/etc/yum.conf", "[main]\nproxy=http://p:1\n", 2, "http://p:1"),
        ("/etc/rhsm/rhsm.conf", "[server]\nproxy_hostname = p\n", 2, "p"),
    ],
)
def test_a_proxy_has_its_line_and_taking_it_out_mends_it(path: str, content: str, line: int, seen: str) -> None:
    verdict = no_proxy_is_set(facts({path: content}))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [(it.place.path, it.place.line, it.seen) for it in verdict.evidence] == [(path, line, seen)]
    assert no_proxy_is_set(facts()).status is Status.OK


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/sysconfig/proxy", 'PROXY_ENABLED="no"\nHTTP_PROXY=""\nNO_PROXY="localhost"\n'),
        ("/etc/wgetrc", "#http_proxy = http://proxy.example.com:18023/\n"),
        ("/etc/apt/apt.conf.d/80x", '// Acquire::http::Proxy "http://p:1/";\nAcquire::http::Proxy "DIRECT";\n'),
        ("/etc/yum.conf", "[main]\nproxy=_none_\n"),
        ("/etc/rhsm/rhsm.conf", "proxy_hostname =\nproxy_port =\n"),
        ("/etc/environment", "no_proxy=localhost\nhttp_proxy=\n"),
    ],
)
def test_what_is_no_proxy(path: str, content: str) -> None:
    assert no_proxy_is_set(facts({path: content})).status is Status.OK


@pytest.mark.parametrize(
    ("path", "content", "line", "seen"),
    [
        (LIST, "# x\ndeb http://10.1.2.3/debian bookworm main\n", 2, "10.1.2.3"),
        (LIST, "deb [trusted=yes] https://apt.corp/ ./\n", 1, "apt.corp"),
        (LIST, "deb cdrom:[Debian GNU/Linux 12]/ bookworm main\n", 1, "cdrom:"),
        (SOURCES, "Types: deb\nURIs: http://mirror.lan/debian\nSuites: bookworm\n", 2, "mirror.lan"),
        (REPO, "[base]\nname=x\nbaseurl=http://192.168.1.9/el9\nenabled=1\n", 3, "192.168.1.9"),
        (REPO, "[a]\nbaseurl=http://a.org/\nenabled=0\n[b]\nbaseurl=http://u:p@satellite/\n", 5, "satellite"),
        ("/etc/zypp/repos.d/cd.repo", "[cd]\nbaseurl=cd:///?devices=/dev/sr0\nenabled=1\n", 2, "cd:"),
        ("/etc/apk/repositories", "http://alpine.intranet/v3.20/main\n", 1, "alpine.intranet"),
        ("/etc/pacman.d/mirrorlist", "Server = http://[fd00::1]/$repo\n", 1, "[fd00::1]"),
    ],
)
def test_an_archive_of_a_site_has_its_line_and_a_public_one_mends_it(
    path: str, content: str, line: int, seen: str
) -> None:
    verdict = package_archives_are_public(facts({path: content}))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [(it.place.path, it.place.line, it.seen) for it in verdict.evidence] == [(path, line, seen)]
    assert package_archives_are_public(facts({path: "deb http://deb.debian.org/debian bookworm main\n"})).status is (
        Status.OK
    )


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (LIST, "#deb cdrom:[x]/ bookworm main\n# http://10.1.2.3/\n"),
        (SOURCES, "Enabled: no\nURIs: http://mirror.lan/debian\n\nURIs: http://deb.debian.org/debian\n"),
        (REPO, "[base]\nbaseurl=http://192.168.1.9/el9\nenabled=0\n"),
        (REPO, "[base]\nmirrorlist=https://mirrors.$awsregion.$awsdomain/x\n"),
    ],
)
def test_archives_that_are_off_or_public(path: str, content: str) -> None:
    assert package_archives_are_public(facts({path: content})).status is Status.OK


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_a_guest_nothing_is_ok(rule: Rule) -> None:
    verdict = rule(Facts({Guest: UnknownFact("no root file system")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
