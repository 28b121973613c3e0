"""Rules about growing the root file system at the first boot on a larger disk, which cloud-init does with growpart."""

from __future__ import annotations

import re
from typing import Final

from inspector.disks.disk import Disk, Volume, partition_name
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import DefaultKernel
from inspector.facts.cloud_init import CloudInit
from inspector.guest import Guest
from inspector.linux.programs import program_flaw
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Status, Verdict, failed, ok, unknown, warning
from parsers.partition.table import Partition, Scheme
from parsers.place import Place

_GROWPART: Final = ("/usr/bin/growpart", "/usr/sbin/growpart", "/usr/local/bin/growpart")
_OFF: Final = frozenset({"off", "false"})
_MODES: Final = frozenset({"auto", "growpart"})
_NO: Final = frozenset({"false", "off", "no", "0", "n"})
_CONFIG: Final = "/etc/cloud/cloud.cfg"
_STOPPED: Final = "/etc/growroot-disabled"
_TOOLS: Final = {
    "ext2": "resize2fs",
    "ext3": "resize2fs",
    "ext4": "resize2fs",
    "xfs": "xfs_growfs",
    "btrfs": "btrfs",
    "bcachefs": "bcachefs",
}
_FOLDERS: Final = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")
_FIRST_LOGICAL: Final = 5
_RESIZES: Final = (3, 6)
"""The first kernel that takes in a larger partition while it is in use (BLKPG_RESIZE_PARTITION)."""
_RELEASE: Final = re.compile(r"(\d+)\.(\d+)")
_GROWROOT: Final = (
    "/usr/share/dracut/modules.d/50growroot/growroot.sh",
    "/usr/lib/dracut/modules.d/50growroot/growroot.sh",
    "/usr/share/initramfs-tools/scripts/local-bottom/growroot",
)
"""What grows the partition from the initial RAM disk, before it is in use."""


def _root(facts: Facts) -> Volume:
    volume = next((mount.volume for mount in facts[Guest].mounts if mount.path == "/"), None)
    if volume is None:
        raise UnknownFact("the volume of the root file system is not known")
    return volume


@rule("root-partition-grows", "cloud-init runs and has growpart to enlarge the root partition")
def root_partition_grows(facts: Facts) -> Verdict:
    """Kernels before 3.6, such as EL 6's, see a larger partition only at the boot after the next.

    Why: an instance with a larger disk than the image keeps the image's size, and fills up.

    Fix: install cloud-init and growpart (package cloud-guest-utils or cloud-utils-growpart), and enable cloud-init.
    With a kernel before 3.6 install growroot besides (package dracut-modules-growroot or cloud-initramfs-growroot), and
    make the initial RAM disk anew.

    Reads: cloud-init's program, units and configuration, /usr/bin/growpart, the version of the default kernel

    References: cloud-init's documentation, module growpart
    """
    guest, cloud = facts[Guest], facts[CloudInit]
    if not cloud.installed:
        return failed("cloud-init is not installed", *(Evidence(Place(path), "no such file") for path in cloud.missing))
    stopped = _stopped(cloud)
    if stopped:
        return failed("cloud-init does not run", *stopped)
    program = next((path for path in _GROWPART if guest.is_file(path)), None)
    if program is None:
        return failed("growpart is not installed", *(Evidence(Place(path), "no such file") for path in _GROWPART))
    if flaw := program_flaw(guest, program):
        return failed("growpart cannot be run", flaw)
    found = Evidence(Place(program), "growpart")
    verdict = _module(cloud, guest, found)
    return verdict if verdict.status is not Status.OK else _at_once(facts, verdict)


def _at_once(facts: Facts, verdict: Verdict) -> Verdict:
    """What an old kernel makes of a partition that grows; one that is not known is judged by other rules."""
    try:
        kernel = facts[DefaultKernel]
    except UnknownFact:
        return verdict
    release = _RELEASE.match(kernel.version or "")
    if release is None or (int(release[1]), int(release[2])) >= _RESIZES:
        return verdict
    guest = facts[Guest]
    script = next((path for path in _GROWROOT if guest.is_file(path) and guest.stat(path).size), None)
    if script is not None:
        return ok(verdict.message, *verdict.evidence, Evidence(Place(script), "grows it before the root is mounted"))
    old = Evidence(kernel.place, f"kernel {kernel.version}: 3.6 or later wanted, or growroot in the initial RAM disk")
    return warning("the kernel sees a larger partition only at the boot after the next", old, *verdict.evidence)


def _stopped(cloud: CloudInit) -> list[Evidence]:
    """Why cloud-init does not run; empty where it does."""
    if cloud.runs:
        return []
    dead = [Evidence(unit.place, f"{unit.unit}: {unit.reason}") for unit in cloud.units if not unit.enabled]
    return [*cloud.switches, *dead] or [Evidence(Place("/etc/systemd/system"), "no unit of cloud-init")]


def _module(cloud: CloudInit, guest: Guest, program: Evidence) -> Verdict:
    """What the configuration makes of it; a file that cannot be read may say anything."""
    config = cloud.config
    if config.flaws:
        flaws = map(Evidence.of, config.flaws)
        return unknown("part of cloud-init's configuration cannot be read", *flaws)
    module = config.module("growpart")
    if module is None:
        place = config.place("cloud_init_modules") or Place("/etc/cloud/cloud.cfg")
        return failed(
            "cloud-init does not run growpart", Evidence(place, "growpart wanted among the modules, not found")
        )
    own = config.value("growpart")
    if own is not None and not isinstance(own, dict):
        place = config.place("growpart") or module.place
        return warning("growing the partition is switched off", Evidence(place, f"growpart: {own}"))
    devices = config.value("growpart", "devices")
    if isinstance(devices, list) and not {"/", "/dev/root"} & set(map(str, devices)):
        place = config.place("growpart", "devices") or module.place
        return warning("growpart leaves the root out", Evidence(place, f"devices: {devices}"))
    mode = config.value("growpart", "mode")
    if isinstance(mode, str) and mode.lower() not in _OFF | _MODES:
        place = config.place("growpart", "mode") or module.place
        return warning("growpart has no such mode here", Evidence(place, f"mode: {mode}"))
    if mode is False or (isinstance(mode, str) and mode.lower() in _OFF):
        place = config.place("growpart", "mode") or module.place
        return warning("growing the partition is switched off", Evidence(place, f"mode: {mode}"))
    if guest.exists(_STOPPED) and config.value("growpart", "ignore_growroot_disabled") is not True:
        return warning("growing the partition is switched off", Evidence(Place(_STOPPED), "present"))
    return ok("cloud-init grows the root partition", program, Evidence(module.place, "growpart"))


@rule("root-file-system-grows", "The tool that enlarges the root file system is there")
def root_file_system_grows(facts: Facts) -> Verdict:
    """Why: without the tool the partition grows and the file system on it does not.

    Fix: install the tool of the root file system: e2fsprogs for ext4, xfsprogs for XFS, btrfs-progs for btrfs.
    Reads: the superblock of the root, /usr/sbin, resize_rootfs and the module resizefs in cloud-init's configuration
    References: cloud-init's documentation, module resizefs
    """
    guest, volume = facts[Guest], _root(facts)
    tool = _TOOLS.get(volume.type or "")
    if tool is None:
        return warning(
            f"{volume.type} cannot be enlarged by cloud-init", Evidence(volume.place, f"{volume.type} found")
        )
    paths = [f"{folder}/{tool}" for folder in _FOLDERS]
    found = next((path for path in paths if guest.is_file(path)), None)
    if found is None:
        return warning(f"{tool} is not installed", *(Evidence(Place(path), "no such file") for path in paths))
    if flaw := program_flaw(guest, found):
        return warning(f"{tool} cannot be run", flaw)
    cloud = facts[CloudInit]
    config = cloud.config
    setting = config.value("resize_rootfs")
    if setting is not None and str(setting).lower() in _NO:
        place = config.place("resize_rootfs") or Place(_CONFIG)
        return warning("growing the file system is switched off", Evidence(place, f"resize_rootfs: {setting}"))
    if cloud.installed and config.files and not config.flaws and config.module("resizefs") is None:
        place = config.place("cloud_init_modules") or Place(_CONFIG)
        return warning("cloud-init does not enlarge the file system", Evidence(place, "resizefs wanted, not found"))
    return ok(f"{volume.type} can be enlarged", Evidence(Place(found), tool))


@rule("root-partition-is-last", "The root partition is the last one, with nothing between it and the file system")
def root_partition_is_last(facts: Facts) -> Verdict:
    """Why: a partition can only grow into free space behind it, and a logical volume does not grow with its partition.

    Fix: move the other partitions in front of the root partition, or leave them out. What is made of partitions is
    enlarged by hand: after growpart a logical volume with `pvresize` and `lvextend --resizefs`, an array with
    `mdadm --grow`; or install the system on a partition.
    Reads: the partition table, the metadata of groups and arrays
    References: https://www.alibabacloud.com/help/en/ecs/user-guide/detect-custom-images-and-repair
    """
    volume = _root(facts)
    own, disk = volume.partition, facts[Storage].disk_of(volume)
    if own is None or disk is None:
        if disk is not None and disk.table.scheme is Scheme.NONE:
            return ok("the root file system lies on the whole disk", Evidence(volume.place, "no partition table"))
        made = f"made of {', '.join(volume.members)}" if volume.members else f"{volume.type} found"
        return warning("the root file system lies on no partition of its own", Evidence(volume.place, made))
    behind = [part for part in disk.table.partitions if part.offset >= own.offset + own.size]
    if behind:
        return warning(
            "partitions lie behind the root partition", _seen(own, volume), *(_place(disk, part) for part in behind)
        )
    if disk.table.scheme is Scheme.MBR and own.number >= _FIRST_LOGICAL:
        return warning("the root partition is a logical one, which does not grow", _seen(own, volume))
    return ok("the root partition is the last one", _seen(own, volume))


def _seen(partition: Partition, volume: Volume) -> Evidence:
    return Evidence(Place(volume.name, offset=partition.offset, volume=volume.name), f"partition {partition.number}")


def _place(disk: Disk, partition: Partition) -> Evidence:
    name = partition_name(disk.name, partition.number)
    return Evidence(Place(name, offset=partition.offset, volume=name), f"partition {partition.number} behind it")


RULES = (root_partition_grows, root_file_system_grows, root_partition_is_last)
