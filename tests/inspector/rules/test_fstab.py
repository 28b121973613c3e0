from __future__ import annotations

from typing import Any

import pytest

from inspector.disks.disk import Volume
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootFile, DefaultKernel
from inspector.rules.fstab import (
    RULES,
    crypttab_devices_exist,
    fstab_devices_are_unambiguous,
    fstab_devices_exist,
    fstab_devices_have_stable_names,
    fstab_mount_points_are_absolute,
    fstab_mount_points_are_unique,
    fstab_mount_points_exist,
    fstab_names_root,
    fstab_network_mounts_wait,
    fstab_parses,
    fstab_types_match,
)
from inspector.rules.rule import Rule
from inspector.verdict import NotApplicable, Status, Verdict
from parsers.linux.crypttab import Crypttab
from parsers.linux.fstab import Fstab
from parsers.place import Place
from tests.facts_of import ROOT_UUID, facts_of
from tests.memory_tree import Dir, Link
from tests.volumes import volume_of

ROOT = f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n"
HOME = volume_of({"/alice": Dir()}, 2, uuid="bbbb")
SYSTEMD = {"/etc/systemd/system": Dir()}
INIT_SCRIPTS = {"/etc/init.d/ssh": ""}
LVM = volume_of(None, 3, "LVM2_member", "cccc", reason="LVM2_member is not read so far")


def facts(fstab: str | None, *volumes: Volume, files: dict[str, Any] | None = None, **given: Any) -> Facts:
    table = {} if fstab is None else {"/etc/fstab": fstab}
    return facts_of({"/etc/passwd": "", **SYSTEMD, **table, **(files or {})}, *volumes, given=given.get("given"))


def kernel(*arguments: str) -> DefaultKernel:
    place = Place("/boot/grub/grub.cfg", 9)
    return DefaultKernel("6.1", BootFile(place, "/vmlinuz", "/vmlinuz", "sda1", True, 1), (), arguments, place)


def places(verdict: Verdict) -> list[str]:
    return [str(evidence.place) for evidence in verdict.evidence]


GOOD = ROOT + "UUID=bbbb /home ext4 defaults 0 2\ntmpfs /tmp tmpfs rw 0 0\nproc /proc proc\nnone /sys/x debugfs\n"


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule is not crypttab_devices_exist], ids=lambda r: r.name)
def test_a_good_table_is_ok(rule: Rule) -> None:
    verdict = rule(facts(GOOD, HOME, files={"/home": Dir(), "/tmp": Dir(), "/proc": Dir()}))
    assert verdict.status is Status.OK
    assert verdict.evidence[0].place.path == "/etc/fstab"


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule is not crypttab_devices_exist], ids=lambda r: r.name)
def test_unknown_is_never_ok(rule: Rule) -> None:
    verdict = rule(facts(ROOT, given={Fstab: UnknownFact("sda1 cannot be read", Place("/etc/fstab"))}))
    assert verdict.status is Status.WARNING
    assert not verdict.known
    assert verdict.evidence[0].place == Place("/etc/fstab")


# -- fstab-parses ----------------------------------------------------------------------------------------------------


def test_a_line_that_cannot_be_read_fails_at_its_place() -> None:
    verdict = fstab_parses(facts(ROOT + "UUID=short\n/dev/sdb1 /x ext4 rw # data\n"))
    assert verdict.status is Status.FAILED
    assert places(verdict) == ["/etc/fstab:2", "/etc/fstab:3"]


def test_no_fstab_at_all_fails() -> None:
    verdict = fstab_parses(facts(None))
    assert verdict.status is Status.FAILED
    assert places(verdict) == ["/etc/fstab"]


def test_an_fstab_that_cannot_be_read_is_unknown_and_not_absent() -> None:
    made = facts(ROOT, files={"/etc/fstab": Link("/mnt/fstab")})
    assert fstab_parses(made).status is Status.FAILED  # dangling: mount(8) has none either
    directory = facts(None, files={"/etc/fstab": Dir()})
    assert not fstab_parses(directory).known


def test_a_note_on_a_line_of_its_own_is_fine() -> None:
    assert fstab_parses(facts(ROOT + "# data\n/dev/sdb1 /x ext4 rw\n")).status is Status.OK


@pytest.mark.parametrize(
    ("option", "fix", "reason"),
    [
        ("pri=x", "pri=5", "a priority wanted after pri=, x found"),
        ("pri=+5", "pri=-2", "a priority wanted after pri=, +5 found"),
        ("discard=all", "discard=once", "once or pages wanted after discard=, all found"),
    ],
)
def test_an_option_that_swapon_cannot_read_fails_at_its_place(option: str, fix: str, reason: str) -> None:
    verdict = fstab_parses(facts(f"{ROOT}UUID=bbbb none swap sw,{option}\n"))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:2"])
    assert verdict.evidence[0].seen.endswith(reason)
    assert fstab_parses(facts(f"{ROOT}UUID=bbbb none swap sw,{fix}\n")).status is Status.OK
    assert fstab_parses(facts(f"{ROOT}UUID=bbbb /x ext4 {option}\n")).status is Status.OK  # an option of no swap space


# -- fstab-mount-points-are-absolute ---------------------------------------------------------------------------------


def test_a_relative_mount_point_fails_and_an_absolute_one_is_ok() -> None:
    verdict = fstab_mount_points_are_absolute(facts(ROOT + "UUID=bbbb data ext4\n"))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:2"])
    assert fstab_mount_points_are_absolute(facts(ROOT + "UUID=bbbb /data ext4\n")).status is Status.OK


def test_swap_needs_no_mount_point() -> None:
    assert fstab_mount_points_are_absolute(facts("UUID=b none swap\nUUID=c swap swap\n")).status is Status.OK


def test_none_is_no_mount_point_of_a_file_system_unless_nothing_mounts_it() -> None:
    verdict = fstab_mount_points_are_absolute(facts(ROOT + "UUID=bbbb none ext4\n"))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:2"])
    assert fstab_mount_points_are_absolute(facts(ROOT + "UUID=bbbb none ext4 noauto\n")).status is Status.OK


# -- fstab-devices-exist ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "device",
    ["UUID=dead", "LABEL=data", "PARTUUID=dead-01", "/dev/sdb1", "/dev/disk/by-uuid/dead", "/dev/vdb", "/no/such/file"],
)
def test_a_missing_device_fails_at_its_line_and_nofail_makes_it_a_warning(device: str) -> None:
    verdict = fstab_devices_exist(facts(f"{ROOT}{device} /data ext4 defaults 0 2\n"))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:2"])
    for option in ("nofail", "noauto", "x-systemd.automount", "_netdev"):
        optional = fstab_devices_exist(facts(f"{ROOT}{device} /data ext4 defaults,{option} 0 2\n"))
        assert (optional.status, places(optional)) == (Status.WARNING, ["/etc/fstab:2"])


@pytest.mark.parametrize("kind", ["ext4", "auto", "xfs,ext4"])
def test_a_word_is_no_device_where_a_disk_is_wanted(kind: str) -> None:
    for word in ("none", "data", "FOO=x"):
        verdict = fstab_devices_exist(facts(f"{ROOT}{word} /data {kind}\n"))
        assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:2"])
    assert fstab_devices_exist(facts(f"{ROOT}UUID=bbbb /data {kind}\n", HOME)).status is Status.OK


@pytest.mark.parametrize("kind", ["none", "ext4", "auto"])
def test_a_directory_has_to_be_bound(kind: str) -> None:
    files = {"/srv/data": Dir(), "/srv/image": "x"}
    verdict = fstab_devices_exist(facts(f"{ROOT}/srv/data /data {kind}\n", files=files))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:2"])
    for fixed in (f"/srv/data /data {kind} bind", f"/srv/image /data {kind} loop"):
        assert fstab_devices_exist(facts(f"{ROOT}{fixed}\n", files=files)).status is Status.OK
    assert fstab_devices_exist(facts(f"{ROOT}/srv/data /data 9p\n", files=files)).status is Status.OK


def test_the_right_uuid_makes_it_ok() -> None:
    assert fstab_devices_exist(facts(f"{ROOT}UUID=bbbb /data ext4 defaults 0 2\n", HOME)).status is Status.OK


@pytest.mark.parametrize(
    "device", ['UUID="bbbb"', "/dev/disk/by-uuid/bbbb", "/dev/sda2", "/dev/vda2", "PARTUUID=deadbeef-02"]
)
def test_each_way_of_naming_a_device_is_followed(device: str) -> None:
    assert fstab_devices_exist(facts(f"{ROOT}{device} /data ext4\n", HOME)).status is Status.OK


def test_swap_that_is_missing_is_a_warning_and_with_nofail_ok() -> None:
    assert fstab_devices_exist(facts(f"{ROOT}UUID=dead none swap sw\n")).status is Status.WARNING
    assert fstab_devices_exist(facts(f"{ROOT}/swapfile none swap sw\n")).status is Status.WARNING
    assert fstab_devices_exist(facts(f"{ROOT}UUID=dead none swap sw,nofail\n")).status is Status.OK
    assert fstab_devices_exist(facts(f"{ROOT}/swapfile none swap sw\n", files={"/swapfile": "x"})).status is Status.OK


@pytest.mark.parametrize(
    "line",
    [
        "srv:/x /x nfs",
        "//srv/x /x cifs",
        "tmpfs /x tmpfs",
        "share /x vboxsf",
        "/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0",
        "/dev/usbdisk /media/usb vfat noauto 0 0",
        "/srv /x none bind",
        "overlay /x overlay lowerdir=/a",
    ],
)
def test_what_is_no_disk_needs_no_device(line: str) -> None:
    assert fstab_devices_exist(facts(f"{ROOT}{line}\n", files={"/srv": Dir()})).status is Status.OK


def test_what_may_lie_in_lvm_is_unknown() -> None:
    verdict = fstab_devices_exist(facts(f"{ROOT}/dev/mapper/vg-data /data xfs\n", LVM))
    assert verdict.status is Status.WARNING
    assert not verdict.known
    assert "LVM2_member" in verdict.evidence[0].seen


def test_what_is_missing_counts_more_than_what_is_unknown() -> None:
    verdict = fstab_devices_exist(facts(f"{ROOT}/dev/mapper/vg-data /data xfs\n/dev/sdb1 /b ext4\n", LVM))
    assert verdict.status is Status.FAILED
    assert verdict.known


# -- fstab-devices-have-stable-names ---------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["/dev/sda1", "/dev/vda1", "/dev/xvda1", "/dev/hda1", "/dev/nvme0n1p1"])
def test_a_name_by_discovery_is_a_warning_and_the_uuid_is_ok(device: str) -> None:
    verdict = fstab_devices_have_stable_names(facts(f"# root\n{device} / ext4\n"))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/fstab:2"])
    assert fstab_devices_have_stable_names(facts(ROOT)).status is Status.OK


# -- fstab-types-match -----------------------------------------------------------------------------------------------


def test_another_type_fails_and_the_right_one_is_ok() -> None:
    home = {"/home": Dir()}
    verdict = fstab_types_match(facts(f"{ROOT}UUID=bbbb /home xfs\n", HOME, files=home))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:2"])
    assert verdict.evidence[0].seen.endswith("sda2 holds ext4")
    for kind in ("ext4", "auto", "xfs,ext4"):
        assert fstab_types_match(facts(f"{ROOT}UUID=bbbb /home {kind}\n", HOME, files=home)).status is Status.OK


def test_another_type_of_the_root_or_of_an_optional_mount_is_a_warning() -> None:
    assert fstab_types_match(facts(f"UUID={ROOT_UUID} / xfs\n")).status is Status.WARNING
    assert fstab_types_match(facts(f"{ROOT}UUID=bbbb /home xfs nofail\n", HOME)).status is Status.WARNING
    assert fstab_types_match(facts(f"{ROOT}UUID=bbbb none swap\n", HOME)).status is Status.WARNING


def test_ext4_mounts_its_forerunners_but_not_the_other_way() -> None:
    old = volume_of({"/x": ""}, 2, "ext3", "bbbb")
    assert fstab_types_match(facts(f"{ROOT}UUID=bbbb /home ext4\n", old)).status is Status.OK
    assert fstab_types_match(facts(f"{ROOT}UUID=bbbb /home ext3\n", HOME)).status is Status.FAILED


def test_a_type_that_was_not_recognised_is_unknown() -> None:
    blank = volume_of(None, 2, None, reason="no known file system was recognised")
    verdict = fstab_types_match(facts(f"{ROOT}PARTUUID=deadbeef-02 /x ext4\n", blank))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


# -- fstab-mount-points-exist ----------------------------------------------------------------------------------------


def test_a_missing_mount_point_is_a_warning_where_systemd_makes_it() -> None:
    verdict = fstab_mount_points_exist(facts(f"{ROOT}UUID=bbbb /home ext4\n", HOME))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/fstab:2"])


def test_a_missing_mount_point_fails_without_systemd_and_making_it_is_ok() -> None:
    disk = {"/etc/fstab": f"{ROOT}UUID=bbbb /home ext4\n", "/etc/passwd": "", **INIT_SCRIPTS}
    assert fstab_mount_points_exist(facts_of(disk, HOME)).status is Status.FAILED
    assert fstab_mount_points_exist(facts_of(disk | {"/home": Dir()}, HOME)).status is Status.OK


def test_a_mount_point_that_is_a_file_fails_with_systemd_too() -> None:
    verdict = fstab_mount_points_exist(facts(f"{ROOT}UUID=bbbb /home ext4\n", HOME, files={"/home": "file"}))
    assert verdict.status is Status.FAILED


def test_a_mount_point_on_another_mount_is_looked_for_there() -> None:
    var = volume_of({"/log": Dir()}, 3, uuid="cccc")
    table = f"{ROOT}UUID=bbbb /var/log ext4\nUUID=cccc /var ext4\n"
    assert fstab_mount_points_exist(facts(table, HOME, var, files={"/var": Dir()})).status is Status.OK
    assert fstab_mount_points_exist(facts(table.replace("/log", "/lib"), HOME, var, files={"/var": Dir()})).status is (
        Status.WARNING
    )


def test_a_mount_point_on_what_cannot_be_read_is_unknown() -> None:
    xfs = volume_of(None, 3, "xfs", "cccc", reason="xfs is not read so far")
    verdict = fstab_mount_points_exist(
        facts(f"{ROOT}UUID=bbbb /var/log ext4\nUUID=cccc /var xfs\n", HOME, xfs, files={"/var": Dir()})
    )
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


# -- fstab-mount-points-are-unique -----------------------------------------------------------------------------------


def test_a_mount_point_twice_fails_at_the_second_line_and_noauto_makes_it_ok() -> None:
    verdict = fstab_mount_points_are_unique(facts(f"{ROOT}UUID=bbbb /x ext4\nUUID=cccc /x/ ext4 rw\n"))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:3"])
    assert fstab_mount_points_are_unique(facts(f"{ROOT}a /x ext4\nb /x ext4 noauto\n")).status is Status.OK


def test_two_swaps_are_fine() -> None:
    assert fstab_mount_points_are_unique(facts(f"{ROOT}a none swap\nb none swap\n")).status is Status.OK


# -- fstab-names-root ------------------------------------------------------------------------------------------------


def test_another_volume_at_root_fails_and_the_right_one_is_ok() -> None:
    verdict = fstab_names_root(facts("UUID=bbbb / ext4\n", HOME))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/fstab:1"])
    assert "sda1 wanted, sda2 found" in verdict.evidence[0].seen
    assert fstab_names_root(facts(ROOT, HOME)).status is Status.OK


def test_no_line_for_root_is_a_warning_where_the_kernel_names_it() -> None:
    made = facts("proc /proc proc\n", given={DefaultKernel: kernel(f"root=UUID={ROOT_UUID}", "ro")})
    verdict = fstab_names_root(made)
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/fstab", "/boot/grub/grub.cfg:9"])
    assert fstab_names_root(facts("", given={DefaultKernel: kernel("root=UUID=dead")})).status is Status.FAILED
    assert fstab_names_root(facts("", given={DefaultKernel: kernel("quiet")})).status is Status.FAILED


def test_no_line_for_root_is_wanted_where_the_kernel_mounts_it_to_be_written_to() -> None:
    def verdict(*words: str) -> Status:
        made = facts("", given={DefaultKernel: kernel(f"root=UUID={ROOT_UUID}", *words)})
        return fstab_names_root(made).status

    assert verdict("rw") is verdict("ro", "rw") is Status.OK
    assert verdict() is verdict("rw", "ro") is Status.WARNING


def test_no_line_for_root_and_an_unknown_kernel_is_unknown() -> None:
    verdict = fstab_names_root(facts("", given={DefaultKernel: UnknownFact("no default entry")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)


def test_a_root_that_is_not_in_the_image_is_left_to_the_other_rule() -> None:
    with pytest.raises(NotApplicable):
        fstab_names_root(facts("UUID=dead / ext4\n"))


# -- fstab-network-mounts-wait ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "share", ["srv:/x /x nfs", "//srv/x /x cifs", "x /x vboxsf", "x /x virtiofs", "[::1]:/x /x nfs4"]
)
def test_a_share_is_a_warning_and_netdev_makes_it_ok(share: str) -> None:
    verdict = fstab_network_mounts_wait(facts(f"{ROOT}{share} defaults 0 0\n"))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/fstab:2"])
    assert fstab_network_mounts_wait(facts(f"{ROOT}{share} defaults,_netdev 0 0\n")).status is Status.OK


# -- fstab-devices-are-unambiguous -----------------------------------------------------------------------------------


def test_two_volumes_of_one_uuid_are_a_warning_and_a_new_uuid_makes_it_ok() -> None:
    verdict = fstab_devices_are_unambiguous(facts(ROOT, volume_of({"/x": ""}, 2, uuid=ROOT_UUID)))
    assert (verdict.status, places(verdict)) == (Status.WARNING, ["/etc/fstab:1"])
    assert "sda1 and sda2" in verdict.evidence[0].seen
    assert fstab_devices_are_unambiguous(facts(ROOT, HOME)).status is Status.OK


# -- crypttab-devices-exist ------------------------------------------------------------------------------------------

LUKS = volume_of(None, 2, "crypto_LUKS", "eeee", reason="crypto_LUKS is not read so far")


def test_an_encrypted_device_in_the_image_is_ok() -> None:
    made = facts(ROOT, LUKS, files={"/etc/crypttab": "data UUID=eeee none luks\nswap /dev/sda2 /dev/urandom swap\n"})
    assert crypttab_devices_exist(made).status is Status.OK


def test_an_encrypted_device_that_is_missing_fails_and_nofail_makes_it_a_warning() -> None:
    verdict = crypttab_devices_exist(facts(ROOT, files={"/etc/crypttab": "# x\ndata UUID=dead none luks\n"}))
    assert (verdict.status, places(verdict)) == (Status.FAILED, ["/etc/crypttab:2"])
    made = facts(ROOT, files={"/etc/crypttab": "data UUID=dead none luks,nofail\n"})
    assert crypttab_devices_exist(made).status is Status.WARNING


def test_the_right_encrypted_device_or_no_line_makes_it_ok_again() -> None:
    assert crypttab_devices_exist(facts(ROOT, LUKS, files={"/etc/crypttab": "data UUID=eeee\n"})).status is Status.OK
    with pytest.raises(NotApplicable):
        crypttab_devices_exist(facts(ROOT))


def test_an_unknown_crypttab_is_never_ok() -> None:
    verdict = crypttab_devices_exist(facts(ROOT, given={Crypttab: UnknownFact("unreadable")}))
    assert (verdict.status, verdict.known) == (Status.WARNING, False)
    inside = crypttab_devices_exist(facts(ROOT, LVM, files={"/etc/crypttab": "data /dev/mapper/vg-x none luks\n"}))
    assert (inside.status, inside.known) == (Status.WARNING, False)
