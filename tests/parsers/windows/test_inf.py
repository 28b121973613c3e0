"""INF files of driver packages: the syntax that Microsoft documents, and what is no INF file."""

from __future__ import annotations

import random

import pytest

from parsers.place import Place
from parsers.windows.inf import MAX_SIZE, Inf, parse_inf

SAMPLE = r"""; a driver of a disk
[Version]
Signature="$WINDOWS NT$"
Class=SCSIAdapter
ClassGUID={4D36E97B-E325-11CE-BFC1-08002BE10318}
Provider=%VENDOR%            ; who made it
DriverVer=09/12/2023,100.94.104.24500
CatalogFile = viostor.cat
CatalogFile.ntx86 = viostor32.cat
CatalogFile.ntamd64 = viostor.cat

[SourceDisksNames]
1 = %disk_id%,,,""

[Manufacturer]
%VENDOR%   = VioStor,NTamd64.6.2, NTamd64.10.0...16299,NTARM64

[VioStor]

[VioStor.NTamd64.6.2]
%DISK% = rhelscsi_inst, PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00, PCI\VEN_1AF4&DEV_1001
%DISK% = rhelscsi_inst, pci\ven_1af4&dev_1042&subsys_11001af4&rev_01

[VioStor.NTARM64]
"A ""plain"" name" = rhelscsi_arm, \
    PCI\VEN_1AF4&DEV_1042

[rhelscsi_inst.Services]
AddService = viostor, %SPSVCINST_ASSOCSERVICE%, scsi_Service_Inst, "quoted; no comment, one value"
HKR, "Parameters\PnpInterface", "5", 0x00010001, 0x00000001

[VERSION]
PnpLockdown = 1

[Strings]
VENDOR = "Red Hat, Inc."
DISK   = "Red Hat VirtIO SCSI controller"
disk_id = "100% %%VENDOR%%"
SPSVCINST_ASSOCSERVICE = 0x00000002
"""


def parsed(text: str) -> Inf:
    return parse_inf(text.encode("cp1252"), "viostor.inf")


def test_the_version_of_the_driver() -> None:
    inf = parsed(SAMPLE)
    assert inf.driver_version == (100, 94, 104, 24500)
    assert inf.driver_date == (2023, 9, 12)
    assert inf.text("version", "CLASS") == "SCSIAdapter"
    assert inf.text("Version", "Provider") == "Red Hat, Inc."
    assert inf.text("Version", "PnpLockdown") == "1"
    assert inf.catalogs == ("viostor.cat", "viostor32.cat")
    entry = inf.entry("Version", "DriverVer")
    assert entry is not None
    assert entry.place == Place("viostor.inf", line=7)
    assert inf.problems == ()


def test_devices_of_all_systems() -> None:
    inf = parsed(SAMPLE)
    assert [(device.models, device.section, device.description) for device in inf.devices()] == [
        ("VioStor.NTamd64.6.2", "rhelscsi_inst", "Red Hat VirtIO SCSI controller"),
        ("VioStor.NTamd64.6.2", "rhelscsi_inst", "Red Hat VirtIO SCSI controller"),
        ("VioStor.NTARM64", "rhelscsi_arm", 'A "plain" name'),
    ]
    assert [device.ids for device in inf.devices()] == [
        (r"PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00", r"PCI\VEN_1AF4&DEV_1001"),
        (r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",),
        (r"PCI\VEN_1AF4&DEV_1042",),
    ]
    assert [device.place.line for device in inf.devices()] == [21, 22, 25]


def test_the_service_that_is_the_driver_of_a_device() -> None:
    inf = parsed(SAMPLE)
    assert inf.service("RHELSCSI_inst") == "viostor"
    assert inf.service("rhelscsi") is None
    assert inf.service("rhelscsi_arm") is None
    assert parsed("[a.NTamd64.Services]\nAddService = b, 2, c").service("a") == "b"


@pytest.mark.parametrize(
    "line", ["AddService = b", "AddService = b,,c", "AddService = b, 0, c", "AddService = , 2", ""]
)
def test_a_service_that_only_comes_with_a_device_is_not_its_driver(line: str) -> None:
    assert parsed(f"[a.Services]\n{line}\nAddService = b, 0x00000800, c").service("a") is None


def test_quotes_tokens_and_empty_values() -> None:
    inf = parsed(SAMPLE)
    (service, registry) = inf.sections["rhelscsi_inst.services"]
    assert service.values == ("viostor", "0x00000002", "scsi_Service_Inst", "quoted; no comment, one value")
    assert (registry.key, registry.values[1:3]) == ("", (r"Parameters\PnpInterface", "5"))
    disk = inf.entry("SourceDisksNames", "1")
    assert disk is not None
    assert disk.values == ("100% %%VENDOR%%", "", "", "")
    assert parsed("[Version]\na = %%, 5%%, %none%").sections["version"][0].values == ("%", "5%", "%none%")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_encodings(encoding: str) -> None:
    inf = parse_inf("[Version]\r\nProvider = Müller\r\n".encode(encoding))
    assert inf.text("Version", "Provider") == "Müller"
    assert inf.problems == ()


@pytest.mark.parametrize(
    ("text", "version", "date"),
    [
        ("DriverVer = 10/01/2002", None, (2002, 10, 1)),
        ("DriverVer = 10-01-2002,1.2", (1, 2, 0, 0), (2002, 10, 1)),
        ("DriverVer = 10/01/2002, 6.1.7600.16385", (6, 1, 7600, 16385), (2002, 10, 1)),
        ("DriverVer = ,1.2.3.x", None, None),
        ("DriverVer = 2002,1.2.3.4.5", None, None),
        ("DriverVer", None, None),
        ("DriverVer =", None, None),
    ],
)
def test_versions_and_dates(text: str, version: tuple[int, ...] | None, date: tuple[int, ...] | None) -> None:
    inf = parsed(f"[Version]\n{text}")
    assert (inf.driver_version, inf.driver_date) == (version, date)


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (b"", ["the section Version wanted, none found"]),
        (b"x = 1\n[Version]\n", ["a section wanted, 'x = 1' found"]),
        (b"x" * (MAX_SIZE + 1), ["at most 4194304 bytes wanted, 4194305 found"]),
        (b"[Version]\n" + b"a\n" * 100_001, ["at most 100000 entries wanted"]),
        (
            b"\x7fELF\0\1\2",
            ["a section wanted, '\\x7fELF\\x00\\x01\\x02' found", "the section Version wanted, none found"],
        ),
    ],
)
def test_what_is_no_inf_file_is_said(data: bytes, messages: list[str]) -> None:
    assert [problem.message for problem in parse_inf(data).problems] == messages


@pytest.mark.parametrize("piece", ['"', '""', "%", "\\\n", ",", "=", "[", "a,", '"a', "%%", "[a]\n", '"\\\n'])
def test_long_nonsense_is_read_to_its_end(piece: str) -> None:
    parse_inf(b"[Version]\nx = " + piece.encode() * (100_000 // len(piece)))


def test_tokens_do_not_make_much_of_little() -> None:
    inf = parsed("[Version]\nx = " + "%a%" * 100_000 + '\n[Strings]\na = "' + "x" * 100_000 + '"')
    assert sum(len(value) for item in inf.sections["version"] for value in item.values) < 2 * MAX_SIZE
    assert "in place of tokens" in inf.problems[0].message


def test_damage_raises_nothing() -> None:
    raw = SAMPLE.encode()
    for seed in range(1000):
        dice = random.Random(seed)
        data = bytearray(raw)
        for _ in range(dice.randrange(1, 8)):
            data[dice.randrange(len(data))] = dice.choice(b'"%\\[];=,\n\0\xff')
        inf = parse_inf(bytes(data[: dice.randrange(len(data) + 1)]))
        list(inf.devices())
        _ = (inf.driver_version, inf.driver_date, inf.catalogs)
