"""Whether the system's file systems are of a type, and have features, that the target takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector.boot.uefi import ESP_TYPES
from inspector.disks.disk import Volume
from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, ok, warning
from parsers.filesystem.tree import FeatureNaming
from parsers.place import Place

_PATHS: Final = ("/", "/boot")


def _volumes(facts: Facts) -> list[tuple[str, Volume, object]]:
    """The root and /boot, where that is a volume of its own and not the EFI system partition, with their trees."""
    found: list[tuple[str, Volume, object]] = []
    for mount in facts[Guest].mounts:
        volume = mount.volume
        if mount.path in _PATHS and volume and not (volume.partition and volume.partition.type in ESP_TYPES):
            found.append((mount.path, volume, mount.tree))
    if not any(path == "/" for path, _, _ in found):
        raise UnknownFact("the volume of the root file system is not known")
    return found


@rule("system-file-systems-are-accepted", "The root and /boot have a type of file system that the target names")
def system_file_systems_are_accepted(facts: Facts, *, accepted: Sequence[str]) -> Verdict:
    """Why: what the vendor sets up in a new instance, its password among it, is written into these file systems.

    Fix: install the system on one of the types that are named, or try the image before relying on it.

    Reads: the superblocks, /etc/fstab

    References: the vendor's specification of Linux images
    """
    found = _volumes(facts)
    unread = [(path, volume.reason) for path, volume, _ in found if volume.type is None]
    if unread:
        raise UnknownFact(f"the type is not known: {unread[0][1]}", *(Place(path) for path, _ in unread))
    seen = {path: Evidence(Place(path, volume=volume.name), volume.type or "") for path, volume, _ in found}
    others = [seen[path] for path, volume, _ in found if volume.type not in accepted]
    if others:
        kinds = ", ".join(dict.fromkeys(item.seen for item in others))
        return warning(f"one of {', '.join(accepted)} wanted, {kinds} found", *others)
    return ok("the types are accepted", *seen.values())


@rule("ext4-features-are-accepted", "The root and /boot have no features of ext4 that the target refuses")
def ext4_features_are_accepted(facts: Facts, *, refused: Sequence[str]) -> Verdict:
    """Each of `refused` is one feature, or several joined by `+` that are refused together.

    Why: a tool of the vendor that does not know a feature cannot write to the file system.

    Fix: take the feature away in the image, unmounted: `tune2fs -O ^project,^quota`.

    Reads: the superblocks, /etc/fstab

    References: tune2fs(8); ext4(5)
    """
    named = [(path, volume, tree.features) for path, volume, tree in _volumes(facts) if isinstance(tree, FeatureNaming)]
    if not named:
        raise NotApplicable("neither the root nor /boot is an ext2, ext3 or ext4 that can be read")
    bad = [
        Evidence(Place(path, volume=volume.name), f"{volume.type} with {item.replace('+', ' and ')}")
        for path, volume, features in named
        for item in refused
        if set(item.split("+")) <= features
    ]
    if bad:
        return warning("features that the target refuses", *bad)
    return ok("no feature is refused", *(Evidence(Place(p, volume=v.name), ", ".join(sorted(f))) for p, v, f in named))


RULES = (ext4_features_are_accepted, system_file_systems_are_accepted)
