from __future__ import annotations

import pytest

from fixtures.windows.golden import SERVICES, UNINSTALL
from fixtures.windows.hive import Data, Keys
from inspector.profile import load_profile
from inspector.rules.windows.antivirus import windows_has_no_other_antivirus
from inspector.verdict import Status, Verdict
from tests.corpus import corpus
from tests.windows import CONFIG, Changes, golden

pytestmark = pytest.mark.corpus

PARAMETERS = load_profile("ecs").parameters["windows-has-no-other-antivirus"]
OTHER_VIEW = UNINSTALL.replace("Microsoft", r"WOW6432Node\Microsoft", 1)


def found(system: Keys | None = None, software: Keys | None = None, files: Changes | None = None) -> Verdict:
    return windows_has_no_other_antivirus(golden(system, software, files), **PARAMETERS)


def test_the_golden_guest_is_ok() -> None:
    verdict = found()
    assert (verdict.status, [item.seen for item in verdict.evidence]) == (
        Status.OK, ["products: 6", "no driver of another antivirus"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"DisplayName": "ESET Server Security", "Publisher": "ESET, spol. s r.o."}, "DisplayName"),
        ({"DisplayName": "Protection Agent", "Publisher": "McAfee, LLC."}, "Publisher"),
        ({"DisplayName": "Some AntiVirus 3"}, "DisplayName"),
        ({"DisplayName": "360安全卫士极速版"}, "DisplayName"),
    ],
)
@pytest.mark.parametrize("view", [UNINSTALL, OTHER_VIEW], ids=["native", "wow"])
def test_a_product_of_either_view(values: dict[str, Data], name: str, view: str) -> None:
    key = rf"{view}\{{product}}"
    verdict = found(software={key: values})
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [(item.place.key, item.seen) for item in verdict.evidence] == [(rf"{key}\{name}", values[name])]


@pytest.mark.parametrize(
    "values",
    [
        {"DisplayName": "Printer Reset 2", "Publisher": "Avastar"},
        {"DisplayName": "Nortonville", "Publisher": "Sophos Connect users"},
        {"QuietUninstallString": "avast.exe"},
    ],
)
def test_names_that_only_look_alike(values: dict[str, Data]) -> None:
    assert found(software={rf"{UNINSTALL}\other": values}).status is Status.OK


@pytest.mark.parametrize("group", ["FSFilter Anti-Virus", "Early-Launch"])
def test_a_driver_is_known_by_its_group(group: str) -> None:
    values: dict[str, Data] = {"Type": 2, "Start": 0, "ErrorControl": 1, "Group": group}
    key = rf"{SERVICES}\klif"
    verdict = found({key: values})
    assert (verdict.status, verdict.evidence[0].place.key) == (Status.WARNING, key)
    assert verdict.evidence[0].seen == f"a driver of the group {group}, started: boot"
    for mended in ({key: {**values, "Start": 4}}, {rf"{SERVICES}\WdFilter": values}, {key: {**values, "Type": 0x10}}):
        assert found(mended).status is Status.OK


def test_the_real_machine_that_has_one() -> None:
    """A Windows 7 with McAfee's (`mfehidk`), which the group of its driver alone tells."""
    verdict = found(files={f"{CONFIG}/SYSTEM": corpus("known/hives/hv-rp-SYSTEM.hive.xz").read_bytes()})
    assert [(item.place.key, item.seen) for item in verdict.evidence] == [
        (r"ControlSet001\services\mfehidk", "a driver of the group FSFilter Anti-Virus, started: boot")
    ]


def test_without_products_nothing_is_known() -> None:
    verdict = found(software={UNINSTALL: None})
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
