r"""A BCD store: what the Windows boot manager starts, from where, and how.

Specification: Microsoft, "Boot Configuration Data Reference" (BcdStore, BcdObject, BcdElement and the enumerations of
element types: BcdLibrary-, BcdBootMgr-, BcdOSLoader-, BcdResume- and BcdDeviceObjectElementTypes). The store is a hive:
`Objects\{id}\Description\Type` and `Objects\{id}\Elements\<type>\Element`. Text and GUIDs are stored as text, booleans
as one byte, integers as eight, devices as `bcd_device` has them. An element that an object lacks is looked up in the
objects that it inherits from. Names of elements are those that bcdedit prints.
Not done: variables of the firmware, which a store only copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.boot.bcd_device import BcdDevice, parse_bcd_device
from parsers.place import ParseError, Place, Problem
from parsers.windows.registry import Hive, HiveState, Key, Value

MAX_OBJECTS: Final = 4096
MAX_INHERITED: Final = 64

BOOT_MANAGER: Final = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
ALIASES: Final = {
    BOOT_MANAGER: "{bootmgr}",
    "{a5a30fa2-3d06-4e9f-b5f4-a01df9d1fcba}": "{fwbootmgr}",
    "{b2721d73-1db4-4c62-bf78-c548a880142d}": "{memdiag}",
    "{466f5a88-0af2-4f76-9038-095b170dc21c}": "{ntldr}",
    "{4636856e-540f-4170-a130-a84776f4c654}": "{dbgsettings}",
    "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}": "{emssettings}",
    "{5189b25c-5558-4bf2-bca4-289b11bd29e2}": "{badmemory}",
    "{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}": "{globalsettings}",
    "{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}": "{bootloadersettings}",
    "{1afa9c49-16ab-4a5c-901b-212802da9460}": "{resumeloadersettings}",
    "{7ff607e0-4395-11db-b0de-0800200c9a66}": "{hypervisorsettings}",
}
"""What bcdedit calls the objects that every store may have."""

DEVICE: Final = 0x11000001
PATH: Final = 0x12000002
DESCRIPTION: Final = 0x12000004
LOCALE: Final = 0x12000005
INHERIT: Final = 0x14000006
TRUNCATE_MEMORY: Final = 0x15000007
RECOVERY_SEQUENCE: Final = 0x14000008
RECOVERY_ENABLED: Final = 0x16000009
BOOT_DEBUG: Final = 0x16000010
BOOT_EMS: Final = 0x16000020
EMS_PORT: Final = 0x15000022
EMS_BAUD_RATE: Final = 0x15000023
LOAD_OPTIONS: Final = 0x12000030
ADVANCED_OPTIONS: Final = 0x16000040
OPTIONS_EDIT: Final = 0x16000041
NO_INTEGRITY_CHECKS: Final = 0x16000048
TEST_SIGNING: Final = 0x16000049
DISPLAY_ORDER: Final = 0x24000001
BOOT_SEQUENCE: Final = 0x24000002
DEFAULT: Final = 0x23000003
TIMEOUT: Final = 0x25000004
ATTEMPT_RESUME: Final = 0x26000005
BOOT_MANAGER_RESUME_OBJECT: Final = 0x23000006
DISPLAY_BOOT_MENU: Final = 0x26000020
OS_DEVICE: Final = 0x21000001
SYSTEM_ROOT: Final = 0x22000002
RESUME_OBJECT: Final = 0x23000003
KERNEL: Final = 0x22000011
HAL: Final = 0x22000012
NX: Final = 0x25000020
WIN_PE: Final = 0x26000022
REMOVE_MEMORY: Final = 0x25000031
ONE_PROCESSOR: Final = 0x26000060
PROCESSORS: Final = 0x25000061
SAFE_BOOT: Final = 0x25000080
SAFE_BOOT_ALTERNATE_SHELL: Final = 0x26000081
DEBUG: Final = 0x260000A0
EMS: Final = 0x260000B0
BOOT_STATUS_POLICY: Final = 0x250000E0
SDI_DEVICE: Final = 0x31000003
SDI_PATH: Final = 0x32000004

_LIBRARY_NAMES: Final = {
    DEVICE: "device", PATH: "path", DESCRIPTION: "description", LOCALE: "locale", INHERIT: "inherit",
    TRUNCATE_MEMORY: "truncatememory", RECOVERY_SEQUENCE: "recoverysequence", RECOVERY_ENABLED: "recoveryenabled",
    BOOT_DEBUG: "bootdebug", 0x15000011: "debugtype", 0x15000013: "debugport", 0x15000014: "baudrate",
    BOOT_EMS: "bootems", EMS_PORT: "emsport", EMS_BAUD_RATE: "emsbaudrate", LOAD_OPTIONS: "loadoptions",
    ADVANCED_OPTIONS: "advancedoptions", OPTIONS_EDIT: "optionsedit", 0x16000046: "graphicsmodedisabled",
    NO_INTEGRITY_CHECKS: "nointegritychecks", TEST_SIGNING: "testsigning",
    0x16000060: "isolatedcontext",
}  # fmt: skip
_BOOT_MANAGER_NAMES: Final = {
    DISPLAY_ORDER: "displayorder", BOOT_SEQUENCE: "bootsequence", DEFAULT: "default", TIMEOUT: "timeout",
    ATTEMPT_RESUME: "resume", BOOT_MANAGER_RESUME_OBJECT: "resumeobject", 0x24000010: "toolsdisplayorder",
    DISPLAY_BOOT_MENU: "displaybootmenu", 0x21000022: "bcddevice", 0x22000023: "bcdfilepath",
    0x26000031: "persistbootsequence",
}  # fmt: skip
_LOADER_NAMES: Final = {
    OS_DEVICE: "osdevice", SYSTEM_ROOT: "systemroot", RESUME_OBJECT: "resumeobject", 0x26000010: "detecthal",
    0x22000011: "kernel", 0x22000012: "hal", NX: "nx", 0x25000021: "pae", WIN_PE: "winpe",
    0x26000025: "lastknowngood", REMOVE_MEMORY: "removememory", 0x26000040: "vga", PROCESSORS: "numproc",
    ONE_PROCESSOR: "onecpu",
    SAFE_BOOT: "safeboot", SAFE_BOOT_ALTERNATE_SHELL: "safebootalternateshell", 0x26000090: "bootlog",
    0x26000091: "sos", DEBUG: "debug", EMS: "ems", 0x250000C1: "driverloadfailurepolicy",
    0x250000C2: "bootmenupolicy", BOOT_STATUS_POLICY: "bootstatuspolicy", 0x250000F0: "hypervisorlaunchtype",
}  # fmt: skip
_RESUME_NAMES: Final = {
    0x21000001: "filedevice", 0x22000002: "filepath", 0x26000003: "customsettings", 0x21000005: "associatedosdevice",
    0x26000006: "debugoptionenabled", 0x25000008: "bootmenupolicy",
}  # fmt: skip
_DEVICE_NAMES: Final = {
    0x35000001: "ramdiskimageoffset", SDI_DEVICE: "ramdisksdidevice", SDI_PATH: "ramdisksdipath",
    0x35000005: "ramdiskimagelength",
}  # fmt: skip

_APPLICATION: Final = 0x1
_DEVICE_OBJECT: Final = 0x3
_DEVICE_FORMAT, _STRING, _OBJECT, _OBJECT_LIST, _INTEGER, _BOOLEAN, _INTEGER_LIST = range(1, 8)
_BOOT_MANAGERS: Final = (1, 2)
_OS_LOADER: Final = 3
_RESUME: Final = 4

ElementValue = str | int | bool | tuple[str, ...] | tuple[int, ...] | BcdDevice


class BcdElement(msgspec.Struct, frozen=True):
    """An element of an object: its type as Microsoft numbers it, where it stands, and what it says."""

    type: int
    place: Place
    value: ElementValue


class BcdObject(msgspec.Struct, frozen=True):
    """An object: its id in braces and lower case, its type, where it stands, and its elements by type."""

    id: str
    type: int
    place: Place
    elements: dict[int, BcdElement]

    @property
    def is_boot_manager(self) -> bool:
        """Whether it is the Windows boot manager, or the firmware's."""
        return self.type >> 28 == _APPLICATION and self.type & 0xFFFFF in _BOOT_MANAGERS

    @property
    def is_os_loader(self) -> bool:
        """Whether it starts a Windows: winload."""
        return self.type >> 28 == _APPLICATION and self.type & 0xFFFFF == _OS_LOADER

    def name_of(self, element: int) -> str:
        """Return what bcdedit calls an element type of this object; a number where it has no name here."""
        names = _LOADER_NAMES
        if self.is_boot_manager:
            names = _BOOT_MANAGER_NAMES
        elif self.type >> 28 == _DEVICE_OBJECT:
            names = _DEVICE_NAMES
        elif self.type >> 28 == _APPLICATION and self.type & 0xFFFFF == _RESUME:
            names = _RESUME_NAMES
        return _LIBRARY_NAMES.get(element) or names.get(element) or f"custom:{element:08x}"


class BcdStore(msgspec.Struct, frozen=True):
    """A store: its objects by id, what could not be read, and whether its hive was written to its end."""

    name: str
    objects: dict[str, BcdObject]
    problems: tuple[Problem, ...]
    state: HiveState

    @property
    def boot_manager(self) -> BcdObject | None:
        """The object {bootmgr}."""
        return self.objects.get(BOOT_MANAGER)

    @property
    def default(self) -> BcdObject | None:
        """The object that is started unless someone chooses another; None where the store names none that it has.

        That is `default` of {bootmgr}, or the first of its `displayorder` where there is none.
        """
        manager = self.boot_manager
        if manager is None:
            return None
        default = manager.elements.get(DEFAULT)
        if default is not None:
            return self.objects.get(str(default.value))
        listed = self.listed(manager, DISPLAY_ORDER)
        return self.objects.get(listed[0]) if listed else None

    def listed(self, item: BcdObject, element: int) -> tuple[str, ...]:
        """Return the ids that a list of objects has; none where the object has no such list."""
        found = self.element(item, element)
        return tuple(map(str, found.value)) if found and isinstance(found.value, tuple) else ()

    def element(self, item: BcdObject, element: int) -> BcdElement | None:
        """Return an element of an object, or of the first object it inherits from that has it; None where none has."""
        seen = {item.id}
        queue = [item]
        while queue and len(seen) <= MAX_INHERITED:
            current = queue.pop(0)
            if found := current.elements.get(element):
                return found
            inherited = current.elements.get(INHERIT)
            for name in map(str, inherited.value) if inherited and isinstance(inherited.value, tuple) else ():
                if name in self.objects and name not in seen:
                    seen.add(name)
                    queue.append(self.objects[name])
        return None


def parse_bcd(hive: Hive) -> BcdStore:
    """Read a store. Raises ParseError where the hive is none: it has no key Objects."""
    objects = hive.key("Objects")
    if objects is None:
        raise ParseError(Place(hive.name), "a BCD store wanted, a hive without the key Objects found")
    problems: list[Problem] = []
    found: dict[str, BcdObject] = {}
    for key in objects.subkeys():
        if len(found) >= MAX_OBJECTS:
            problems.append(Problem(key.place, f"at most {MAX_OBJECTS} objects wanted"))
            break
        try:
            item = _object(key, problems)
        except ParseError as error:
            problems.append(Problem(error.place, error.message))
            continue
        found[item.id] = item
    return BcdStore(hive.name, found, (*problems, *hive.problems), hive.state)


def _object(key: Key, problems: list[Problem]) -> BcdObject:
    description = key.subkey("Description")
    kind = description.value("Type") if description else None
    number = kind.number if kind else None
    if number is None:
        raise ParseError(key.place, r"the type of the object wanted in Description\Type, none found")
    elements = {}
    for element in _element_keys(key):
        try:
            read = _element(element)
        except ParseError as error:
            problems.append(Problem(error.place, error.message))
            continue
        elements[read.type] = read
    return BcdObject(key.name.lower(), number, key.place, elements)


def _element_keys(key: Key) -> Iterator[Key]:
    elements = key.subkey("Elements")
    if elements is not None:
        yield from elements.subkeys()


def _element(key: Key) -> BcdElement:
    try:
        number = int(key.name, 16)
    except ValueError:
        raise ParseError(key.place, f"the number of an element wanted, {key.name!r} found") from None
    value = key.value("Element")
    if value is None:
        raise ParseError(key.place, "the value Element wanted, none found")
    return BcdElement(number, value.place, _decoded(number >> 24 & 0xF, value))


def _decoded(form: int, value: Value) -> ElementValue:
    """Return what a value says in the form that the element's type names. Raises ParseError where it does not."""
    if form == _DEVICE_FORMAT:
        return parse_bcd_device(value.data, value.place)
    if form in (_STRING, _OBJECT) and value.text is not None:
        return value.text.lower() if form == _OBJECT else value.text
    if form == _OBJECT_LIST and value.texts is not None:
        return tuple(text.lower() for text in value.texts)
    if form == _BOOLEAN and value.size >= 1:
        return value.data[0] != 0
    if form == _INTEGER and 1 <= value.size <= 8:
        return int.from_bytes(value.data, "little")
    if form == _INTEGER_LIST and value.size % 8 == 0:
        return tuple(int.from_bytes(value.data[at : at + 8], "little") for at in range(0, value.size, 8))
    raise ParseError(value.place, f"data of format {form} wanted, {value.size} bytes of {value.type_name} found")
