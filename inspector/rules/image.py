"""The image file: its format, its header, and what it leans on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.disks.disk import Disk
from inspector.disks.storage import Storage
from inspector.facts import Facts
from inspector.image import DISK_NAME
from inspector.rules.rule import rule
from inspector.verdict import Evidence, Verdict, failed, ok, together, warning
from parsers.container.detect import Format
from parsers.container.qcow2_header import Qcow2
from parsers.place import Place

# Not the file's name: a guest's report is the same in whichever file and format the guest comes.
_IMAGE: Final = "image"
_MAX_EVIDENCE: Final = 20


@rule("image-format-accepted", "The image has a format that the target takes", os="any")
def image_format_accepted(facts: Facts, *, accepted: Sequence[str]) -> Verdict:
    """Why: an import service refuses a format that it does not know, or converts it with losses.

    Fix: convert the image with `qemu-img convert -O qcow2`, or to another format that the target takes.
    Reads: the first and last bytes of the image file
    References: https://www.alibabacloud.com/help/en/ecs/user-guide/import-a-custom-image
    """
    return together({disk.name: _accepted(disk, accepted) for disk in facts[Storage].disks})


def _accepted(disk: Disk, accepted: Sequence[str]) -> Verdict:
    image = disk.image
    wanted = f"one of {', '.join(accepted)}"
    if image.format not in accepted:
        return warning(f"{wanted} wanted, {image.format} found", Evidence(_place(disk), image.format))
    return ok("the format is accepted", Evidence(_place(disk), f"its format is {wanted}"))


@rule("image-format-unambiguous", "The image reads as one format only", os="any")
def image_format_unambiguous(facts: Facts) -> Verdict:
    """Why: a program that guesses takes a raw disk with a qcow2 header for a qcow2, and opens the files it names.

    A qcow2 that carries a partition table may be imported as a raw disk.

    Fix: convert the image with its format given by name: `qemu-img convert -f raw -O qcow2` when it is a raw disk,
    `qemu-img convert -f qcow2 -O qcow2` when it is a qcow2; a left-over ISO 9660 signature goes with
    `wipefs --types iso9660`.
    Reads: the first and last bytes of the image file, and the sectors where other formats have theirs
    References: qemu-img(1), wipefs(8)
    """
    return together({disk.name: _unambiguous(disk) for disk in facts[Storage].disks})


def _unambiguous(disk: Disk) -> Verdict:
    image = disk.image
    if image.resembles is None:
        return ok("no second format is recognised", Evidence(_place(disk), "one format"))
    seen = Evidence(_place(disk, 0), f"{image.format} that begins like {image.resembles}")
    if image.resembles is Format.RAW:
        seen = Evidence(_place(disk, 446), f"{image.format} with a partition table in its header")
    if image.resembles is Format.ISO9660:
        seen = Evidence(_place(disk, 0x8000), f"{image.format} with an ISO 9660 volume descriptor")
        return warning("the disk carries the signature of an ISO 9660 medium too", seen)
    return failed(f"the image reads as {image.format} and as {image.resembles}", seen)


@rule("image-header-clean", "The image's header and tables are clean", os="any")
def image_header_clean(facts: Facts) -> Verdict:
    """Why: a cut or corrupt image loses guest data when it is imported, and a dirty one is refused by some importers.

    Fix: upload the whole file again; for a dirty or corrupt qcow2 run `qemu-img check -r all`, then convert it; for a
    VHDX with a log that is not empty run `qemu-img check -r all` too, or attach it once to a running Windows.
    Reads: the header of the container, its tables and log, and the size of the file
    References: qemu-img(1), check
    """
    return together({disk.name: _clean(disk) for disk in facts[Storage].disks})


def _clean(disk: Disk) -> Verdict:
    image = disk.image
    container = image.container
    problems = image.problems if image.resembles is None else container.problems if container else ()
    seen = list(map(Evidence.of, problems[:_MAX_EVIDENCE]))
    if isinstance(container, Qcow2) and container.corrupt:
        return failed("the image is marked corrupt", Evidence(_place(disk, 72), "corrupt bit set"), *seen)
    if container is not None and container.truncated:
        return failed("the image file is truncated", *seen)
    if isinstance(container, Qcow2) and container.dirty:
        dirty = Evidence(_place(disk, 72), "dirty bit set: its refcounts may be stale")
        return warning("the image was not closed cleanly", dirty, *seen)
    if seen and getattr(container, "dirty", False):  # a VDI has no such mark
        return warning("the image was not closed cleanly", *seen)
    if seen:
        return warning(f"problems in the image's header: {len(problems)}", *seen)
    return ok("the header and tables are clean", Evidence(_place(disk), "no flaw found"))


@rule("image-stands-alone", "The image needs no other file", os="any")
def image_stands_alone(facts: Facts) -> Verdict:
    """Why: without its backing file or external data file an image is a disk full of holes.

    An importer that follows the name would read whatever host file it names.

    Fix: flatten the image with `qemu-img convert -O qcow2`, which copies what lies in the other file.
    Reads: the header of a qcow2 and its extensions
    References: QEMU, docs/interop/qcow2.txt
    """
    return together({disk.name: _alone(disk) for disk in facts[Storage].disks})


def _alone(disk: Disk) -> Verdict:
    container = disk.image.container
    if not isinstance(container, Qcow2):
        files = getattr(container, "files", ())  # the extents of a VMDK
        if files:
            return failed(
                "the image lies in other files", *(Evidence(_place(disk), name) for name in files[:_MAX_EVIDENCE])
            )
        return ok("the image names no other file", Evidence(_place(disk), "no backing file, no external data file"))
    if container.backing_file is not None:
        return failed("the image has a backing file", Evidence(_place(disk, 8), container.backing_file))
    if container.external_data:
        place = _place(disk, 72)
        return failed("the image has an external data file", Evidence(place, container.data_file or "not named"))
    return ok("the image names no other file", Evidence(_place(disk), "no backing file, no external data file"))


@rule("image-without-snapshots", "The image holds no internal snapshot", os="any")
def image_without_snapshots(facts: Facts) -> Verdict:
    """Why: an import takes the active state only; a snapshot is lost, costs space, and may hold what was deleted since.

    Fix: remove each with `qemu-img snapshot -d NAME`, or convert the image, which leaves them out.
    Reads: the snapshot table of a qcow2
    References: qemu-img(1), snapshot
    """
    return together({disk.name: _without_snapshots(disk) for disk in facts[Storage].disks})


def _without_snapshots(disk: Disk) -> Verdict:
    container = disk.image.container
    if not isinstance(container, Qcow2) or not container.snapshot_count:
        return ok("there is no internal snapshot", Evidence(_place(disk), "no snapshot"))
    place = _place(disk, 60)
    named = [Evidence(place, f"snapshot {snapshot.name!r}") for snapshot in container.snapshots[:_MAX_EVIDENCE]]
    found = f"{container.snapshot_count} internal snapshots"
    return warning(f"no internal snapshot wanted, {container.snapshot_count} found", *named or [Evidence(place, found)])


@rule("image-not-encrypted", "The image is not encrypted", os="any")
def image_not_encrypted(facts: Facts) -> Verdict:
    """Why: an importer without the key cannot read an encrypted image, nor can this check look inside.

    Fix: decrypt it with `qemu-img convert`, giving the key as a secret object.
    Reads: the header of a qcow2
    References: QEMU, docs/interop/qcow2.txt
    """
    return together({disk.name: _not_encrypted(disk) for disk in facts[Storage].disks})


def _not_encrypted(disk: Disk) -> Verdict:
    container = disk.image.container
    if isinstance(container, Qcow2) and container.encryption is not None:
        place = _place(disk, 32)
        return failed("the image is encrypted", Evidence(place, f"crypt_method {container.encryption}"))
    return ok("the image is not encrypted", Evidence(_place(disk), "no encryption"))


@rule("virtual-size-within-limits", "No disk is larger than the target takes", os="any")
def virtual_size_within_limits(facts: Facts, *, maximum_gib: int) -> Verdict:
    """The size that the guest sees counts, not that of the file. A smaller disk is enlarged to what the target has.

    Why: an import service refuses a disk that is larger than the largest it has, be it nearly empty.

    Fix: shrink the last file system and its partition, then the disk with `qemu-img resize --shrink`; or move what is
    not the system onto further disks.
    Reads: the header of the container, or the size of a raw image
    References: https://www.alibabacloud.com/help/en/ecs/user-guide/import-a-custom-image
    """
    return together({disk.name: _within(disk, maximum_gib) for disk in facts[Storage].disks})


def _within(disk: Disk, maximum_gib: int) -> Verdict:
    size = disk.image.virtual_size
    if size > maximum_gib << 30:
        seen = Evidence(_place(disk), f"a virtual size of {size} bytes")
        return failed(f"at most {maximum_gib} GiB wanted, {-(-size >> 30)} GiB found", seen)
    return ok("the disk is not too large", Evidence(_place(disk), f"at most {maximum_gib} GiB"))


def _place(disk: Disk, offset: int | None = None) -> Place:
    """A place in the file of a disk; it names the disk where there may be others."""
    return Place(_IMAGE, offset=offset, volume=None if disk.name == DISK_NAME else disk.name)


RULES = (
    image_format_accepted,
    image_format_unambiguous,
    image_header_clean,
    image_stands_alone,
    image_without_snapshots,
    image_not_encrypted,
    virtual_size_within_limits,
)
