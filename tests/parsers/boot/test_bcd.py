"""Boot stores: a real one of Windows 10, and built ones with each kind of element and damage."""

from __future__ import annotations

import random
import uuid
from contextlib import suppress

import pytest

from parsers.boot import bcd
from parsers.boot.bcd import ALIASES, BOOT_MANAGER, BcdStore, parse_bcd
from parsers.boot.bcd_device import BcdDevice, BcdDeviceKind
from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.registry import open_hive
from tests.parsers.boot.test_bcd_device import MBR, NO_OPTIONS, gpt
from tests.parsers.windows.registry.building import Builder, Node, text
from tests.parsers.windows.registry.dumped import known, opened

LOADER = "{733b62e5-f608-11eb-825c-c112f60133ab}"
SZ, BINARY, DWORD, MULTI = 1, 3, 4, 7


def element(kind: int, data: bytes) -> Node:
    return Node(values=[("Element", kind, data)])


def thing(kind: int, **elements: Node) -> Node:
    """Return an object; the names of its elements begin with an x."""
    inner = {name.removeprefix("x"): node for name, node in elements.items()}
    description = Node(values=[("Type", DWORD, kind.to_bytes(4, "little"))])
    return Node({"Description": description, "Elements": Node(inner)})


def sample() -> dict[str, Node]:
    yes, no = element(BINARY, b"\1"), element(BINARY, b"\0")
    return {
        BOOT_MANAGER: thing(
            0x10100002, x11000001=element(BINARY, NO_OPTIONS + gpt()), x23000003=element(SZ, text(LOADER.upper())),
            x24000001=element(MULTI, text(LOADER) + b"\0\0"), x25000004=element(BINARY, (30).to_bytes(8, "little")),
            x14000006=element(MULTI, text("{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}") + b"\0\0"),
        ),
        LOADER.upper(): thing(
            0x10200003, x11000001=element(BINARY, MBR), x12000002=element(SZ, text(r"\Windows\system32\winload.exe")),
            x21000001=element(BINARY, MBR), x22000002=element(SZ, text(r"\Windows")), x16000049=yes,
            x25000080=element(BINARY, (1).to_bytes(8, "little")), x16000009=no,
            x14000006=element(MULTI, text("{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}") + b"\0\0"),
            x17000077=element(BINARY, bytes.fromhex("75000015000000007600001500000000")),
        ),
        "{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}": thing(
            0x20200003, x14000006=element(MULTI, text("{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}") + b"\0\0"),
        ),
        "{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}": thing(
            0x20100000, x16000020=yes,
            x14000006=element(MULTI, text("{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}") + b"\0\0"),
        ),
    }  # fmt: skip


def store(objects: dict[str, Node]) -> BcdStore:
    return parse_bcd(open_hive(Memory(Builder().build(Node({"Objects": Node(objects)})), "BCD")))


def test_the_default_entry_and_what_it_says() -> None:
    found = store(sample())
    default = found.default
    assert default is not None
    assert default.id == LOADER
    assert default.is_os_loader
    assert not default.is_boot_manager
    assert found.boot_manager is not None
    assert found.boot_manager.is_boot_manager
    assert found.listed(found.boot_manager, bcd.DISPLAY_ORDER) == (LOADER,)
    values = {default.name_of(number): item.value for number, item in default.elements.items()}
    device = BcdDevice(BcdDeviceKind.PARTITION, "mbr", "b3eba8f1", offset=368050176)
    assert values == {
        "device": device, "osdevice": device, "path": r"\Windows\system32\winload.exe", "systemroot": r"\Windows",
        "testsigning": True, "safeboot": 1, "recoveryenabled": False, "custom:17000077": (0x15000075, 0x15000076),
        "inherit": ("{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}",),
    }  # fmt: skip
    assert found.problems == ()


def test_names_depend_on_the_object() -> None:
    found = store(sample())
    assert found.boot_manager is not None
    assert found.default is not None
    assert found.boot_manager.name_of(0x23000003) == "default"
    assert found.default.name_of(0x23000003) == "resumeobject"


def test_elements_are_inherited_in_circles_too() -> None:
    found = store(sample())
    assert found.default is not None
    ems = found.element(found.default, bcd.BOOT_EMS)
    assert ems is not None
    assert ems.value is True
    assert str(ems.place) == r"BCD Objects\{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}\Elements\16000020\Element"
    assert found.element(found.default, bcd.WIN_PE) is None


def test_without_a_default_the_first_of_the_menu_is_started() -> None:
    objects = sample()
    del objects[BOOT_MANAGER].subkeys["Elements"].subkeys["23000003"]
    default = store(objects).default
    assert default is not None
    assert default.id == LOADER
    del objects[BOOT_MANAGER].subkeys["Elements"].subkeys["24000001"]
    assert store(objects).default is None


def test_a_default_that_is_not_there_is_none() -> None:
    objects = sample()
    del objects[LOADER.upper()]
    assert store(objects).default is None
    del objects[BOOT_MANAGER]
    assert store(objects).default is store(objects).boot_manager is None


@pytest.mark.parametrize(
    ("name", "node", "message"),
    [
        ("11000001", element(BINARY, b"short"), "a device of 32 bytes wanted"),
        ("12000002", element(BINARY, b"x"), "data of format 2 wanted, 1 bytes of REG_BINARY found"),
        ("16000009", element(BINARY, b""), "data of format 6 wanted"),
        ("25000080", element(BINARY, bytes(9)), "data of format 5 wanted"),
        ("17000077", element(BINARY, bytes(9)), "data of format 7 wanted"),
        ("14000006", element(SZ, text("x")), "data of format 4 wanted"),
        ("18000006", element(SZ, text("x")), "data of format 8 wanted"),
        ("12000002", Node(), "the value Element wanted"),
        ("path", element(SZ, text("x")), "the number of an element wanted, 'path' found"),
    ],
)
def test_an_element_that_is_broken_does_not_hide_the_others(name: str, node: Node, message: str) -> None:
    objects = sample()
    objects[LOADER.upper()].subkeys["Elements"].subkeys[name] = node
    found = store(objects)
    assert [problem for problem in found.problems if message in problem.message]
    assert found.default is not None
    assert found.default.elements[bcd.SYSTEM_ROOT].value == r"\Windows"


def test_an_object_without_a_type_is_said() -> None:
    objects = sample() | {"{00000000-0000-0000-0000-000000000000}": Node({"Elements": Node()})}
    found = store(objects)
    assert len(found.objects) == 4
    assert "the type of the object" in found.problems[0].message


def test_another_hive_is_no_store() -> None:
    with pytest.raises(ParseError, match="without the key Objects"):
        parse_bcd(open_hive(Memory(Builder().build(Node({"Select": Node()})), "SYSTEM")))


def test_damage_raises_nothing_else() -> None:
    raw = Builder().build(Node({"Objects": Node(sample())}))
    for seed in range(300):
        dice = random.Random(seed)
        data = bytearray(raw)
        for _ in range(dice.randrange(1, 5)):
            data[dice.randrange(4096, len(data))] = dice.choice((0, 255, dice.randrange(256)))
        with suppress(ParseError):
            found = parse_bcd(open_hive(Memory(bytes(data))))
            if found.default:
                found.element(found.default, bcd.BOOT_EMS)


@pytest.mark.corpus
def test_a_real_store() -> None:
    found = parse_bcd(opened("known", known("hv-rp-BCD")))
    assert found.problems == ()
    assert len(found.objects) == 17
    default = found.default
    assert default is not None
    assert default.elements[bcd.DESCRIPTION].value == "Windows 10"
    assert default.elements[bcd.PATH].value == r"\Windows\system32\winload.efi"
    recovery = found.objects[found.listed(default, bcd.RECOVERY_SEQUENCE)[0]]
    device = recovery.elements[bcd.OS_DEVICE].value
    assert isinstance(device, BcdDevice)
    assert device.path == r"\Recovery\WindowsRE\Winre.wim"
    assert device.parent is not None
    assert device.options in found.objects
    assert {"{bootmgr}", "{fwbootmgr}", "{memdiag}"} <= {ALIASES.get(name) for name in found.objects}


@pytest.mark.corpus
def test_a_real_store_names_the_partition_that_the_firmware_names() -> None:
    """The store keeps the firmware's variables: their device paths (UEFI 2.10, 10.3.5.1) have the partition's GUID."""
    hive = opened("known", known("hv-rp-BCD"))
    found = parse_bcd(hive)
    compared = 0
    for name, item in found.objects.items():
        description = hive.key(f"Objects\\{name}\\Description")
        assert description is not None
        variable = description.value("FirmwareVariable")
        device = item.elements.get(bcd.DEVICE)
        if variable is None or device is None or (at := variable.data.find(bytes.fromhex("04012a00"))) < 0:
            continue
        assert isinstance(device.value, BcdDevice)
        assert device.value.partition == str(uuid.UUID(bytes_le=variable.data[at + 24 : at + 40]))
        compared += 1
    assert compared == 4


@pytest.mark.corpus
def test_elements_have_the_names_that_bcdedit_prints_of_each_kind_of_object() -> None:
    found = parse_bcd(opened("known", known("hv-rp-BCD")))
    resume = found.objects["{733b62e4-f608-11eb-825c-c112f60133ab}"]
    assert {resume.name_of(number) for number in resume.elements} >= {"filedevice", "filepath", "bootmenupolicy"}
    options = found.objects["{733b62e7-f608-11eb-825c-c112f60133ab}"]
    assert [options.name_of(number) for number in options.elements] == [
        "description", "ramdisksdidevice", "ramdisksdipath",
    ]  # fmt: skip
