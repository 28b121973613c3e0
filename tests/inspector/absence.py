"""The guests from which files are taken away: of the families, the golden one, and one with more in it."""

from __future__ import annotations

import functools
import posixpath
import shutil
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from fixtures.families import RECIPES, guest_of_family
from fixtures.families.family import Family, Kernel
from fixtures.files import File, Files, Node
from fixtures.golden import GOLDEN
from fixtures.kernel import elf
from inspector import engine
from inspector.disks.disk import Volume
from inspector.facts import Facts
from inspector.guest import Guest
from inspector.profile import Check, Profile, load_profile, profile_names
from inspector.report import RuleResult
from inspector.rules import rules
from inspector.verdict import Status
from tests.inspector.boots import arguments
from tests.inspector.family_guests import facts_of
from tests.volumes import volume_of

WIDE: Final = "debian-12-wide"
GUESTS: Final = (*RECIPES, "debian-12", WIDE)
SWAP: Final = "deadbeef-0000-4000-8000-000000000005"
SUDO: Final = "\nPackage: sudo\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.9.13p3-1+deb12u1\n"
OTHER: Final = Kernel("6.1.0-49-amd64", ".ko")


def _loader() -> bytes:
    """The head of a program for UEFI (PE32+, x86-64)."""
    optional = bytearray(240)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<H", optional, 68, 10)
    head = struct.pack("<HHIIIHH", 0x8664, 0, 0, 0, 0, 240, 0x206)
    return b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + head + bytes(optional)


ESP: Final[Files] = {"/EFI/BOOT/BOOTX64.EFI": _loader(), "/EFI/debian/grubx64.efi": _loader()}


def _wide() -> Family:
    """Debian with sudo, an encrypted swap, a second kernel, an EFI system partition, and a volume to resume from."""
    golden = Family("debian-12", GOLDEN)
    fstab = golden.text("/etc/fstab") + "UUID=ABCD-1234 /boot/efi vfat umask=0077 0 1\n"
    return Family(WIDE, GOLDEN).changed(
        {
            **arguments(f"resume=UUID={SWAP}"),
            **OTHER.files(f"/boot/vmlinuz-{OTHER.version}", f"/boot/initrd.img-{OTHER.version}"),
            "/etc/fstab": fstab,
            "/boot/efi/.keep": "",
            "/etc/crypttab": f"swap UUID={SWAP} /dev/urandom swap\n",
            "/var/lib/dpkg/status": golden.text("/var/lib/dpkg/status") + SUDO,
            "/usr/bin/sudo": File(elf(), 0o4755),
            "/etc/sudoers": File("Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n", 0o440),
            "/etc/sudoers.d/90-cloud": File("%adm ALL=(ALL) NOPASSWD:ALL\n", 0o440),
        }
    )


@functools.cache
def guest(name: str) -> Family:
    """Return the good guest of that name."""
    if name in RECIPES:
        return guest_of_family(name)
    return _wide() if name == WIDE else Family(name, GOLDEN)


def missing_for(name: str) -> list[str]:
    """Return the programs without which the guest cannot be made."""
    needs = RECIPES[name].needs if name in RECIPES else ()
    return [program for program in needs if shutil.which(program) is None]


def facts(family: Family, esp: Files = ESP, broken: frozenset[str] = frozenset()) -> Facts:
    """Return the facts of a guest, with what it has beside its root."""
    return facts_of(family, *(_beside(esp) if family.name == WIDE else ()), broken=broken)


def _beside(esp: Files) -> Iterator[Volume]:
    system = volume_of(esp, 2, "vfat", "ABCD-1234")
    assert system.partition
    system.partition = replace(system.partition, type="0xef")
    yield system
    yield volume_of(None, 3, "swap", SWAP)


@functools.cache
def fellows(rule: str) -> tuple[str, ...]:
    """Return the rules that stand in one check with a rule, itself among them."""
    checks = (check for profile in map(load_profile, profile_names()) for check in profile.checks)
    return tuple(dict.fromkeys(name for check in checks if rule in check.rules for name in check.rules))


def _settings() -> dict[str, Mapping[str, object]]:
    found: dict[str, Mapping[str, object]] = {}
    for profile in map(load_profile, profile_names()):
        for rule, values in profile.parameters.items():
            found.setdefault(rule, values)
    return found


_SETTINGS: Final = _settings()


def judged(of: Facts, names: tuple[str, ...] = tuple(rules())) -> tuple[dict[str, RuleResult], dict[str, str]]:
    """Return what these rules say, by default all there are, and why others do not concern the guest."""
    profile = Profile("all", "every rule", tuple(Check(name, name, name, (name,)) for name in names), _SETTINGS)
    checks, exemptions = engine.judge(of, profile)
    return {check.name: check.rules[0] for check in checks}, {item.name: item.reason for item in exemptions}


@functools.cache
def whole(name: str) -> Guest:
    """Return the tree of the good guest of that name."""
    return facts(guest(name))[Guest]


@functools.cache
def spoken_of(name: str) -> dict[str, dict[str, set[str]]]:
    """Path -> the rules that are OK for what they saw there, or saw was not there."""
    paths: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for rule, result in judged(facts(guest(name)))[0].items():
        for item in result.evidence if result.status is Status.OK else ():
            if item.path.startswith("/") and item.path != "/":
                paths[item.path][rule].add(item.seen)
    return paths


def lies_at(name: str, path: str) -> str:
    """Return where a path leads in the guest; for one that is not there, where it would lie."""
    root = whole(name)
    if root.exists(path):
        return root.realpath(path)
    folder, name = posixpath.split(path)
    return posixpath.join(root.realpath(folder), name) if root.exists(folder) else path


def emptied(node: Node | None) -> Node:
    """Return a file with nothing in it, otherwise as it was."""
    return File("", node.mode, node.uid, node.gid) if isinstance(node, File) else ""
