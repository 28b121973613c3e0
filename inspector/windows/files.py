"""Whether a file that Windows loads is there, and of the machine that the kernel is for."""

from __future__ import annotations

from inspector.facts import Facts
from inspector.facts.platform import Architecture
from inspector.guest import Guest, NotFound
from parsers.boot.pe import parse_pe
from parsers.place import ParseError, UnsupportedError


def flaw_of_program(facts: Facts, path: str, *, any_machine: bool = False) -> str | None:
    """Say why Windows cannot load the driver or program at `path`; None where it can.

    With `any_machine` it may be for another machine than the kernel. Raise `UnknownFact` or `ParseError` where the
    folder or the file cannot be read.
    """
    guest = facts[Guest]
    try:
        source = guest.open(path)
    except NotFound:
        return "does not exist"
    if not source.size:
        return "is empty"
    try:
        machine = parse_pe(source).machine
    except UnsupportedError:
        raise
    except ParseError as error:
        return f"is no program: {error.message}"
    wanted = facts[Architecture].machine
    return None if any_machine or machine == wanted else f"is for {machine}, Windows for {wanted}"
