"""Whether a program of the guest could be executed at all (execve(2)): what is there need not run.

Looked at are the mode, the size, the machine of an ELF file, and the interpreter that it or a script names. Not done:
the libraries of a program, and what a program does once it runs.
"""

from __future__ import annotations

import posixpath
from typing import Final

from inspector.guest import Guest, NotFound
from inspector.verdict import Evidence
from parsers.filesystem.tree import FileType
from parsers.linux.elf import elf_interpreter, parse_elf
from parsers.place import ParseError, Place
from parsers.source import Source

FOLDERS: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where systemd looks for a command without a path."""
_HEAD: Final = 256
_ELF_HEAD: Final = 20
_WIDE_HEAD: Final = 64
_INIT: Final = "/sbin/init"
_EXECUTABLE: Final = 0o111
_ALSO: Final = {"x86_64": frozenset({"i386", "x32"}), "aarch64": frozenset({"arm"})}
"""Machines whose programs a kernel runs beside its own."""


def program_flaw(guest: Guest, path: str) -> Evidence | None:
    """Return why the program cannot be executed, or None where nothing speaks against it."""
    try:
        stat = guest.stat(path)
    except NotFound:
        return Evidence(Place(path), "no such file")
    if stat.type is not FileType.FILE:
        return Evidence(Place(path), f"a program wanted, a {stat.type} found")
    if not stat.mode & _EXECUTABLE:
        return Evidence(Place(path), f"mode {stat.mode & 0o7777:04o}: nobody may execute it")
    if not stat.size:
        return Evidence(Place(path), "a program wanted, an empty file found")
    source = guest.open(path)
    head = source.read_at(0, min(source.size, _HEAD))
    if head.startswith(b"\x7fELF"):
        return _foreign(guest, path, source)
    if head.startswith(b"#!"):
        return _without_interpreter(guest, path, head)
    return Evidence(Place(path), "a program or a script with #! wanted, neither found")


def find_program(guest: Guest, name: str) -> str | None:
    """Return the path of a command, which may come with one; None where no file is there."""
    if name.startswith("/"):
        return name if guest.is_file(name) else None
    return next((path for folder in FOLDERS if guest.is_file(path := f"{folder}/{name}")), None)


def _foreign(guest: Guest, path: str, source: Source) -> Evidence | None:
    """A program for another machine than that of init."""
    found, wanted = _machine(source), None
    if found is not None and guest.is_file(_INIT):
        wanted = _machine(guest.open(_INIT))
    if found is None or wanted is None or found == wanted or found in _ALSO.get(wanted, ()):
        return _without_loader(guest, path, source)
    return Evidence(Place(path), f"a program for {wanted} wanted, one for {found} found")


def _without_loader(guest: Guest, path: str, source: Source) -> Evidence | None:
    try:
        loader = elf_interpreter(source) if source.size >= _WIDE_HEAD else None
    except ParseError as error:
        return Evidence(Place(path), error.message)
    if loader is None or guest.is_file(loader):
        return None
    return Evidence(Place(path), f"its loader {loader} does not exist")


def _machine(source: Source) -> str | None:
    if source.size < _ELF_HEAD:
        return None
    try:
        return parse_elf(source).machine
    except ParseError:  # what init is shows elsewhere
        return None


def _without_interpreter(guest: Guest, path: str, head: bytes) -> Evidence | None:
    words = head[2:].split(b"\n", 1)[0].decode("utf-8", "surrogateescape").split()
    interpreter = words[0] if words else ""
    if posixpath.basename(interpreter) == "env" and len(words) > 1 and "=" not in words[1] and words[1][0] != "-":
        interpreter = find_program(guest, words[1]) or words[1]
    if not interpreter.startswith("/") or not guest.is_file(interpreter):
        return Evidence(Place(path, 1), f"its interpreter {interpreter or '(none)'} does not exist")
    if not guest.stat(interpreter).mode & _EXECUTABLE:
        return Evidence(Place(path, 1), f"its interpreter {interpreter} may not be executed")
    return None
