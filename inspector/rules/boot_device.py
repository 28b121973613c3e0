"""The devices that GRUB and the kernel arguments name: each name is that of one volume only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.disks.device import another, is_kernel_name, resolve
from inspector.disks.storage import Storage
from inspector.facts import Facts, UnknownFact
from inspector.facts.boot import BootConfig, DefaultKernel
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, ok, warning
from parsers.place import Place

_TAGS: Final = {"fs-uuid": "UUID", "label": "LABEL"}


@rule("boot-devices-are-unambiguous", "No two volumes carry a name that GRUB or the kernel arguments use")
def boot_devices_are_unambiguous(facts: Facts) -> Verdict:
    """Devices of one btrfs, and snapshots inside a file system, are no second volume.

    Why: of two volumes with one UUID or label either may be booted, and which one changes from start to start.

    Fix: give the copy another UUID or label (`tune2fs -U random`, `xfs_admin -U generate`, `btrfstune -u`), or take it
    out of the image.

    Reads: the searches and kernel arguments of the default entry, the superblocks, the partition table.

    References: GRUB manual "search"; blkid(8)
    """
    volumes = facts[Storage].volumes
    twice: list[Evidence] = []
    once: list[Evidence] = []
    for spec, place in dict.fromkeys(_named(facts)):
        try:
            first = resolve(spec, volumes)
        except UnknownFact:
            continue  # it lies in what is not read, which other rules report
        if first is None:
            continue
        second = another(spec, first, volumes)
        seen = f"{spec} is {first.name}" + (f", and {second.name} too" if second else "")
        (twice if second else once).append(Evidence(place, seen))
    if twice:
        return warning("a name of a boot device means two volumes", *twice)
    if not once:
        raise NotApplicable("neither GRUB nor the kernel arguments name a volume of the image")
    return ok("each name means one volume", *once)


def _named(facts: Facts) -> Iterator[tuple[str, Place]]:
    """What GRUB searches for on the way to the kernel, and what root= and resume= name."""
    kernel = facts[DefaultKernel]
    for name in ("root", "resume"):
        spec = kernel.value(name)
        if spec and not is_kernel_name(spec):
            yield spec, kernel.place
    for menu in facts[BootConfig].menus:
        for search in (search for step in menu.chosen for search in step.searches):
            if search.kind in _TAGS:
                yield f"{_TAGS[search.kind]}={search.value}", search.place


RULES = (boot_devices_are_unambiguous,)
