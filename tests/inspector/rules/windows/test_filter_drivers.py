from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.windows.golden import (
    CONTROL,
    DISK_CLASS,
    DRIVERS,
    FILTER,
    FILTERS,
    NETWORK,
    SCHEDULER,
    SERVICES,
    VOLUME_CLASS,
    network_filter,
)
from fixtures.windows.hive import Keys
from inspector.collectors import COLLECTORS
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.rules.windows.filter_drivers import (
    windows_class_filters_lead_to_drivers,
    windows_network_filters_lead_to_drivers,
)
from inspector.verdict import Status
from tests.samples import SYSTEM_HIVE, sample
from tests.windows import CONFIG, golden, windows_of

pytestmark = pytest.mark.corpus

HIVE = r"C:\Windows\System32\config\SYSTEM"
FOREIGN = rf"{NETWORK}\{{A01C1BDB-44E5-4C3E-9AC9-C456C184A812}}"


@pytest.mark.parametrize(
    ("kind", "side", "names", "status", "seen"),
    [
        (DISK_CLASS, "UpperFilters", ["partmgr", "backup"], Status.FAILED, "backup of disk drives: no such service"),
        (DISK_CLASS, "LowerFilters", ["EhStorClass"], Status.FAILED, "EhStorClass of disk drives: no such service"),
        (VOLUME_CLASS, "UpperFilters", ["volsnap", "disk"], Status.WARNING, "disk of volumes"),
        (VOLUME_CLASS, "UpperFilters", ["VOLSNAP"], Status.OK, "partmgr of disk drives"),
        (DISK_CLASS, "UpperFilters", [], Status.FAILED, "partmgr of disk drives is lacking: no disk has partitions"),
        (DISK_CLASS, "UpperFilters", ["PartMgr"], Status.OK, "PartMgr of disk drives"),
    ],
)
def test_filters(kind: str, side: str, names: list[str], status: Status, seen: str) -> None:
    verdict = windows_class_filters_lead_to_drivers(golden({rf"{CONTROL}\{kind}": {side: names}}))
    assert (verdict.status, verdict.evidence[0].seen) == (status, seen)
    if status is not Status.OK:
        assert str(verdict.evidence[0].place) == rf"{HIVE} {CONTROL}\{kind}\{side}"


def test_a_filter_without_its_file_or_disabled() -> None:
    missing = golden(files={f"{DRIVERS}/volsnap.sys": None})
    assert (
        windows_class_filters_lead_to_drivers(missing).evidence[0].seen == "volsnap of volumes: its file does not exist"
    )
    disabled = golden({rf"{SERVICES}\volsnap": {"Start": 4}})
    assert windows_class_filters_lead_to_drivers(disabled).evidence[0].seen == "volsnap of volumes: it is disabled"


def test_without_the_classes_no_filter_is_known() -> None:
    verdict = windows_class_filters_lead_to_drivers(golden({rf"{CONTROL}\Class": None}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_filter_that_is_not_known_hides_no_other() -> None:
    odd: Keys = {rf"{SERVICES}\odd": {"Start": "x"}}
    key = rf"{CONTROL}\{DISK_CLASS}"
    verdict = windows_class_filters_lead_to_drivers(golden({**odd, key: {"LowerFilters": ["odd"]}}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    assert windows_class_filters_lead_to_drivers(golden({**odd, key: {"LowerFilters": ["odd", "gone"]}})).known


@pytest.mark.parametrize(
    ("system", "files", "status", "key", "seen"),
    [
        (
            {rf"{SERVICES}\WFPLWFS": None}, {}, Status.FAILED, FILTER,
            "MS_WfpLwf: no service WFPLWFS",
        ),
        (
            {}, {"/Windows/System32/drivers/wfplwfs.sys": None}, Status.FAILED, FILTER,
            "MS_WfpLwf: the file of WFPLWFS does not exist",
        ),
        (
            {}, {"/Windows/System32/drivers/pacer.sys": b""}, Status.WARNING, SCHEDULER,
            "MS_PACER: the file of Psched is empty",
        ),
        ({rf"{FILTER}\Ndi": {"Service": None}}, {}, Status.FAILED, FILTER, "MS_WfpLwf: no service is named"),
        (
            network_filter(FOREIGN, "mfe_ndisfilt", "WFPLWFS", "oem13.inf", mandatory=False), {}, Status.WARNING,
            FOREIGN, "mfe_ndisfilt: not of Windows",
        ),
        (
            network_filter(FOREIGN, "mfe_ndisfilt", "gone", "oem13.inf", mandatory=True, old=True), {}, Status.FAILED,
            FOREIGN, "mfe_ndisfilt: no service gone",
        ),
        (
            network_filter(FOREIGN, "mfe_ndisfilt", "gone", "oem13.inf", mandatory=False, old=True), {}, Status.WARNING,
            FOREIGN, "mfe_ndisfilt: no service gone",
        ),
        ({rf"{SERVICES}\WFPLWFS": {"Start": 4}}, {}, Status.FAILED, FILTER, "MS_WfpLwf: WFPLWFS is disabled"),
        ({rf"{SERVICES}\Psched": {"Start": 4}}, {}, Status.WARNING, SCHEDULER, "MS_PACER: Psched is disabled"),
        (
            {rf"{FILTER}\Ndi": {"Service": "gone"}, FILTERS: None}, {}, Status.WARNING, FILTER,
            "MS_WfpLwf: no service gone",
        ),
    ],
)  # fmt: skip
def test_filters_of_network_cards(system: Keys, files: Any, status: Status, key: str, seen: str) -> None:
    verdict = windows_network_filters_lead_to_drivers(golden(system, files=files))
    assert (verdict.status, verdict.evidence[0].seen) == (status, seen)
    assert verdict.evidence[0].place.key == rf"{key}\Ndi\Service"


def test_what_is_no_filter_of_ethernet_and_what_is_switched_off_is_left_out() -> None:
    server: Keys = {rf"{NETWORK}\{{03F0DBAD-C963-4EB4-8510-DD8D23454D85}}\Ndi": {"Service": "gone"}}
    wireless = dict(network_filter(FOREIGN, "ms_nativewifip", "gone", "netnwifi.inf", mandatory=True))
    wireless[rf"{FOREIGN}\Ndi\Interfaces"] = {"FilterMediaTypes": "wlan, vwifi"}
    later = rf"{FILTERS}\{SCHEDULER.rpartition(chr(92))[2]}\Kernel"
    off: Keys = {rf"{SERVICES}\Psched": {"Start": 4}, later: {"NoStartAtBoot": 1}}
    for keys in (server, wireless, off):
        assert windows_network_filters_lead_to_drivers(golden(keys)).status is Status.OK


def test_a_windows_without_any_filter_is_not_known() -> None:
    verdict = windows_network_filters_lead_to_drivers(golden({FILTER: None, SCHEDULER: None}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_real_hive_of_windows_10_is_read(tmp_path: Path) -> None:
    """It keeps elsewhere which filters are mandatory: those for which no `Optional` stands there."""
    hive = sample(SYSTEM_HIVE, tmp_path / "SYSTEM").read_bytes()
    facts = Facts({Guest: windows_of({}, {"x": {}}, {f"{CONFIG}/SYSTEM": hive})}, COLLECTORS)
    filters = windows_network_filters_lead_to_drivers(facts)
    assert filters.status is Status.FAILED
    assert [it.seen for it in filters.evidence] == [
        f"{name}: the file of {service} does not exist"
        for name, service in (
            ("ms_wfplwf_lower", "WfpLwfs"), ("ms_wfplwf_upper", "WfpLwfs"),
            ("ms_ndiscap", "NdisCap"), ("ms_pacer", "Psched"),
        )
    ]  # fmt: skip
