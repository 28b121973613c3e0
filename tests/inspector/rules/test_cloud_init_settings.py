"""What cloud-init is told to do, on a Debian guest in memory."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import Files
from fixtures.golden import GOLDEN
from inspector.facts import UnknownFact
from inspector.facts.cloud_init import CloudInit
from inspector.rules.cloud_init_settings import (
    RULES,
    cloud_init_clears_its_cache,
    cloud_init_instance_id_is_not_fixed,
    cloud_init_leaves_etc_hosts,
    cloud_init_lets_root_in,
    cloud_init_modules_are_known,
    cloud_init_sets_the_host_name,
    cloud_init_takes_vendor_data,
)
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status
from parsers.place import Place
from tests.facts_of import facts_of

CONFIG = "/etc/cloud/cloud.cfg"
MORE = "/etc/cloud/cloud.cfg.d/99_more.cfg"
CLEAN = "/var/lib/cloud/instance/manual-clean"
SOURCE = "/usr/lib/python3/dist-packages/cloudinit/config"


def judge(rule: Rule, change: dict[str, Any]) -> tuple[Status, list[str]]:
    files: Files = {path: node for path, node in {**GOLDEN, **change}.items() if node is not None}
    verdict = rule(facts_of(files))
    assert verdict.known
    return verdict.status, [str(item.place) for item in verdict.evidence]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_golden_guest_is_ok(rule: Rule) -> None:
    assert judge(rule, {})[0] is Status.OK


@pytest.mark.parametrize(
    ("rule", "fault", "place", "mended"),
    [
        (
            cloud_init_modules_are_known,
            {MORE: "cloud_config_modules:\n - ntp\n - tymezone\n"},
            f"{MORE}:3",
            {MORE: "cloud_config_modules:\n - ntp\n - timezone\n"},
        ),
        (cloud_init_lets_root_in, {MORE: "disable_root: true\n"}, f"{MORE}:1", {MORE: "disable_root: 0\n"}),
        (cloud_init_lets_root_in, {MORE: "x: y\ndisable_root: 'Yes'\n"}, f"{MORE}:2", {MORE: "disable_root: 'off'\n"}),
        (cloud_init_sets_the_host_name, {MORE: "preserve_hostname: 1\n"}, f"{MORE}:1", {MORE: "x: y\n"}),
        (cloud_init_leaves_etc_hosts, {MORE: "manage_etc_hosts: template\n"}, f"{MORE}:1", {MORE: "x: y\n"}),
        (
            cloud_init_takes_vendor_data,
            {MORE: "vendor_data:\n  enabled: false\n"},
            f"{MORE}:2",
            {MORE: "vendor_data: {enabled: 'true'}\n"},
        ),
        (
            cloud_init_takes_vendor_data,
            {MORE: "vendor_data: false\n"},
            f"{MORE}:1",
            {MORE: "vendor_data: {prefix: x}\n"},
        ),
        (cloud_init_takes_vendor_data, {MORE: "vendor_data2: {enabled: no}\n"}, f"{MORE}:1", {MORE: None}),
        (cloud_init_clears_its_cache, {MORE: "manual_cache_clean: true\n"}, f"{MORE}:1", {MORE: "x: y\n"}),
        (cloud_init_clears_its_cache, {CLEAN: ""}, CLEAN, {CLEAN: None}),
        (
            cloud_init_instance_id_is_not_fixed,
            {MORE: "datasource:\n  None:\n    metadata: {instance-id: iid-7}\n"},
            f"{MORE}:3",
            {MORE: "datasource:\n  None:\n    userdata_raw: x\n"},
        ),
    ],
)
def test_a_fault_is_a_warning_at_its_place_and_mending_it_makes_it_ok(
    rule: Rule, fault: dict[str, Any], place: str, mended: dict[str, Any]
) -> None:
    status, places = judge(rule, fault)
    assert (status, place in places) == (Status.WARNING, True), places
    assert judge(rule, fault | mended)[0] is Status.OK


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = rule(facts_of(GOLDEN, given={CloudInit: UnknownFact("not readable", Place("/x"))}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("change", [{"/usr/bin/cloud-init": None}, {MORE: "a: [\n"}], ids=["gone", "unreadable"])
def test_what_another_rule_reports_is_left_to_it(rule: Rule, change: dict[str, Any]) -> None:
    with pytest.raises(NotApplicable):
        judge(rule, change)


def test_root_is_sent_away_where_nothing_is_said() -> None:
    assert judge(cloud_init_lets_root_in, {CONFIG: "cloud_init_modules: [ ssh ]\n"}) == (Status.WARNING, [CONFIG])
    with pytest.raises(NotApplicable):
        judge(cloud_init_lets_root_in, {CONFIG: "cloud_init_modules: [ growpart ]\n"})


def test_etc_hosts_is_left_alone_where_the_module_does_not_run() -> None:
    change = {CONFIG: "manage_etc_hosts: true\ncloud_init_modules: [ growpart ]\n"}
    assert judge(cloud_init_leaves_etc_hosts, change)[0] is Status.OK


def test_the_modules_of_the_guest_itself_count() -> None:
    lists = {CONFIG: "cloud_init_modules: [ mine, ubuntu-advantage ]\n"}
    mine = {f"{SOURCE}/cc_mine.py": "", f"{SOURCE}/cc_ubuntu_pro.py": ""}
    assert judge(cloud_init_modules_are_known, lists) == (Status.WARNING, [f"{CONFIG}:1"])
    assert judge(cloud_init_modules_are_known, lists | mine)[0] is Status.OK
    removed = {CONFIG: "cloud_init_modules: [ migrator ]\n"}
    assert judge(cloud_init_modules_are_known, removed)[0] is Status.OK
    assert judge(cloud_init_modules_are_known, removed | mine)[0] is Status.WARNING


def test_without_any_list_nothing_is_promised() -> None:
    files: Files = {**GOLDEN, CONFIG: "disable_root: false\n"}
    verdict = cloud_init_modules_are_known(facts_of(files))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_setting_is_shown_as_yaml_writes_it() -> None:
    evidence = cloud_init_lets_root_in(
        facts_of({**GOLDEN, CONFIG: "cloud_init_modules: [ ssh ]\ndisable_root: false\n"})
    ).evidence
    assert [it.seen for it in evidence] == ["disable_root: false"]
