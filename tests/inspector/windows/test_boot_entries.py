"""Where entries of a boot store lead on the disk of the golden Windows; the rules test what is said of it."""

from __future__ import annotations

from typing import Final

import pytest

from fixtures.windows import bcd
from fixtures.windows.hive import Data
from inspector.facts.windows_boot import WindowsLoader
from inspector.windows.boot_entries import BootEntries, BrokenEntry
from parsers.boot.bcd import OS_DEVICE, BcdObject, parse_bcd
from parsers.place import Place
from parsers.source import Memory
from parsers.windows.registry import open_hive
from tests.volumes import SIZE
from tests.windows import SIGNATURE, golden_storage, hive

pytestmark = pytest.mark.corpus

WINDOWS: Final = bcd.mbr_device(SIGNATURE, 2 * SIZE)
BOOT_DEVICE: Final = bytes(16) + bytes.fromhex("05000000 00000000 48000000 00000000") + bytes(0x38)


def opened(entry: dict[str, Data]) -> tuple[BootEntries, BcdObject]:
    store = parse_bcd(open_hive(Memory(hive(bcd.store(WINDOWS, WINDOWS, entry=entry)), r"\Boot\BCD")))
    place = Place(r"\Boot\BCD", volume="sda1")
    loader = WindowsLoader("bios", "sda1", place, None, place, store, None)
    assert store.default
    return BootEntries(golden_storage(), loader, store), store.default


@pytest.mark.parametrize(
    ("device", "name"), [(WINDOWS, "sda2"), (BOOT_DEVICE, "sda1"), (bcd.located_device(0x22000002), "sda2")]
)
def test_a_device_is_a_volume(device: bytes, name: str) -> None:
    entries, entry = opened({"21000001": device})
    element = entries.element(entry, OS_DEVICE)
    assert element
    assert entries.volume(entry, element).name == name


def test_an_entry_leads_to_its_program() -> None:
    entries, entry = opened({})
    assert entries.follow(entry) == Place(r"\Windows\system32\winload.exe", volume="sda2")
    assert entries.damage is None
    assert str(entries.place(entry.place)) == rf"\Boot\BCD Objects\{bcd.ENTRY}"
    entries, entry = opened({"11000001": BOOT_DEVICE, "12000002": r"\bootmgr"})
    assert entries.follow(entry) == Place(r"\bootmgr", volume="sda1")
    entries, entry = opened({"12000002": r"\Windows\none.exe"})
    with pytest.raises(BrokenEntry, match="needs a file that does not exist") as broken:
        entries.follow(entry)
    assert (broken.value.known, broken.value.place) == (True, Place(r"\Windows\none.exe", volume="sda2"))
