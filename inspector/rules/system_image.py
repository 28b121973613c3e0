"""Whether the image is that of a system's disk, and of a machine that the cloud has."""

from __future__ import annotations

from inspector.facts import Facts
from inspector.facts.platform import Architecture, DiskContent
from inspector.guest import Guest
from inspector.rules.rule import rule
from inspector.verdict import Evidence, NotApplicable, Verdict, failed, ok, unknown, warning
from parsers.place import Place


@rule("image-holds-a-system", "The image is the disk of a system", os="any")
def image_holds_a_system(facts: Facts) -> Verdict:
    """One of the volumes holds the root of an operating system.

    Why: an installation medium, a data disk or an empty disk cannot be the system disk of an instance.

    Fix: upload the image of a disk on which a system is installed; install the system from the medium into a disk
    first.

    Reads: signatures of all volumes, root directories of those that can be read.

    References: https://www.alibabacloud.com/help/en/ecs/user-guide/detect-custom-images-and-repair
    """
    content = facts[DiskContent]
    if content.roots:
        return ok("a system was found", *content.roots)
    if content.medium:
        return failed("an installation medium, not a system's disk", content.medium, *content.others, *content.unread)
    if content.unread:
        return unknown(
            "no system in what can be read, and not everything can be read", *content.unread, *content.others
        )
    return failed("no system on any volume: a data disk or an empty one", *content.others)


@rule("image-holds-one-system", "There is one system on the disk, not several", os="any")
def image_holds_one_system(facts: Facts) -> Verdict:
    """No second volume holds the root of a system.

    Why: which of two systems starts is decided by the boot loader's configuration; what is judged here may not be it.

    Fix: remove the system that is not wanted, or name the root with `--root`.

    Reads: the root directories of all volumes that can be read.

    References: https://www.alibabacloud.com/help/en/ecs/user-guide/detect-custom-images-and-repair
    """
    content = facts[DiskContent]
    if len(content.roots) > 1:
        return warning(f"{len(content.roots)} volumes hold the root of a system", *content.roots)
    if content.unread:
        return unknown("some volumes cannot be read", *content.unread)
    if content.roots:
        return ok("one system was found", *content.roots)
    return unknown("no system was found", *content.others)


@rule("architecture-is-supported", "The system is for a machine that the cloud has")
def architecture_is_supported(facts: Facts, *, supported: list[str], limited: list[str]) -> Verdict:
    """The programs of the system are for one of the `supported` machines; those `limited` have restrictions.

    Why: an image of another architecture does not start; a 32-bit one is limited to small instance types.

    Fix: import the image under its own architecture, or rebuild the system for one that is supported.

    Reads: the head of /sbin/init, or of another program that every guest has.

    References: uname(1); System V ABI, ELF header
    """
    architecture = facts[Architecture]
    seen = Evidence(architecture.place, f"a {architecture.bits}-bit program for {architecture.machine}")
    if architecture.machine in supported:
        return ok(f"the system is for {architecture.machine}", seen)
    if architecture.machine in limited:
        return warning(f"{architecture.machine} is supported with restrictions", seen)
    return failed(f"{' or '.join(supported)} wanted, {architecture.machine} found", seen)


@rule("system-matches-declared", "The system is of the platform and the architecture that the image declares", os="any")
def system_matches_declared(facts: Facts, *, platform: str, architecture: str) -> Verdict:
    """The system is a `platform` ("linux", "windows") for an `architecture` ("x86_64", "aarch64"); "any" asks for none.

    Why: the cloud starts an instance, and sets it up, by what the image declares, whatever is on the disk.

    Fix: declare what the image holds.

    Reads: the root directories of all volumes; the head of /sbin/init, or of another program that every guest has.

    References: https://www.alibabacloud.com/help/en/ecs/user-guide/import-a-custom-image
    """
    found: list[tuple[bool, Evidence]] = []
    if platform != "any":
        family = facts[Guest].family
        found.append((family == platform, Evidence(Place("/"), f"{platform} declared, {family} found")))
    if architecture != "any":
        machine = facts[Architecture]
        seen = f"{architecture} declared, {machine.machine} found"
        found.append((machine.machine == architecture, Evidence(machine.place, seen)))
    if not found:
        raise NotApplicable("neither platform nor architecture is declared")
    wrong = [seen for fits, seen in found if not fits]
    if wrong:
        return failed("the image declares another system", *wrong)
    return ok("the system is the declared one", *(seen for _, seen in found))


RULES = (architecture_is_supported, image_holds_a_system, image_holds_one_system, system_matches_declared)
