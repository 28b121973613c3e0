from __future__ import annotations

import pytest

from fixtures.windows.hive import Keys
from inspector.rules.windows.identity import RULES
from inspector.verdict import Status
from tests.windows import golden

pytestmark = pytest.mark.corpus

(RULE,) = RULES
STATE = r"Microsoft\Windows\CurrentVersion\Setup\State"
GENERALISED: Keys = {STATE: {"ImageState": "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"}}
IDS: Keys = {
    r"Microsoft\Cryptography": {"MachineGuid": "5b9c1d5a-0000-4000-8000-1c2d3e4f5a6b"},
    r"Microsoft\Windows\CurrentVersion\WindowsUpdate": {"SusClientId": "11111111-2222-4333-8444-555555555555"},
}
MOUNTED: Keys = {"MountedDevices": {r"\DosDevices\C:": b"\1\2\3\4" + bytes(8)}}


def test_what_copies_share() -> None:
    verdict = RULE(golden(MOUNTED, IDS))
    assert (verdict.status, verdict.known) == (Status.WARNING, True)
    assert [item.place.key for item in verdict.evidence] == [
        r"SAM\Domains\Account\V",
        r"Microsoft\Cryptography\MachineGuid",
        r"Microsoft\Windows\CurrentVersion\WindowsUpdate\SusClientId",
        "MountedDevices",
        rf"{STATE}\ImageState",
    ]
    assert verdict.evidence[0].seen.startswith("the machine's SID: S-1-5-21-")
    assert verdict.evidence[0].place.path == r"C:\Windows\System32\config\SAM"
    assert verdict.evidence[3].seen == "1 volumes and drive letters"


def test_a_machine_without_the_other_ids_has_its_sid() -> None:
    verdict = RULE(golden())
    assert (verdict.status, len(verdict.evidence)) == (Status.WARNING, 2)


def test_sysprep_makes_them_anew() -> None:
    assert RULE(golden(MOUNTED, {**IDS, **GENERALISED})).status is Status.OK


def test_without_a_state_it_is_not_known() -> None:
    verdict = RULE(golden(software={STATE: None}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
