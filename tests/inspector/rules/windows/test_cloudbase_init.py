from __future__ import annotations

from collections.abc import Mapping

import pytest

from fixtures.windows.golden import CLOUDBASE, CLOUDBASE_CONF, SERVICES
from fixtures.windows.hive import Data, Keys
from inspector.profile import load_profile
from inspector.rules.rule import Rule
from inspector.rules.windows.cloudbase_init import (
    windows_cloudbase_init_finds_metadata,
    windows_cloudbase_init_starts,
    windows_cloudbase_init_state_is_gone,
)
from inspector.verdict import NotApplicable, Status, Verdict
from tests.windows import Changes, golden

pytestmark = pytest.mark.corpus

SERVICE = rf"{SERVICES}\cloudbase-init"
STATE = r"Cloudbase Solutions\Cloudbase-Init"
OPENSTACK = load_profile("nhn").parameters["windows-cloudbase-init-finds-metadata"]["services"]
CONF = rf"C:{CLOUDBASE}\conf\cloudbase-init.conf".replace("/", "\\")
UNATTENDED = f"{CLOUDBASE}/conf/cloudbase-init-unattend.conf"


def found(
    rule: Rule, system: Keys | None = None, software: Keys | None = None, files: Changes | None = None
) -> Verdict:
    parameters = {"services": OPENSTACK} if rule is windows_cloudbase_init_finds_metadata else {}
    return rule(golden(system, software, files), **parameters)


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        (None, "no such service"),
        ({"Start": 4}, "cloudbase-init: disabled"),
        ({"Start": 3}, "cloudbase-init: manual"),
    ],
)
def test_a_service_that_does_not_start(values: Mapping[str, Data] | None, seen: str) -> None:
    verdict = found(windows_cloudbase_init_starts, {SERVICE: values})
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert str(verdict.evidence[0].place.key).startswith(SERVICE)
    assert found(windows_cloudbase_init_starts, {SERVICE: {"Start": 2}}).status is Status.OK
    assert verdict.evidence[0].seen == seen


def test_a_service_without_its_program() -> None:
    verdict = found(windows_cloudbase_init_starts, files={f"{CLOUDBASE}/bin/OpenStackService.exe": None})
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "its program does not exist")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[DEFAULT]\nmetadata_services=cloudbaseinit.metadata.services.azureservice.AzureService\n", 2),
        ("[DEFAULT]\nmetadata_services=\n", 2),
        ("[DEFAULT]\nusername Admin\n", 2),
        ("username=Admin\n", 1),
    ],
)
@pytest.mark.parametrize("path", [CLOUDBASE_CONF, UNATTENDED])
def test_a_configuration_for_another_cloud(path: str, text: str, line: int) -> None:
    verdict = found(windows_cloudbase_init_finds_metadata, files={path: text})
    assert verdict.status is Status.WARNING
    assert verdict.evidence[0].place.line == line
    assert verdict.evidence[0].place.path == path.replace("/", "\\").replace("\\Program", "C:\\Program", 1)


@pytest.mark.parametrize(
    "text",
    [
        "[DEFAULT]\n",
        "[DEFAULT]\nmetadata_services=x.AzureService,\n  cloudbaseinit.metadata.services.ec2service.EC2Service\n",
        "[DEFAULT]\nmetadata_services=cloudbaseinit.metadata.services.configdrive.configdrive.ConfigDriveService\n",
    ],
)
def test_configurations_for_this_cloud(text: str) -> None:
    assert found(windows_cloudbase_init_finds_metadata, files={CLOUDBASE_CONF: text}).status is Status.OK


def test_any_service_will_do_where_none_is_wanted() -> None:
    other = {CLOUDBASE_CONF: "[DEFAULT]\nmetadata_services=a.AzureService\n"}
    assert windows_cloudbase_init_finds_metadata(golden(files=other), services=[]).status is Status.OK


def test_a_configuration_that_is_gone() -> None:
    verdict = found(windows_cloudbase_init_finds_metadata, files={CLOUDBASE_CONF: None})
    assert (verdict.status, verdict.evidence[0].place.path, verdict.evidence[0].seen) == (
        Status.WARNING, CONF, "does not exist",
    )  # fmt: skip
    assert found(windows_cloudbase_init_finds_metadata, files={UNATTENDED: None}).status is Status.OK


def test_a_service_that_names_no_configuration_is_not_known() -> None:
    verdict = found(windows_cloudbase_init_finds_metadata, {SERVICE: {"ImagePath": r"C:\x\OpenStackService.exe"}})
    assert (verdict.status, verdict.known, verdict.evidence[0].place.key) == (
        Status.WARNING, False, rf"{SERVICE}\ImagePath",
    )  # fmt: skip


def test_without_it_there_is_no_configuration() -> None:
    with pytest.raises(NotApplicable):
        found(windows_cloudbase_init_finds_metadata, {SERVICE: None})


@pytest.mark.parametrize("below", [r"\Plugins", r"\i-0001\Plugins"])
@pytest.mark.parametrize("above", ["", "WOW6432Node\\"])
def test_plugins_that_ran(above: str, below: str) -> None:
    key = f"{above}{STATE}{below}"
    verdict = found(windows_cloudbase_init_state_is_gone, software={key: {"SetHostNamePlugin": 1, "UserDataPlugin": 1}})
    assert (verdict.status, verdict.evidence[0].place.key, verdict.evidence[0].seen) == (
        Status.WARNING, key, "plugins that have run: 2",
    )  # fmt: skip
    assert found(windows_cloudbase_init_state_is_gone, software={key: None}).status is Status.OK


def test_logs_that_are_left() -> None:
    log = f"{CLOUDBASE}/log/cloudbase-init.log"
    verdict = found(windows_cloudbase_init_state_is_gone, files={log: "x" * 99})
    assert (verdict.status, verdict.evidence[0].seen) == (Status.WARNING, "a log of 99 bytes")
    assert found(windows_cloudbase_init_state_is_gone, files={log: ""}).status is Status.OK
