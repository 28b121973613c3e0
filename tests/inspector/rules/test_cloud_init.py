"""The rules about cloud-init, on a Debian guest in memory and on its faults."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.files import File, Files, Link
from fixtures.golden import GOLDEN
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootFile, DefaultKernel
from inspector.facts.cloud_init import CloudInit
from inspector.facts.packages import Packages
from inspector.facts.services import Services
from inspector.rules.cloud_init import (
    RULES,
    cloud_init_config_parses,
    cloud_init_datasource_allows_target,
    cloud_init_enabled,
    cloud_init_has_no_seed,
    cloud_init_installed,
    cloud_init_is_recent,
    cloud_init_modules_run,
)
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.place import Place
from tests.facts_of import facts_of

GRUB = Place("/boot/grub/grub.cfg", 89)
SOURCES = "/etc/cloud/cloud.cfg.d/90_datasource.cfg"
IDENTIFY = "/etc/cloud/ds-identify.cfg"
SYSTEM_CONF = "/etc/systemd/system.conf"
MARKER = "/etc/cloud/cloud-init.disabled"
UNITS = "/etc/systemd/system"
WANTS = f"{UNITS}/cloud-init.target.wants"
DS_IDENTIFY = "/usr/lib/cloud-init/ds-identify"
GENERATOR = "/usr/lib/systemd/system-generators/cloud-init-generator"
PARAMETERS: dict[str, dict[str, Any]] = {
    "cloud-init-is-recent": {"minimum": "0.7.9", "accepted": ("0.7.6a",)},
    "cloud-init-datasource-allows-target": {"datasources": ("AliYun",)},
    "cloud-init-modules-run": {"modules": ("users-groups", "ssh", "set-passwords")},
}


def facts(change: dict[str, Any] | None = None, *arguments: str, given: dict[Any, Any] | None = None) -> Facts:
    files: Files = {path: node for path, node in {**GOLDEN, **(change or {})}.items() if node is not None}
    image = BootFile(GRUB, "/vmlinuz", "/vmlinuz", "sda1", mounted=True, size=1)
    kernel = DefaultKernel("6.1.0", image, (), ("ro", *arguments), GRUB)
    return facts_of(files, given={DefaultKernel: kernel, **(given or {})})


def ask(rule: Rule, made: Facts) -> Verdict:
    return rule(made, **PARAMETERS.get(rule.name, {}))


def judge(rule: Rule, change: dict[str, Any] | None = None, *arguments: str) -> tuple[Status, list[str]]:
    verdict = ask(rule, facts(change, *arguments))
    return verdict.status, [str(evidence.place) for evidence in verdict.evidence]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_golden_guest_is_ok(rule: Rule) -> None:
    assert judge(rule)[0] is Status.OK


def test_a_program_that_cannot_be_run_is_not_installed() -> None:
    assert judge(cloud_init_installed, {"/usr/bin/cloud-init": File("", 0o755)}) == (
        Status.FAILED, ["/usr/bin/cloud-init"],
    )  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("noun", [Services, CloudInit], ids=lambda noun: noun.__name__)
def test_unknown_is_never_ok(rule: Rule, noun: type[Any]) -> None:
    verdict = ask(rule, facts(given={noun: UnknownFact("not readable", Place("/x"))}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


@pytest.mark.parametrize("rule", [cloud_init_enabled, cloud_init_datasource_allows_target], ids=lambda rule: rule.name)
def test_without_the_kernels_arguments_nothing_is_promised(rule: Rule) -> None:
    verdict = ask(rule, facts(given={DefaultKernel: UnknownFact("no menu", Place("/boot/grub/grub.cfg"))}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert "no menu" in verdict.message
    pinned = facts({IDENTIFY: "datasource: AliYun\n"}, given={DefaultKernel: UnknownFact("no menu")})
    assert ask(cloud_init_datasource_allows_target, pinned).known is False
    # What is known to be wrong is wrong all the same.
    known = {DefaultKernel: UnknownFact("no menu")}
    assert ask(rule, facts({MARKER: "", SOURCES: "datasource_list: [ Ec2 ]\n"}, given=known)).status is Status.FAILED


def test_without_cloud_init_the_other_rules_do_not_apply() -> None:
    gone = facts({"/usr/bin/cloud-init": None})
    assert cloud_init_installed(gone).status is Status.FAILED
    for rule in RULES[1:]:
        with pytest.raises(NotApplicable):
            ask(rule, gone)


DEAD = {f"{WANTS}/{unit}.service": None for unit in ("cloud-init-local", "cloud-init", "cloud-config", "cloud-final")}
FAULTS: list[tuple[Rule, dict[str, Any], Status, str, dict[str, Any]]] = [
    (
        cloud_init_installed,
        {"/usr/bin/cloud-init": None},
        Status.FAILED,
        "/usr/bin/cloud-init",
        {"/usr/bin/cloud-init": File("#!/usr/bin/python3\n", 0o755)},
    ),
    (
        cloud_init_installed,
        {"/etc/cloud/cloud.cfg": None},
        Status.WARNING,
        "/etc/cloud/cloud.cfg",
        {"/etc/cloud/cloud.cfg": GOLDEN["/etc/cloud/cloud.cfg"]},
    ),
    (cloud_init_enabled, {MARKER: ""}, Status.FAILED, MARKER, {MARKER: None}),
    (
        cloud_init_enabled,
        {SYSTEM_CONF: "[Manager]\nDefaultEnvironment=KERNEL_CMDLINE=cloud-init=disabled\n"},
        Status.FAILED,
        f"{SYSTEM_CONF}:2",
        {SYSTEM_CONF: "[Manager]\n"},
    ),
    (
        cloud_init_enabled,
        {f"{SYSTEM_CONF}.d/a.conf": '[Manager]\nDefaultEnvironment="KERNEL_CMDLINE=quiet cloud-init=disabled"\n'},
        Status.FAILED,
        f"{SYSTEM_CONF}.d/a.conf:2",
        {f"{SYSTEM_CONF}.d/a.conf": None},
    ),
    (
        cloud_init_enabled,
        {f"{UNITS}/cloud-init.service": Link("/dev/null")},
        Status.FAILED,
        f"{UNITS}/cloud-init.service",
        {f"{UNITS}/cloud-init.service": None},
    ),
    (
        cloud_init_enabled,
        DEAD,
        Status.FAILED,
        "/usr/lib/systemd/system/cloud-init.service",
        {p: GOLDEN[p] for p in DEAD},
    ),
    (
        cloud_init_enabled,
        {f"{WANTS}/cloud-final.service": None},
        Status.WARNING,
        "/usr/lib/systemd/system/cloud-final.service",
        {f"{WANTS}/cloud-final.service": GOLDEN[f"{WANTS}/cloud-final.service"]},
    ),
    (
        cloud_init_config_parses,
        {SOURCES: "datasource_list: [ AliYun\n"},
        Status.FAILED,
        f"{SOURCES}:2",
        {SOURCES: "datasource_list: [ AliYun ]\n"},
    ),
    (
        cloud_init_config_parses,
        {SOURCES: "- a\n"},
        Status.FAILED,
        f"{SOURCES}:1",
        {SOURCES: "datasource_list: [ AliYun ]\n"},
    ),
    (
        cloud_init_config_parses,
        {SOURCES: "datasource_list: [ Ec2 ]\ndatasource_list: [ AliYun ]\n"},
        Status.WARNING,
        f"{SOURCES}:2",
        {SOURCES: "datasource_list: [ AliYun ]\n"},
    ),
    (
        cloud_init_datasource_allows_target,
        {SOURCES: "datasource_list: [ Ec2, GCE ]\n"},
        Status.FAILED,
        f"{SOURCES}:1",
        {SOURCES: "datasource_list: [ AliYun, Ec2, GCE ]\n"},
    ),
    (
        cloud_init_datasource_allows_target,
        {SOURCES: "datasource_list:\n - AliYun\n"},
        Status.WARNING,
        f"{SOURCES}:1",
        {SOURCES: "datasource_list: [ AliYun ]\n"},
    ),
    (
        cloud_init_datasource_allows_target,
        {SOURCES: "a: b\n"},
        Status.WARNING,
        SOURCES,
        {SOURCES: "datasource_list: [ AliYun ]\n"},
    ),
    (
        cloud_init_datasource_allows_target,
        {SOURCES: "datasource_list: AliYun\n"},
        Status.FAILED,
        f"{SOURCES}:1",
        {SOURCES: "datasource_list: [ AliYun ]\n"},
    ),
    (
        cloud_init_datasource_allows_target,
        {IDENTIFY: "datasource: Ec2\n"},
        Status.FAILED,
        f"{IDENTIFY}:1",
        {IDENTIFY: "datasource: AliYun\n"},
    ),
    (
        cloud_init_datasource_allows_target,
        {IDENTIFY: "# x\npolicy: disabled\n"},
        Status.FAILED,
        f"{IDENTIFY}:2",
        {IDENTIFY: "policy: search\n"},
    ),
    (
        cloud_init_has_no_seed,
        {"/var/lib/cloud/seed/nocloud-net/meta-data": "", "/var/lib/cloud/seed/nocloud-net/user-data": ""},
        Status.WARNING,
        "/var/lib/cloud/seed/nocloud-net",
        {"/var/lib/cloud/seed/nocloud-net/meta-data": None, "/var/lib/cloud/seed/nocloud-net/user-data": None},
    ),
]


@pytest.mark.parametrize(("rule", "change", "status", "place", "fix"), FAULTS)
def test_a_fault_has_its_place_and_the_fix_mends_it(
    rule: Rule, change: dict[str, Any], status: Status, place: str, fix: dict[str, Any]
) -> None:
    found, where = judge(rule, change)
    assert found is status
    assert place in where
    assert judge(rule, {**change, **fix})[0] is Status.OK


# -- switching off


def test_the_argument_switches_off_at_its_line() -> None:
    assert judge(cloud_init_enabled, None, "cloud-init=disabled") == (Status.FAILED, [str(GRUB)])


def test_an_argument_wins_over_the_marker_and_the_environment_over_the_argument() -> None:
    assert ask(cloud_init_enabled, facts({MARKER: ""}, "cloud-init=disabled")).evidence[1].place.path == MARKER
    environment = {SYSTEM_CONF: "[Manager]\nDefaultEnvironment=KERNEL_CMDLINE=quiet\n"}
    assert judge(cloud_init_enabled, environment, "cloud-init=disabled")[0] is Status.OK
    made = facts({MARKER: ""}, "cloud-init=enabled")
    assert made[CloudInit].switch is None
    both = facts({MARKER: "", "/etc/cloud/cloud-init.enabled": ""})
    assert both[CloudInit].switch is None


@pytest.mark.parametrize(
    "change",
    [
        {f"{UNITS}/cloud-init.target": Link("/dev/null")},
        {"/etc/systemd/system-generators/cloud-init-generator": Link("/dev/null")},
        {GENERATOR: None},
    ],
)
def test_without_target_or_generator_no_stage_is_started(change: dict[str, Any]) -> None:
    assert judge(cloud_init_enabled, change)[0] is Status.FAILED


def test_newer_releases_have_other_units() -> None:
    units: dict[str, Any] = {}
    for unit in ("cloud-init-main", "cloud-init-network"):
        units[f"/usr/lib/systemd/system/{unit}.service"] = (
            "[Service]\nExecStart=/usr/bin/cloud-init\n[Install]\nWantedBy=cloud-init.target\n"
        )
        units[f"{WANTS}/{unit}.service"] = Link(f"/usr/lib/systemd/system/{unit}.service")
    new: dict[str, Any] = {
        **units,
        "/usr/lib/systemd/system/cloud-init.service": None,
        f"{WANTS}/cloud-init.service": None,
    }
    assert judge(cloud_init_enabled, new)[0] is Status.OK
    assert judge(cloud_init_enabled, {**new, f"{WANTS}/cloud-init-main.service": None})[0] is Status.WARNING


# -- versions


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("22.4.2-1+deb12u2", Status.OK),
        ("0.7.9-2", Status.OK),
        ("0.7.6a15-1", Status.OK),
        ("0.7.7~bzr1149-1", Status.WARNING),
        ("1:25.1-1", Status.OK),
        ("nonsense", Status.WARNING),
    ],
)
def test_versions(version: str, status: Status) -> None:
    text = GOLDEN["/var/lib/dpkg/status"]
    assert isinstance(text, str)
    assert "Version: 22.4.2-1+deb12u2" in text
    change = {"/var/lib/dpkg/status": text.replace("Version: 22.4.2-1+deb12u2", f"Version: {version}")}
    assert judge(cloud_init_is_recent, change)[0] is status


def test_the_version_of_the_module_where_no_package_is_known() -> None:
    verdict = ask(cloud_init_is_recent, facts(given={Packages: UnknownFact("no database")}))
    assert verdict.status is Status.OK
    assert verdict.evidence[0].place == Place("/usr/lib/python3/dist-packages/cloudinit/version.py", 1)
    nothing = facts(
        {"/usr/lib/python3/dist-packages/cloudinit/version.py": None}, given={Packages: UnknownFact("no database")}
    )
    assert ask(cloud_init_is_recent, nothing).known is False


# -- data sources


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("ci.ds=Ec2",), Status.FAILED),
        (("ci.datasource=AliYun",), Status.OK),
        (("ci.datasource=aliyun",), Status.WARNING),
        (("ds=nocloud;s=http://10.0.0.1/",), Status.FAILED),
        (("ds=nocloud-net",), Status.FAILED),
        (("ci.di.policy=disabled",), Status.FAILED),
        (("ci.di.policy=enabled",), Status.OK),
    ],
)
def test_arguments_pin_a_data_source(arguments: tuple[str, ...], status: Status) -> None:
    assert judge(cloud_init_datasource_allows_target, None, *arguments)[0] is status


def test_ds_identify_and_python_may_read_different_lists() -> None:
    # The shell takes the last line of all files that begins so, wherever in the YAML it stands.
    text = "datasource_list: [ AliYun ]\nwrite_files:\n - content: |\n    datasource_list: [ Ec2 ]\n"
    assert judge(cloud_init_datasource_allows_target, {SOURCES: text}) == (Status.FAILED, [f"{SOURCES}:4"])
    # Without ds-identify, or where it cannot be executed, the list of Python alone decides.
    for change in ({"/usr/lib/cloud-init/ds-identify": None}, {"/usr/lib/cloud-init/ds-identify": File("", 0o644)}):
        assert judge(cloud_init_datasource_allows_target, {SOURCES: text, **change})[0] is Status.OK


def test_a_later_file_wins_and_a_dangling_link_is_passed_over() -> None:
    change = {
        "/etc/cloud/cloud.cfg.d/95_last.cfg": "datasource_list: [ Ec2 ]\n",
        "/etc/cloud/cloud.cfg.d/aliyun_cloud.cfg": Link("/sys/firmware/qemu_fw_cfg/by_name/etc/cloud-init/raw"),
        "/etc/cloud/cloud.cfg.d/99_not.txt": "datasource_list: [ AliYun ]\n",
    }
    found = judge(cloud_init_datasource_allows_target, change)
    assert found == (Status.FAILED, ["/etc/cloud/cloud.cfg.d/95_last.cfg:1"] * 2)
    assert judge(cloud_init_config_parses, change)[0] is Status.OK


def test_a_merging_that_fails_leaves_the_list_open() -> None:
    text = "datasource_list: [ AliYun ]\nmerge_how: 'wat(append)'\n"
    verdict = ask(cloud_init_datasource_allows_target, facts({SOURCES: text}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert judge(cloud_init_config_parses, {SOURCES: text}) == (Status.FAILED, [f"{SOURCES}:2"])


def test_a_merging_of_its_own_is_followed() -> None:
    change = {
        "/etc/cloud/cloud.cfg.d/01.cfg": "datasource_list: [ Ec2 ]\nmerge_how: 'dict(replace)'\n",
        SOURCES: "datasource_list: [ AliYun, None ]\n",
    }
    verdict = ask(cloud_init_datasource_allows_target, facts(change))
    assert verdict.status is Status.FAILED
    assert verdict.evidence[0].place == Place("/etc/cloud/cloud.cfg.d/01.cfg", 1)


@pytest.mark.parametrize(
    ("sources", "targets", "status"),
    [
        ("datasource_list: [ ConfigDrive, None ]\n", ("OpenStack", "ConfigDrive"), Status.OK),
        ("datasource_list: [ AliYun, None ]\n", ("OpenStack", "ConfigDrive"), Status.FAILED),
        ("datasource_list: [ GCE ]\n", (), Status.OK),
        ("datasource_list: [ None ]\n", (), Status.FAILED),
        ("", (), Status.OK),
        ("", ("OpenStack",), Status.WARNING),
    ],
)
def test_one_of_several_targets_is_enough_and_without_any_every_cloud_will_do(
    sources: str, targets: tuple[str, ...], status: Status
) -> None:
    assert cloud_init_datasource_allows_target(facts({SOURCES: sources}), datasources=targets).status is status


@pytest.mark.parametrize(("pinned", "status"), [("GCE", Status.OK), ("None", Status.FAILED)])
def test_any_cloud_but_none_may_be_pinned_where_no_target_is_named(pinned: str, status: Status) -> None:
    made = facts({IDENTIFY: f"datasource: {pinned}\n"})
    assert cloud_init_datasource_allows_target(made, datasources=()).status is status


def test_none_in_front_of_the_target_is_taken_unless_ds_identify_decides() -> None:
    sources = {SOURCES: "datasource_list: [ None, AliYun ]\n"}
    assert judge(cloud_init_datasource_allows_target, sources)[0] is Status.OK
    assert judge(cloud_init_datasource_allows_target, {**sources, DS_IDENTIFY: None}) == (
        Status.FAILED,
        [f"{SOURCES}:1"],
    )


def test_a_seed_that_is_not_complete_is_named_as_well() -> None:
    verdict = ask(cloud_init_has_no_seed, facts({"/var/lib/cloud/seed/nocloud/meta-data": ""}))
    assert verdict.status is Status.WARNING
    assert "missing" in verdict.evidence[0].seen


# -- what runs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["users-groups", "ssh", "set-passwords"])
def test_a_module_that_is_left_out(name: str) -> None:
    cloud = GOLDEN["/etc/cloud/cloud.cfg"]
    assert isinstance(cloud, str)
    renamed = cloud.replace(f" - {name}\n", f" - {name.replace('-', '_')}\n")
    rule = cloud_init_modules_run
    status, found = judge(rule, {"/etc/cloud/cloud.cfg": cloud.replace(f" - {name}\n", "")})
    assert (status, [place.partition(":")[0] for place in found]) == (Status.WARNING, ["/etc/cloud/cloud.cfg"] * 3)
    assert judge(rule, {"/etc/cloud/cloud.cfg": renamed})[0] is Status.OK


def test_a_python_package_that_is_missing() -> None:
    path = "/usr/lib/python3/dist-packages/cloudinit/version.py"
    assert judge(cloud_init_installed, {path: None})[0] is Status.WARNING
    moved = {path: None, path.replace("python3", "python3.11"): "x"}
    assert judge(cloud_init_installed, moved)[0] is Status.OK


@pytest.mark.parametrize("sources", ["datasource_list: [ AliYun, NoCloud ]\n", ""], ids=["listed", "all"])
def test_a_whole_seed_of_a_source_that_may_be_used_wins_over_the_cloud(sources: str) -> None:
    seed = {f"/var/lib/cloud/seed/nocloud/{name}": "" for name in ("meta-data", "user-data")}
    assert judge(cloud_init_has_no_seed, {**seed, SOURCES: sources}) == (
        Status.FAILED,
        ["/var/lib/cloud/seed/nocloud"],
    )
    assert judge(cloud_init_has_no_seed, dict.fromkeys(seed) | {SOURCES: sources})[0] is Status.OK


def test_a_data_source_needs_its_module() -> None:
    folder = "/usr/lib/python3/dist-packages/cloudinit/sources"
    others: dict[str, Any] = {f"{folder}/DataSource{name}.py": "" for name in ("Ec2", "None")}
    assert judge(cloud_init_datasource_allows_target, others) == (
        Status.FAILED,
        [f"{SOURCES}:1", f"{SOURCES}:1", f"{folder}/DataSourceAliYun.py"],
    )
    pinned = {**others, IDENTIFY: "datasource: AliYun\n"}
    assert judge(cloud_init_datasource_allows_target, pinned)[0] is Status.FAILED
    # Its own, a compiled one, and one beside cloud-init's package, where data sources are looked for as well.
    for path in (
        f"{folder}/DataSourceAliYun.py",
        f"{folder}/DataSourceAliYun.pyc",
        "/usr/lib/python3/dist-packages/DataSourceAliYun.py",
    ):
        status, places = judge(cloud_init_datasource_allows_target, {**others, path: ""})
        assert (status, places[-1]) == (Status.OK, path)
    # What is compiled for a source that is gone is not imported.
    cached = {**others, f"{folder}/__pycache__/DataSourceAliYun.cpython-311.pyc": ""}
    assert judge(cloud_init_datasource_allows_target, cached)[0] is Status.FAILED
