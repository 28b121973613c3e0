r"""Whether a file of Windows is there as a whole: that it begins as its kind does, and a program runs on this Windows.

Source: Microsoft's documentation, "Running 32-bit Applications" and "How x86 and x64 emulation
works on Arm" (which machines' programs a Windows runs), "Use the System File Checker tool" (`sfc`, and that DISM goes
before it since Windows 8).
"""

from __future__ import annotations

from typing import Final

from inspector.facts import Facts
from inspector.facts.platform import Architecture
from inspector.guest import Guest, NotFound
from parsers.boot.pe import check_pe_whole, parse_pe
from parsers.filesystem.tree import FileType
from parsers.place import ParseError, UnsupportedError
from parsers.source import Source

_EMULATED: Final = {"x86_64": {"i386"}, "aarch64": {"arm", "i386", "x86_64"}}
"""Of the machines of a Windows, those of other machines whose programs it runs, too."""
_OWN: Final = "/windows/"


def flaw_of_file(guest: Guest, path: str, head: bytes = b"", what: str = "") -> str | None:
    """Say why `path` is no file with content that begins with `head`, as `what` does; None where it is.

    Raise `UnknownFact` or `ParseError` where the folder or the file cannot be read.
    """
    try:
        kind = guest.stat(path).type
    except NotFound:
        return "does not exist"
    if kind is not FileType.FILE:
        return f"is no file, but a {kind}"
    source = guest.open(path)
    if not source.size:
        return "is empty"
    found = source.read_at(0, min(len(head), source.size))
    return None if found == head else f"is no {what}: {head.hex(' ')} wanted, {found.hex(' ')} found"


def flaw_of_program(facts: Facts, path: str, *, any_machine: bool = False) -> str | None:
    """Say why Windows cannot load the driver or program at `path`; None where it can.

    With `any_machine` it may be for another machine than the kernel, of those whose programs this Windows runs. Raise
    what `flaw_of_file` raises.
    """
    guest = facts[Guest]
    return flaw_of_file(guest, path) or flaw_of_image(facts, guest.open(path), any_machine=any_machine)


def flaw_of_image(facts: Facts, source: Source, *, any_machine: bool = False) -> str | None:
    """Say why Windows cannot load what is in a file, as `flaw_of_program` does."""
    flaw = "is no program"
    try:
        machine = parse_pe(source).machine
        flaw = "is cut off"
        check_pe_whole(source)
    except UnsupportedError:
        raise
    except ParseError as error:
        return f"{flaw}: {error.message}"
    wanted = facts[Architecture].machine
    if machine == wanted or (any_machine and machine in _EMULATED.get(wanted, ())):
        return None
    return f"is for {machine}, Windows for {wanted}"


def restoring(guest: Guest, path: str) -> str:
    """Say how a file is put back: one of Windows itself from its own store, any other with what it belongs to."""
    written = guest.written(path)
    if not guest.normal(path).lower().startswith(_OWN):
        return f"install again what {written} belongs to, or have the registry name the file that Windows has there."
    return (
        rf"restore {written} by `sfc /scannow`, since Windows 8 after `dism /online /cleanup-image /restorehealth`; "
        r"where Windows does not start, `sfc /scannow /offbootdir=C:\ /offwindir=C:\Windows` in the recovery console."
    )
