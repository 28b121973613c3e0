"""Rules about what file systems lie on, on volume groups and arrays written byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.disks.disk import Volume
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, Mount
from inspector.rules.rule import Rule
from inspector.rules.volumes import (
    RULES,
    arrays_are_complete,
    root_lies_on_one_disk,
    system_volumes_are_not_encrypted,
    system_volumes_are_not_logical,
    volume_groups_are_complete,
    volume_metadata_is_sound,
)
from inspector.verdict import NotApplicable, Status
from parsers.filesystem.superblock import Superblock
from parsers.linux.crypttab import Crypttab, parse_crypttab
from parsers.linux.fstab import Fstab, parse_fstab
from parsers.place import Place
from tests.memory_tree import MemoryTree
from tests.parsers.volume.building import group_text, linear, md_member, physical_volume
from tests.partition_builder import mbr_disk
from tests.volumes import storage_at, storage_of, volume_of

FIRST = 2048


def disk_at(path: Path, *parts: bytes) -> Path:
    """Write a disk with an MBR whose partitions hold `parts`."""
    slots, end = [], FIRST
    for part in parts:
        slots.append((0, 0x83, end, len(part) // 512))
        end += len(part) // 512
    disk = mbr_disk(end, *slots)
    for slot, part in zip(slots, parts, strict=True):
        disk[slot[2] * 512 : slot[2] * 512 + len(part)] = part
    path.write_bytes(disk)
    return path


def group(*volumes: str, pvs: int = 1, present: int | None = None, **options: int) -> list[bytes]:
    """Return the physical volumes of a group, the first `present` of them."""
    text = group_text("".join(volumes), pvs=pvs, **options)
    return [physical_volume(text, number) for number in range(pvs if present is None else present)]


def leg(number: int, level: int, **fields: int) -> bytes:
    """Return one of two members of an array; on what is as small as a floppy disk nobody looks for one."""
    return md_member(number, 2, level, 3 << 19, **fields)  # type: ignore[arg-type]  # the name is no number


def machine(folder: Path, *disks: list[bytes]) -> Storage:
    return storage_at(*(disk_at(folder / f"disk{number}.raw", *parts) for number, parts in enumerate(disks)))


def facts_on(storage: Storage, root: str | None, fstab: str = "", crypttab: str = "", **mounts: str) -> Facts:
    """Facts of a guest whose root, and whatever else, lies on the named volumes; None: no guest was found."""
    given: dict[type, object] = {Storage: storage, Guest: UnknownFact("no root", Place("sda1"))}
    if root is not None:
        places = {"/": root} | {f"/{path}": name for path, name in mounts.items()}
        tree = MemoryTree({"/etc/fstab": fstab})
        given[Guest] = Guest(Mount(path, storage.volume(name), tree, tree.root) for path, name in places.items())
    return Facts(given | {Fstab: parse_fstab(fstab), Crypttab: parse_crypttab(crypttab)})


def judged(rule: Rule, facts: Facts) -> tuple[Status, bool, list[str]]:
    verdict = rule(facts)
    return verdict.status, verdict.known, [item.place.path for item in verdict.evidence]


OK, W, F = Status.OK, Status.WARNING, Status.FAILED
PLAIN = volume_of({"/etc/fstab": ""})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = rule(Facts({Storage: UnknownFact("no disk"), Guest: UnknownFact("no root")}))
    assert (verdict.status, verdict.known) == (W, False)


@pytest.mark.parametrize("rule", [volume_groups_are_complete, arrays_are_complete, volume_metadata_is_sound])
def test_a_disk_without_volumes_made_of_others_is_not_concerned(rule: Rule) -> None:
    with pytest.raises(NotApplicable):
        rule(Facts({Storage: storage_of(PLAIN)}))


# -- groups and arrays ---------------------------------------------------------------------------------------------


def test_a_group_with_all_its_members_is_complete_on_one_disk_or_two(tmp_path: Path) -> None:
    pvs = group(linear("root", 0), linear("data", 0, pv="pv1"), pvs=2)
    assert judged(volume_groups_are_complete, facts_on(machine(tmp_path, pvs), "vg/root")) == (OK, True, ["vg"])
    two = machine(tmp_path, pvs[:1], pvs[1:])
    assert judged(volume_groups_are_complete, facts_on(two, "vg/root")) == (OK, True, ["vg"])


def test_a_missing_member_of_a_group_that_the_guest_needs_fails_and_its_disk_mends_it(tmp_path: Path) -> None:
    pvs = group(linear("root", 0), linear("data", 0, pv="pv1"), pvs=2)
    half = machine(tmp_path, pvs[:1])
    assert judged(volume_groups_are_complete, facts_on(half, "vg/root")) == (F, True, ["vg"])
    assert judged(volume_groups_are_complete, facts_on(half, None)) == (F, True, ["vg", "sda1"])
    verdict = volume_groups_are_complete(facts_on(half, "vg/root"))
    assert verdict.evidence[0].seen == "physical volume /dev/sd1 wanted, not found or not in use"
    assert "--guest" in volume_groups_are_complete.fix
    assert volume_groups_are_complete(facts_on(machine(tmp_path, pvs[:1], pvs[1:]), "vg/root")).status is OK


@pytest.mark.parametrize(
    ("fstab", "status"),
    [
        ("", W),
        ("/dev/vg/data /data ext4 nofail", W),
        ("/dev/vg/data /data ext4 noauto", W),
        ("/dev/vg/swap none swap sw", W),
        ("/dev/vg/data /data ext4 defaults", F),
        ("/dev/vg/gone /data ext4 defaults", F),
    ],
)
def test_a_missing_member_of_a_group_that_nothing_needs_is_a_warning(
    tmp_path: Path, fstab: str, status: Status
) -> None:
    half = machine(tmp_path, [*group(linear("data", 0), pvs=2, present=1), b"root" * 512])
    facts = facts_on(half, "sda2", f"LABEL=none /opt ext4 nofail\n{fstab}\n")
    assert judged(volume_groups_are_complete, facts) == (status, True, ["vg"])


def test_a_physical_volume_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    broken = bytearray(group(linear("root", 0))[0])
    broken[4096 + 20] ^= 1  # the header of the metadata area
    storage = machine(tmp_path, [bytes(broken)])
    assert storage.volumes[0].type == "LVM2_member"
    assert judged(volume_groups_are_complete, facts_on(storage, None)) == (W, False, ["sda1"])
    assert volume_metadata_is_sound(facts_on(storage, None)).status is not OK


def test_a_mirror_with_both_members_is_complete(tmp_path: Path) -> None:
    both = machine(tmp_path, [leg(0, 1), leg(1, 1)])
    assert judged(arrays_are_complete, facts_on(both, "md7")) == (OK, True, ["md7"])


def test_a_mirror_with_one_member_is_a_warning_and_the_other_disk_mends_it(tmp_path: Path) -> None:
    legs = [leg(number, 1) for number in range(2)]
    half = facts_on(machine(tmp_path, legs[:1]), "md7")
    assert judged(arrays_are_complete, half) == (W, True, ["md7"])
    assert arrays_are_complete(half).evidence[0].seen == "raid1 of 2 members, 1 missing"
    assert arrays_are_complete(facts_on(machine(tmp_path, legs[:1], legs[1:]), "md7")).status is OK


@pytest.mark.parametrize("level", [0, -1])
def test_an_array_that_cannot_do_without_the_missing_member_fails(tmp_path: Path, level: int) -> None:
    legs = [leg(number, level) for number in range(2)]
    half = machine(tmp_path, legs[:1])
    assert judged(arrays_are_complete, facts_on(half, None)) == (F, True, ["sda1", "sda1"])
    assert "1 missing" in arrays_are_complete(facts_on(half, None)).evidence[0].seen
    assert arrays_are_complete(facts_on(machine(tmp_path, legs[:1], legs[1:]), "md7")).status is OK


@pytest.mark.parametrize(
    ("fstab", "status"), [("", W), ("/dev/md7 /data xfs defaults", F), ("/dev/md7 /data xfs nofail", W)]
)
def test_an_array_that_nothing_needs_may_lack_members(tmp_path: Path, fstab: str, status: Status) -> None:
    storage = machine(tmp_path, [leg(0, 0), b"root" * 512])
    assert judged(arrays_are_complete, facts_on(storage, "sda2", fstab)) == (status, True, ["sda1"])


def test_an_array_that_is_not_read_for_another_reason_is_unknown(tmp_path: Path) -> None:
    reshaping = machine(tmp_path, [leg(number, 1, features=4) for number in range(2)])
    assert judged(arrays_are_complete, facts_on(reshaping, None)) == (W, False, ["sda1", "sda2"])


# -- metadata --------------------------------------------------------------------------------------------------------


def test_sound_metadata_are_ok_and_an_older_text_is_a_warning(tmp_path: Path) -> None:
    pvs = group(linear("root", 0), pvs=2)
    storage = machine(tmp_path, pvs)
    assert judged(volume_metadata_is_sound, facts_on(storage, "vg/root")) == (OK, True, ["sda1", "sda2"])
    old = machine(tmp_path, [pvs[0], group(linear("root", 0), pvs=2, seqno=2)[1]])
    verdict = volume_metadata_is_sound(facts_on(old, "vg/root"))
    assert (verdict.status, verdict.known) == (W, True)
    assert "sequence number 2 of vg wanted, an older found" in verdict.evidence[0].seen
    assert volume_metadata_is_sound(facts_on(machine(tmp_path, pvs), "vg/root")).status is OK


def test_what_is_missing_is_not_said_twice(tmp_path: Path) -> None:
    for parts in (group(linear("root", 0), pvs=2, present=1), [leg(0, 1)]):
        assert volume_metadata_is_sound(facts_on(machine(tmp_path, parts), None)).status is OK


def test_a_member_that_fell_behind_is_a_warning(tmp_path: Path) -> None:
    storage = machine(tmp_path, [leg(0, 1, events=5), leg(1, 1)])
    assert judged(volume_metadata_is_sound, facts_on(storage, "md7"))[:2] == (W, True)


# -- the root ------------------------------------------------------------------------------------------------------


def test_a_root_on_one_disk_is_ok_however_it_is_put_together(tmp_path: Path) -> None:
    pvs = group(linear("root", 0), pvs=2)
    assert judged(root_lies_on_one_disk, facts_on(machine(tmp_path, pvs), "vg/root")) == (OK, True, ["sda"])
    legs = [leg(number, 1) for number in range(2)]
    assert judged(root_lies_on_one_disk, facts_on(machine(tmp_path, legs), "md7")) == (OK, True, ["sda"])
    assert judged(root_lies_on_one_disk, facts_on(storage_of(PLAIN), "sda1")) == (OK, True, ["sda"])


def test_a_root_on_two_disks_fails_and_a_disk_less_mends_it(tmp_path: Path) -> None:
    pvs = group(linear("root", 0), pvs=2)
    spread = facts_on(machine(tmp_path, pvs[:1], pvs[1:]), "vg/root")
    assert judged(root_lies_on_one_disk, spread) == (F, True, ["sda", "sdb"])
    legs = [leg(number, 1) for number in range(2)]
    assert judged(root_lies_on_one_disk, facts_on(machine(tmp_path, legs[:1], legs[1:]), "md7"))[0] is F
    alone = machine(tmp_path, group(linear("root", 0)), [b"data" * 512])
    assert judged(root_lies_on_one_disk, facts_on(alone, "vg/root")) == (OK, True, ["sda"])


def test_the_devices_of_one_btrfs_count_as_what_the_root_lies_on() -> None:
    disks = []
    for name in ("sda", "sdb"):
        volume = Volume(f"{name}1", PLAIN.source, 0, None, Superblock("btrfs", 65536, "u"))
        disks.append(storage_of(volume).system_disk)
    storage = Storage(
        tuple(type(disk)(disk.volumes[0].name[:3], disk.image, disk.table, disk.volumes) for disk in disks),
        tuple(disk.volumes[0] for disk in disks),
    )
    assert judged(root_lies_on_one_disk, facts_on(storage, "sda1")) == (OK, True, ["sda"])
    storage.volumes[1].holder = "sda1"
    assert judged(root_lies_on_one_disk, facts_on(storage, "sda1")) == (F, True, ["sda", "sdb"])


def test_a_group_called_like_one_of_its_members_ends_the_walk(tmp_path: Path) -> None:
    text = group_text(linear("root", 0)).replace("vg {", "sda1 {")
    storage = machine(tmp_path, [physical_volume(text)])
    assert storage.volumes[0].holder == "sda1"
    assert [disk.name for disk in storage.disks_under(storage.volumes[0])] == ["sda"]
    assert judged(root_lies_on_one_disk, facts_on(storage, "sda1/root")) == (OK, True, ["sda"])


def test_logical_volumes_are_a_warning_where_the_system_lies_on_them_only(tmp_path: Path) -> None:
    storage = machine(tmp_path, [*group(linear("root", 0), linear("data", 1)), b"boot" * 512])
    assert judged(system_volumes_are_not_logical, facts_on(storage, "vg/root", boot="sda2")) == (W, True, ["/"])
    assert judged(system_volumes_are_not_logical, facts_on(storage, "sda2", srv="vg/data")) == (OK, True, ["/"])
    assert judged(system_volumes_are_not_logical, facts_on(storage, "sda2", var="vg/data")) == (W, True, ["/var"])
    array = machine(tmp_path, [leg(number, 1) for number in range(2)])
    assert judged(system_volumes_are_not_logical, facts_on(array, "md7")) == (OK, True, ["/"])


# -- encryption ----------------------------------------------------------------------------------------------------

LUKS = volume_of(None, 2, "crypto_LUKS", "1234", reason="encrypted with LUKS2")
F2FS = volume_of(None, 3, "f2fs", reason="f2fs is not read so far")
OPENED = "secret UUID=1234"


def test_a_disk_on_which_nothing_is_encrypted_is_ok() -> None:
    assert judged(system_volumes_are_not_encrypted, facts_on(storage_of(PLAIN), "sda1")) == (OK, True, ["/"])


@pytest.mark.parametrize("kind", ["crypto_LUKS", "BitLocker"])
def test_an_encrypted_volume_that_hides_the_root_fails(kind: str) -> None:
    sealed = volume_of(None, 1, kind, reason="encrypted")
    assert judged(system_volumes_are_not_encrypted, facts_on(storage_of(sealed), None)) == (F, True, ["sda1"])


def test_where_the_root_may_lie_elsewhere_it_is_not_known() -> None:
    for volumes in ((LUKS, F2FS), (F2FS,)):
        assert judged(system_volumes_are_not_encrypted, facts_on(storage_of(*volumes), None))[:2] == (W, False)


@pytest.mark.parametrize(
    ("crypttab", "fstab", "expected"),
    [
        (f"{OPENED} none luks", "", (F, True, ["/etc/crypttab"])),
        (f"{OPENED} - luks", "/dev/mapper/secret /srv ext4", (F, True, ["/etc/crypttab"])),
        (f"{OPENED} none luks,noauto", "/dev/mapper/secret /srv ext4 noauto", (OK, True, ["sda2"])),
        (f"{OPENED} none nofail", "", (OK, True, ["sda2"])),
        (f"{OPENED} /etc/keys/secret luks", "/dev/mapper/secret /srv ext4", (OK, True, ["sda2"])),
        (f"{OPENED} /etc/keys/secret luks", "/dev/mapper/secret /var ext4", (F, True, ["/etc/fstab", "sda2"])),
        ("", "", (OK, True, ["sda2"])),
        ("", "UUID=abcd /usr ext4", (W, False, ["/etc/fstab", "sda2"])),
        ("", "UUID=abcd /srv ext4", (OK, True, ["sda2"])),
    ],
)
def test_an_encrypted_volume_beside_the_root(
    crypttab: str, fstab: str, expected: tuple[Status, bool, list[str]]
) -> None:
    facts = facts_on(storage_of(PLAIN, LUKS), "sda1", fstab, crypttab)
    assert judged(system_volumes_are_not_encrypted, facts) == expected


def test_a_root_inside_an_encrypted_volume_that_was_opened_with_its_key_fails() -> None:
    inside = Volume("luks", PLAIN.source, None, None, Superblock("ext4", 1024))
    inside.members = ("sda2",)
    plain = storage_of(PLAIN, LUKS)
    storage = Storage(plain.disks, (*plain.volumes, inside))
    assert judged(system_volumes_are_not_encrypted, facts_on(storage, "luks")) == (F, True, ["sda2"])
    assert judged(system_volumes_are_not_encrypted, facts_on(storage, "sda1", srv="luks"))[0] is OK


def test_the_advised_noauto_makes_a_passphrase_no_matter() -> None:
    assert "noauto" in system_volumes_are_not_encrypted.fix
    for options, status in (("luks", F), ("luks,noauto", OK)):
        facts = facts_on(storage_of(PLAIN, LUKS), "sda1", "", f"{OPENED} none {options}")
        assert system_volumes_are_not_encrypted(facts).status is status
