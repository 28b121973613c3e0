"""Accounts: by hand, and against glibc's own readers."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parsers.linux.accounts import (
    Group,
    GroupSecret,
    Secret,
    User,
    parse_group,
    parse_gshadow,
    parse_passwd,
    parse_shadow,
)
from parsers.place import Place, Problem
from tests.corpus import corpus


class CPasswd(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("password", ctypes.c_char_p), ("uid", ctypes.c_uint32), ("gid", ctypes.c_uint32),
        ("comment", ctypes.c_char_p), ("home", ctypes.c_char_p), ("shell", ctypes.c_char_p),
    )  # fmt: skip


class CSecret(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("password", ctypes.c_char_p), *((name, ctypes.c_long) for name in (
            "last_change", "minimum", "maximum", "warning", "inactive", "expires")), ("flag", ctypes.c_ulong),
    )  # fmt: skip


def of_glibc(function: str, kind: type[ctypes.Structure], path: Path) -> Iterator[Any]:
    try:
        libc = ctypes.CDLL("libc.so.6", use_errno=True)
        read = getattr(libc, function)
    except (OSError, AttributeError):
        pytest.skip("no glibc here: accounts were not compared with its readers")
    libc.fopen.restype = ctypes.c_void_p
    read.restype, read.argtypes = ctypes.POINTER(kind), [ctypes.c_void_p]
    stream = ctypes.c_void_p(libc.fopen(str(path).encode(), b"r"))
    while found := read(stream):
        yield found.contents
    libc.fclose(stream)


def test_a_user() -> None:
    passwd = parse_passwd("root:x:0:0:root:/root:/bin/bash\n")
    assert passwd.users == (User(Place("/etc/passwd", 1), "root", "x", 0, 0, "root", "/root", "/bin/bash"),)


def test_a_secret() -> None:
    shadow = parse_shadow("root:$y$x:19000:0:99999:7:::\nnobody:!*:19000::::::\nold:x\n")
    assert shadow.secrets == (
        Secret(Place("/etc/shadow", 1), "root", "$y$x", 19000, 0, 99999, 7),
        Secret(Place("/etc/shadow", 2), "nobody", "!*", 19000),
        Secret(Place("/etc/shadow", 3), "old", "x"),
    )
    assert [secret.locked for secret in shadow.secrets] == [False, True, False]


def test_groups() -> None:
    assert parse_group("sudo:x:27:ann,bob\n").groups == (
        Group(Place("/etc/group", 1), "sudo", "x", 27, ("ann", "bob")),
    )
    assert parse_gshadow("sudo:*:root:ann,bob\n").secrets == (
        GroupSecret(Place("/etc/gshadow", 1), "sudo", "*", ("root",), ("ann", "bob")),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("root", "7 fields wanted, 1 found"),
        ("root:x:0:0:root:/root", "7 fields wanted, 6 found"),
        ("root:x:zero:0:root:/root:/bin/sh", "a number wanted in field 3, zero found"),
        ("root:x:0::root:/root:/bin/sh", "a number wanted in field 4, nothing found"),
        ("root:x:4294967296:0:root:/root:/bin/sh", "a number wanted in field 3, 4294967296 found"),
        ("root:x:-1:0:root:/root:/bin/sh", "a number wanted in field 3, -1 found"),
        (":x:0:0:root:/root:/bin/sh", "a name wanted, none found"),
    ],
)
def test_a_bad_line_is_reported_and_the_rest_is_read(line: str, message: str) -> None:
    passwd = parse_passwd(f"{line}\na:x:1:1::/:/bin/sh\n", "/p")
    assert passwd.problems == (Problem(Place("/p", 1), message),)
    assert [user.name for user in passwd.users] == ["a"]


@pytest.mark.parametrize("line", ["a", "a:x:1:2:3:4:5:6:7:8", "a:x:one", ":x:1"])
def test_a_bad_line_of_shadow_is_reported(line: str) -> None:
    shadow = parse_shadow(f"{line}\nb:*:1::::::\n", "/s")
    assert [problem.place.line for problem in shadow.problems] == [1]
    assert [secret.name for secret in shadow.secrets] == ["b"]


def test_bad_groups_are_reported() -> None:
    assert len(parse_group("a\nb:x:c:\n+::0:\n").problems) == 2
    assert len(parse_gshadow("a\n:x::\n").problems) == 2


def test_entries_for_nis_are_kept_apart() -> None:
    passwd = parse_passwd("a:x:1:1::/:/bin/sh\n+@admins::::::\n-bob\n")
    assert [place.line for place in passwd.nis] == [2, 3]
    assert passwd.problems == ()


def test_glibc_reads_the_same_users(tmp_path: Path) -> None:
    chance = random.Random(5)
    names = ["root", "ann", "bob", "#x", " lead", "q r"]
    lines = []
    for _ in range(400):
        fields = [
            chance.choice(names), chance.choice(["x", "", "*"]), chance.choice(["0", "1000", "4294967294", "abc", ""]),
            chance.choice(["0", "100", "1x"]), "Name", "/home/x", chance.choice(["/bin/sh", "", "/bin/sh "]),
        ]  # fmt: skip
        lines.append(":".join(fields[: chance.choice([7, 7, 7, 7, 3, 1])]))
    path = tmp_path / "passwd"
    path.write_text("\n".join(lines) + "\n")
    ours = parse_passwd(path.read_text())
    # glibc also takes an empty name, and fills up fields behind the group: problems here, as they are for pwck.
    theirs = [
        (c.name.decode(), c.password.decode(), c.uid, c.gid, c.shell.decode())
        for c in of_glibc("fgetpwent", CPasswd, path)
    ]
    assert [(user.name, user.password, user.uid, user.gid, user.shell) for user in ours.users] == theirs


def test_glibc_reads_the_same_secrets(tmp_path: Path) -> None:
    chance = random.Random(6)
    lines = []
    for _ in range(300):
        days = [chance.choice(["", "0", "19000", "99999"]) for _ in range(6)]
        lines.append(
            ":".join([chance.choice(["root", "ann", "#x"]), chance.choice(["", "*", "!", "$y$a$b"]), *days, ""])
        )
    path = tmp_path / "shadow"
    path.write_text("\n".join(lines) + "\n")
    theirs = [
        (c.name.decode(), c.password.decode(), c.last_change, c.minimum, c.maximum, c.warning, c.inactive, c.expires)
        for c in of_glibc("fgetspent", CSecret, path)
    ]
    ours = [
        (s.name, s.password, *(-1 if day is None else day for day in (
            s.last_change, s.minimum, s.maximum, s.warning, s.inactive, s.expires)))
        for s in parse_shadow(path.read_text()).secrets
    ]  # fmt: skip
    assert ours == theirs


def test_no_text_escapes_as_an_exception() -> None:
    chance = random.Random(7)
    for _ in range(300):
        raw = bytes(chance.choices(b"root:x0123\n#+- ,\x00\xff", k=chance.randint(0, 200)))
        text = raw.decode("utf-8", "surrogateescape")
        for parse in (parse_passwd, parse_shadow, parse_group, parse_gshadow):
            parse(text)


@pytest.mark.corpus
def test_corpus() -> None:
    """What the lens' own test (test_passwd.aug) finds in it."""
    passwd = parse_passwd(corpus("known/configs/passwd/al-passwd-conf").read_text())
    assert [(it.name, it.password, it.uid, it.gid, it.comment, it.home, it.shell) for it in passwd.users] == [
        ("root", "x", 0, 0, "root", "/root", "/bin/bash"),
        ("libuuid", "x", 100, 101, "", "/var/lib/libuuid", "/bin/sh"),
        ("free", "x", 1000, 1000, "Free Ekanayaka,,,", "/home/free", "/bin/bash"),
        ("root", "*", 0, 0, "Charlie &", "/root", "/bin/csh"),
    ]
    assert passwd.problems == ()
