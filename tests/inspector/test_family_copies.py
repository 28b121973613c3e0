"""The good guests of the families under the profiles of images that are copied: nothing is found but what is so."""

from __future__ import annotations

import shutil

import pytest

from fixtures.families import RECIPES, guest_of_family
from fixtures.families.family import Family
from inspector.report import CheckResult
from inspector.verdict import Status
from tests.inspector.family_guests import judged

NAMES = tuple(RECIPES)
OPENSTACK = {"/etc/cloud/cloud.cfg.d/aliyun_cloud.cfg": "datasource_list: [ OpenStack, None ]\n"}
AGE = {"release-is-maintained", "cloud-init-is-recent"}
"""What is rightly found in a release that has ended."""


def good(name: str) -> Family:
    if missing := [program for program in RECIPES[name].needs if shutil.which(program) is None]:
        pytest.skip(f"not installed, so that {name} cannot be made: {', '.join(missing)}")
    return guest_of_family(name)


def found(checks: list[CheckResult]) -> dict[str, Status]:
    return {rule.rule: rule.status for check in checks for rule in check.rules if rule.status is not Status.OK}


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_finds_the_names_of_boot_entries_alone(name: str) -> None:
    checks, _ = judged(good(name), "clone")
    entries = {"boot-entries-do-not-carry-an-id"} if name in BLS else set()
    assert found(checks).keys() - AGE == entries
    assert Status.FAILED not in found(checks).values()


BLS = {"rocky-8", "oracle-8", "almalinux-9", "centos-stream-10", "fedora-43", "amazon-2023"}
"""Families whose kernels are installed under the machine id, in their own cloud images as well."""


@pytest.mark.parametrize("name", NAMES)
def test_an_image_for_nhn_finds_the_agents_of_another_cloud_alone(name: str) -> None:
    checks, _ = judged(good(name).changed(OPENSTACK), "nhn")
    assert found(checks).keys() - AGE == {"foreign-agents-are-not-started"}
    assert Status.FAILED not in found(checks).values()


@pytest.mark.parametrize("name", NAMES)
def test_an_image_for_another_cloud_is_none_for_nhn(name: str) -> None:
    checks, _ = judged(good(name), "nhn")
    assert found(checks)["cloud-init-datasource-allows-target"] is Status.FAILED
