"""Real hives: every key, value, type and byte is as hivex, yarp, python-registry and regipy have it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fixtures.windows.hive_log import sealed
from parsers.place import ParseError
from parsers.source import Memory
from parsers.windows.registry import HiveState, open_hive
from tests.corpus import corpus
from tests.parsers.windows.registry.dumped import dump, expected, hives, known, opened, source_of
from tests.parsers.windows.registry.peers import compare_with_python_registry

pytestmark = pytest.mark.corpus

REFUSED = {"cr-h-binsize0", "cr-h-cellsize-min", "cr-h-cellsize-pos", "cr-h-cellsize0", "cr-h-regf-ff", "cr-h-type",
           "cr-h-rootoff-max", "cr-h-trunc4", "cr-h-trunc4095", "cr-h-trunc4096", "hv-yp-OldLogWithRemnantData",
           "hv-yp-SqliteFragment", "hv-yp-TruncatedHiveBin"}  # fmt: skip
"""Hostile files that hold no readable root key."""
UNHARMED = {"cr-h-parent-self", "hv-yp-DupNameHive", "hv-yp-TwoOwnersHive"}
"""Hostile hives whose damage touches nothing that is read: a root's parent, owners of security items, equal names."""


@pytest.mark.parametrize("entry", hives("known"))
def test_every_byte_is_as_hivex_has_it(entry: dict[str, Any]) -> None:
    hive = opened("known", entry)
    plain = hive.raw or hive
    answers = entry["expected"]
    found, keys, values = dump(plain, as_hivex=True)
    for reader in ("hivex", "yarp"):
        if file := answers.get("dumps", {}).get(reader):
            assert found == expected("known", file)
    if "plain_keys" in answers.get("yarp", {}):
        assert (keys, values) == (answers["yarp"]["plain_keys"], answers["yarp"]["plain_values"])
    assert (hive.state is not HiveState.CLEAN) == (entry["category"] == "dirty" or entry["id"] in DIRTY_WITHOUT_LOGS)
    if entry["id"] not in DIRTY_WITHOUT_LOGS and "plain_error" not in answers.get("yarp", {}):
        assert hive.problems == ()
        assert plain.check_bins() == ()
        assert plain.check_names() == ()


DIRTY_WITHOUT_LOGS = {"hv-rp-SECURITY", "hv-yp-EffectiveSizeHive"}
REPLAYED = ("hv-rp-transactions_NTUSER.DAT", "hv-yp-NewDirtyHive1")


@pytest.mark.parametrize("name", REPLAYED)
def test_replayed_logs_are_as_yarp_has_them(name: str) -> None:
    entry = known(name)
    hive = opened("known", entry)
    found, keys, values = dump(hive)
    assert hive.state is HiveState.REPLAYED
    assert found == expected("known", entry["expected"]["dumps"]["yarp-replayed"])
    assert (keys, values) == (entry["expected"]["yarp"]["replayed_keys"], entry["expected"]["yarp"]["replayed_values"])
    assert hive.problems == ()
    assert hive.check_bins() == ()


def test_a_replayed_hive_is_as_windows_itself_recovered_it() -> None:
    ours = opened("known", known("hv-yp-NewDirtyHive1"))
    windows = opened("known", known("hv-yp-NewDirtyHive1-recovered"))
    assert dump(ours) == dump(windows)
    assert (ours.entries, ours.base.secondary_sequence) == (4, 5)


def test_both_readings_of_a_value_are_there() -> None:
    hive = opened("known", known("hv-yp-NewDirtyHive1"))
    assert hive.raw is not None
    replayed, _, _ = dump(hive)
    plain, _, _ = dump(hive.raw)
    changed = [path for path in plain if plain[path] != replayed.get(path)]
    assert changed
    key, raw = hive.key(changed[0]), hive.raw.key(changed[0])
    assert raw is not None
    assert [value.data for value in raw.values()] != ([value.data for value in key.values()] if key else None)


@pytest.mark.parametrize("entry", hives("hostile"))
def test_hostile_hives_end_in_findings(entry: dict[str, Any]) -> None:
    if entry["id"] in REFUSED:
        with pytest.raises(ParseError):
            list(opened("hostile", entry).walk())
        return
    hive = opened("hostile", entry)
    found, _, _ = dump(hive)
    flaws = [*hive.problems, *hive.check_bins(), *hive.check_names()]
    unread = [name for values in found.values() for name, (_, data) in values.items() if data is None]
    assert bool(flaws or unread) == (entry["id"] not in UNHARMED)


def test_a_log_in_the_old_format_that_windows_wrote() -> None:
    """It stands in the corpus whole, with remnants behind it, and twice damaged, of which both are put right here.

    Its hive is yarp's of many subkeys; what the log did to it is said by the name of a key.
    """
    log = {name: corpus(f"hostile/hives/hv-yp-{name}").read_bytes() for name in OLD_LOGS}
    whole, checksum, signature = log.values()
    hive = source_of("hostile", next(entry.values[0] for entry in hives("hostile") if entry.id == "hv-yp-BadLogHive1"))
    for data in (whole, sealed(checksum), signature[:512] + b"DIRT" + signature[516:]):
        replayed = open_hive(hive, [Memory(data, "LOG1"), Memory(b"", "LOG2")])
        assert (replayed.state, replayed.logs) == (HiveState.REPLAYED, ("LOG1",))
        assert replayed.raw is not None
        before, after = ({key.path for key in read.walk()} for read in (replayed.raw, replayed))
        assert before - after == {r"key_with_many_subkeys\1"}
        assert after - before == {r"key_with_many_subkeys\5000\find_me_in_log"}
        assert replayed.problems == replayed.check_bins() == replayed.check_names() == ()


OLD_LOGS = ("OldLogWithRemnantData.hive.xz", "BadLogHive1.BadLogHive.LOG1.log.xz", "BadLogHive2.BadLogHive.LOG1.log.xz")


@pytest.mark.parametrize("name", ["hv-yp-BadLogHive1", "hv-yp-BadLogHive2", "hv-yp-BadLogHive3"])
def test_bad_logs_leave_the_hive_as_it_is(name: str) -> None:
    entry = next(entry.values[0] for entry in hives("hostile") if entry.id == name)
    hive = opened("hostile", entry)
    assert hive.state is HiveState.DIRTY
    assert dump(hive)[0] == expected("hostile", entry["expected"]["dumps"]["hivex"])


PEERS_FAIL = {
    "hv-pl-regf_corrupt_sub_key_list.hiv": "damaged: they end at the first flaw",
    "hv-yp-EffectiveSizeHive": "they take the size of the bins from a wrong base block",
    "hv-yp-CompHive": "python-registry takes Latin-1 for Windows-1252",
}


def file_for_peers(entry: dict[str, Any], folder: Path) -> Path:
    if entry["id"] in PEERS_FAIL:
        pytest.skip(PEERS_FAIL[entry["id"]])
    source = source_of("known", entry)
    (folder / "hive").write_bytes(source.read_at(0, source.size))
    return folder / "hive"


@pytest.mark.parametrize("entry", hives("known"))
def test_every_byte_is_as_python_registry_has_it(entry: dict[str, Any], tmp_path: Path) -> None:
    file = file_for_peers(entry, tmp_path)
    assert compare_with_python_registry(open_hive(source_of("known", entry)), file)


@pytest.mark.parametrize("entry", hives("known"))
def test_keys_are_as_regipy_has_them(entry: dict[str, Any], tmp_path: Path) -> None:
    regipy = pytest.importorskip("regipy.registry", reason="not installed: regipy")
    keys = [(open_hive(source_of("known", entry)).root, regipy.RegistryHive(str(file_for_peers(entry, tmp_path))).root)]
    while keys:
        ours, theirs = keys.pop()
        assert (ours.value_count, ours.written) == (theirs.values_count, theirs.header.last_modified)
        assert ours.class_name == (theirs.get_class_name() or None)
        children = list(zip(ours.subkeys(), theirs.iter_subkeys() if theirs.subkey_count else (), strict=True))
        assert [ascii_of(ours.name) for ours, _ in children] == [ascii_of(theirs.name) for _, theirs in children]
        keys += children


def ascii_of(name: str) -> str:
    """Return what is left of a name that regipy takes for UTF-8."""
    return re.sub(r"[^\x00-\x7f]+", "?", name)


def test_facts_of_a_real_system_hive() -> None:
    """What the corpus states about the machine."""
    entry = known("hv-rp-SYSTEM")
    facts = entry["expected"]["facts"]
    hive = opened("known", entry)
    select = hive.key("Select")
    assert select is not None
    assert {value.name: value.number for value in select.values()} == facts["select"]
    control = f"ControlSet{facts['select']['Current']:03}"
    services = hive.key(rf"\{control}\SERVICES")
    assert services is not None
    assert sum(1 for _ in services.subkeys()) == facts["services"]
    name = hive.key([control, "Control", "ComputerName", "ComputerName"])
    assert name is not None
    value = name.value("computername")
    assert value is not None
    assert value.text == facts["computer_name"]
    for guid, wanted in facts["tcpip_interfaces"].items():
        interface = hive.key(rf"{control}\services\Tcpip\Parameters\Interfaces\{guid}")
        assert interface is not None
        found = {
            value.name: value.number if value.number is not None else value.texts or value.text
            for value in interface.values()
        }
        for option, seen in wanted.items():
            answer = found[option]
            assert (list(answer) if isinstance(answer, tuple) else answer) == seen


def test_security_of_real_keys_is_read_everywhere() -> None:
    seen: dict[str, int] = {}
    hive = opened("known", known("hv-rp-SYSTEM"))
    for key in hive.walk():
        text = key.security.sddl()
        seen[text] = seen.get(text, 0) + 1
    root = hive.root.security
    assert root.owner == "S-1-5-32-544"
    assert root.dacl is not None
    assert any(ace.sid == "S-1-5-18" and ace.allows for ace in root.dacl)
    assert len(seen) > 10
