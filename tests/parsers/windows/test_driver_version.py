r"""The value `Version` of driver packages, as three machines have it: what their INF files say is known."""

from __future__ import annotations

import pytest

from parsers.place import ParseError, Place
from parsers.windows.driver_version import DriverVersion, parse_driver_version

PLACE = Place(r"C:\Windows\System32\config\SYSTEM", key=r"DriverDatabase\DriverPackages\x\Version")
SCSI = "{4d36e97b-e325-11ce-bfc1-08002be10318}"
NET = "{4d36e972-e325-11ce-bfc1-08002be10318}"
SEEN = {
    "00ff0900000000007be9364d25e3ce11bfc108002be10318004090ed877fcf01982168"
    "0047003e000000000000000000": DriverVersion("x86_64", SCSI, (2014, 6, 4), (62, 71, 104, 8600)),
    "00ff0900000000007be9364d25e3ce11bfc108002be1031800c0978c0fe7d701fc5368"
    "005a0064000000000000000000": DriverVersion("x86_64", SCSI, (2021, 12, 2), (100, 90, 104, 21500)),
    "00ff09000000000072e9364d25e3ce11bfc108002be1031800008ec386b8d601384a68"
    "00530064000000000000000000": DriverVersion("x86_64", NET, (2020, 11, 12), (100, 83, 104, 19000)),
    "00ff0900000000007be9364d25e3ce11bfc108002be10318"
    + "00" * 24: DriverVersion("x86_64", SCSI, None, None),  # a package that was written by hand, for one start
}  # fmt: skip


@pytest.mark.parametrize("data", SEEN, ids=["2014", "2021", "2020", "by-hand"])
def test_what_real_packages_say(data: str) -> None:
    assert parse_driver_version(bytes.fromhex(data), PLACE) == SEEN[data]


@pytest.mark.parametrize(("number", "machine"), [(0, "i386"), (12, "aarch64"), (77, "77")])
def test_the_machine(number: int, machine: str) -> None:
    data = b"\0\xff" + number.to_bytes(2, "little") + bytes(44)
    assert parse_driver_version(data, PLACE).machine == machine


@pytest.mark.parametrize("data", [b"", bytes(47), bytes(49), bytes(24) + b"\xff" * 8 + bytes(16)])
def test_what_is_no_version(data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse_driver_version(data, PLACE)
    assert caught.value.place is PLACE
