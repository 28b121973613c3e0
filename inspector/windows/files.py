"""Whether a file that Windows loads is there as a whole, and of a machine that this Windows has programs for.

Source: Microsoft's documentation, "CreateProcessW" (where a path without quotes ends, and which extension it gets),
"Running 32-bit Applications" and "How x86 and x64 emulation works on Arm"; a library is of the machine of the program
that loads it. A service within svchost is run by the one whose group (`svchost.exe -k GROUP`) names it in its list, a
value of the key Svchost ("Description of Svchost.exe", KB 250320 and 314056). Not done: the groups of 32-bit hosts.
"""

from __future__ import annotations

import re
from typing import Final

from inspector.facts import Facts
from inspector.facts.platform import Architecture
from inspector.guest import Guest, NotFound
from inspector.windows.registry import Registry
from inspector.windows.services import Service
from parsers.boot.pe import check_pe_whole, parse_pe
from parsers.filesystem.tree import FileType
from parsers.place import ParseError, Place, UnsupportedError

_EMULATED: Final = {"x86_64": {"i386"}, "aarch64": {"arm", "i386", "x86_64"}}
"""Of the machines of a Windows, those of other machines whose programs it runs, too."""
_GROUPS: Final = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Svchost"
_LONGEST: Final = 4096
_GROUP: Final = re.compile(r'(?i)(?:^|[\\/"])svchost(?:\.exe)?"?\s.*?-k\s+"?([^\s"]+)')


def flaw_of_program(facts: Facts, path: str, *, any_machine: bool = False) -> str | None:
    """Say why Windows cannot load the driver or program at `path`; None where it can.

    With `any_machine` it may be for another machine than the kernel, of those whose programs this Windows runs. Raise
    `UnknownFact` or `ParseError` where the folder or the file cannot be read.
    """
    guest = facts[Guest]
    try:
        kind = guest.stat(path).type
    except NotFound:
        return "does not exist"
    if kind is not FileType.FILE:
        return f"is no file, but a {kind}"
    source = guest.open(path)
    if not source.size:
        return "is empty"
    try:
        machine = parse_pe(source).machine
    except UnsupportedError:
        raise
    except ParseError as error:
        return f"is no program: {error.message}"
    try:
        check_pe_whole(source)
    except ParseError as error:
        return f"is cut off: {error.message}"
    wanted = facts[Architecture].machine
    if machine == wanted or (any_machine and machine in _EMULATED.get(wanted, ())):
        return None
    return f"is for {machine}, Windows for {wanted}"


def flaw_of_service(facts: Facts, found: Service) -> tuple[Place, str] | None:
    """Say where and why Windows cannot run a service that is no driver: its program, and its DLL; None where it can.

    Raise what `flaw_of_program` raises.
    """
    guest = facts[Guest]
    if not found.programs:
        return found.place, "it names no program"
    program = next((path for path in found.programs if guest.is_file(path)), found.programs[0])
    if found.lacks_dll:
        return found.place, "it names no ServiceDll"
    if flaw := flaw_of_program(facts, program, any_machine=True):
        return guest.place(program), f"its program {flaw}"
    other = "syswow64" in program.lower()
    if found.dll and (flaw := flaw_of_program(facts, found.file, any_machine=other)):
        return guest.place(found.file), f"its DLL {flaw}"
    return None if other else _flaw_of_group(facts[Registry], found)


def _flaw_of_group(registry: Registry, found: Service) -> tuple[Place, str] | None:
    """Say where and why the group of svchost that a service is to run in does not run it; None where it does."""
    group = _GROUP.search(found.image_path[:_LONGEST])
    if group is None:
        return None
    names = {name.strip().lower() for name in registry.texts(_GROUPS, group[1])}
    if found.name.lower() in names:
        return None
    return registry.place(_GROUPS, group[1]), f"the group {group[1]} of svchost does not name it"
