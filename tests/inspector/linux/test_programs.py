from __future__ import annotations

import pytest

from fixtures.kernel import elf
from inspector.linux.programs import find_program, program_flaw
from tests.memory_tree import Dir, File, Link, guest_of

ARM = bytearray(elf())
ARM[18:20] = b"\xb7\0"
I386 = bytearray(elf())
I386[4], I386[18:20] = 1, b"\x03\0"
GUEST = guest_of(
    {
        "/sbin/init": File(elf(), 0o755),
        "/good": File(elf(), 0o755),
        "/narrow": File(bytes(I386), 0o755),
        "/usr/bin/python3": File(elf(), 0o755),
        "/script": File("#!/usr/bin/python3 -u\n", 0o755),
        "/env": File("#! /usr/bin/env python3\n", 0o755),
        "/usr/bin/env": File(elf(), 0o755),
        "/folder": Dir(),
        "/plain": File(elf(), 0o644),
        "/empty": File("", 0o755),
        "/text": File("hello\n", 0o755),
        "/foreign": File(bytes(ARM), 0o755),
        "/orphan": File("#!/opt/python\n", 0o755),
        "/no-env": File("#!/usr/bin/env ruby\n", 0o755),
        "/bare": File("#!\n", 0o755),
        "/locked": File("#!/plain\n", 0o755),
        "/dangling": Link("gone"),
        "/linked": File(elf(interpreter="/usr/bin/env"), 0o755),
        "/unloaded": File(elf(interpreter="/lib/ld.so"), 0o755),
        "/torn": File(elf(interpreter="/usr/bin/env")[:70], 0o755),
    }
)


@pytest.mark.parametrize("path", ["/good", "/narrow", "/script", "/env", "/linked"])
def test_what_can_be_executed(path: str) -> None:
    assert program_flaw(GUEST, path) is None


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/gone", "no such file"),
        ("/dangling", "no such file"),
        ("/folder", "a program wanted, a directory found"),
        ("/plain", "mode 0644: nobody may execute it"),
        ("/empty", "a program wanted, an empty file found"),
        ("/text", "a program or a script with #! wanted, neither found"),
        ("/foreign", "a program for x86_64 wanted, one for aarch64 found"),
        ("/orphan", "its interpreter /opt/python does not exist"),
        ("/no-env", "its interpreter ruby does not exist"),
        ("/bare", "its interpreter (none) does not exist"),
        ("/unloaded", "its loader /lib/ld.so does not exist"),
        ("/torn", "56 bytes wanted, the source ends at byte 70"),
        ("/locked", "its interpreter /plain may not be executed"),
    ],
)
def test_what_cannot(path: str, seen: str) -> None:
    flaw = program_flaw(GUEST, path)
    assert flaw is not None
    assert (flaw.place.path, flaw.seen) == (path, seen)


def test_a_command_is_sought_in_the_usual_folders() -> None:
    assert find_program(GUEST, "python3") == "/usr/bin/python3"
    assert find_program(GUEST, "/good") == "/good"
    assert find_program(GUEST, "ruby") is None
