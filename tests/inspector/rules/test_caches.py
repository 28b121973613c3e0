"""Each rule: ok, failed with its place, mended by its fix, unknown."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import Dir, Link
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules import caches
from inspector.rules.caches import RULES, caches_are_empty, crash_dumps_are_gone, mail_spools_are_empty
from inspector.rules.rule import Rule
from inspector.verdict import Status, Verdict
from tests.inspector.boots import facts


def judge(rule: Rule, change: dict[str, Any] | None = None) -> Verdict:
    return rule(facts(change))


@pytest.mark.parametrize(
    ("rule", "change", "place"),
    [
        (crash_dumps_are_gone, {"/var/crash/_usr_bin_x.0.crash": "x"}, "/var/crash/_usr_bin_x.0.crash"),
        (crash_dumps_are_gone, {"/var/crash/202601010000/vmcore": "x"}, "/var/crash/202601010000/vmcore"),
        (crash_dumps_are_gone, {"/var/lib/systemd/coredump/core.x.zst": "x"}, "/var/lib/systemd/coredump/core.x.zst"),
        (crash_dumps_are_gone, {"/core.1234": "x"}, "/core.1234"),
        (mail_spools_are_empty, {"/var/mail/root": "From x\n"}, "/var/mail/root"),
        (mail_spools_are_empty, {"/var/spool/postfix/deferred/A/A1": "x"}, "/var/spool/postfix/deferred/A/A1"),
        (caches_are_empty, {"/tmp/.x/deep/file": "x"}, "/tmp"),
        (caches_are_empty, {"/var/cache/apt/archives/a_1_all.deb": "x"}, "/var/cache/apt/archives"),
        (caches_are_empty, {"/var/cache/dnf/base/repodata/x.xml": "x"}, "/var/cache/dnf"),
        (caches_are_empty, {"/var/lib/rpm/__db.001": "x"}, "/var/lib/rpm/__db.001"),
    ],
)
def test_what_is_left_has_its_place_and_removing_it_mends_it(rule: Rule, change: dict[str, Any], place: str) -> None:
    verdict = judge(rule, change)
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [str(item.place).partition(" ")[0] for item in verdict.evidence] == [place]
    assert judge(rule).status is Status.OK


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_a_guest_nothing_is_ok(rule: Rule) -> None:
    verdict = rule(Facts({Guest: UnknownFact("no root file system")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_folders_links_and_empty_files_are_no_traces(rule: Rule) -> None:
    change = {
        "/tmp/x": Dir(),
        "/tmp/socket": Link("/nowhere"),
        "/var/mail/root": "",
        "/var/crash/kexec_cmd": "/sbin/kexec -p\n",
        "/core": Dir(),
    }
    assert judge(rule, change).status is Status.OK


def test_a_folder_tells_how_much_it_holds() -> None:
    files = {f"/var/tmp/{number}": "x" * 1024 for number in range(2048)}
    (seen,) = judge(caches_are_empty, files).evidence
    assert (seen.place.path, seen.seen) == ("/var/tmp", "2048 files, 2 MiB")


def test_a_folder_that_is_too_full_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "_MOST_FILES", 10)
    verdict = judge(caches_are_empty, {f"/tmp/{number}": "" for number in range(12)})
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
