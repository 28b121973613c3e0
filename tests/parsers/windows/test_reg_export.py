"""The .reg export, which hivexregedit imports again without a loss; and values in one line."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parsers.source import Memory
from parsers.windows.reg_export import escape, export_reg, render
from parsers.windows.registry import Hive, Key, ValueType, open_hive
from tests.oracles import needs
from tests.parsers.windows.registry.building import Builder, Node, text
from tests.parsers.windows.registry.dumped import dump, hives, opened

LONG = bytes(range(64))
SAMPLE = Node(
    {
        "Software": Node(
            {"Deep key": Node(values=[("x", 4, b"\2\0\0\0")])},
            [
                ("", 1, text("the default")),
                ('Quoted "name" \\', 1, text('C:\\Program Files\\"x"')),
                ("Start", 4, b"\2\0\0\0"),
                ("Short", 4, b"\2\0"),
                ("Empty", 1, b""),
                ("Only NUL", 1, b"\0\0"),
                ("Line", 1, text("a\r\nb")),
                ("Unended", 1, text("abc")[:-2]),
                ("Expand", 2, text("%windir%")),
                ("List", 7, text("one") + text("two") + b"\0\0"),
                ("Binary", 3, LONG),
                ("None", 0, b""),
                ("Big", 11, bytes(8)),
                ("Own", 0x1F4, b"12345"),
                ("A name that is much longer than a line of a file of registry keys and values may be at all", 3, LONG),
            ],
        )
    }
)


def hive_of(root: Node) -> Hive:
    return open_hive(Memory(Builder().build(root), "SOFTWARE"))


def lines_of(root: Node) -> list[str]:
    return list(export_reg(hive_of(root).walk(), r"HKEY_LOCAL_MACHINE\SOFTWARE"))


def test_the_export_is_as_regedit_writes_it() -> None:
    assert lines_of(SAMPLE) == [
        "Windows Registry Editor Version 5.00",
        "",
        "[HKEY_LOCAL_MACHINE\\SOFTWARE]",
        "",
        "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Software]",
        '@="the default"',
        '"Quoted \\"name\\" \\\\"="C:\\\\Program Files\\\\\\"x\\""',
        '"Start"=dword:00000002',
        '"Short"=hex(4):02,00',
        '"Empty"=hex(1):',
        '"Only NUL"=""',
        '"Line"=hex(1):61,00,0d,00,0a,00,62,00,00,00',
        '"Unended"=hex(1):61,00,62,00,63,00',
        '"Expand"=hex(2):25,00,77,00,69,00,6e,00,64,00,69,00,72,00,25,00,00,00',
        '"List"=hex(7):6f,00,6e,00,65,00,00,00,74,00,77,00,6f,00,00,00,00,00',
        '"Binary"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,\\',
        "  16,17,18,19,1a,1b,1c,1d,1e,1f,20,21,22,23,24,25,26,27,28,29,2a,2b,2c,2d,2e,\\",
        "  2f,30,31,32,33,34,35,36,37,38,39,3a,3b,3c,3d,3e,3f",
        '"None"=hex(0):',
        '"Big"=hex(b):00,00,00,00,00,00,00,00',
        '"Own"=hex(1f4):31,32,33,34,35',
        '"A name that is much longer than a line of a file of registry keys and values may be at all"=hex:00,\\',
        "  01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,16,17,18,19,\\",
        "  1a,1b,1c,1d,1e,1f,20,21,22,23,24,25,26,27,28,29,2a,2b,2c,2d,2e,2f,30,31,32,\\",
        "  33,34,35,36,37,38,39,3a,3b,3c,3d,3e,3f",
        "",
        "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Software\\Deep key]",
        '"x"=dword:00000002',
        "",
    ]


def imported(lines: list[str], folder: Path) -> Hive:
    """Return what hivex makes of an export, in an empty hive."""
    (folder / "hive").write_bytes(Builder().build(Node()))
    (folder / "reg").write_text("\n".join(lines) + "\n")
    command = ["hivexregedit", "--merge", "--prefix", r"HKEY_LOCAL_MACHINE\SOFTWARE", "hive", "reg"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return open_hive(Memory((folder / "hive").read_bytes()))


@needs("hivexregedit")
def test_hivex_imports_it_without_a_loss(tmp_path: Path) -> None:
    assert dump(imported(lines_of(SAMPLE), tmp_path)) == dump(hive_of(SAMPLE))


@needs("hivexregedit")
@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize("entry", hives("known"))
def test_hivex_imports_real_hives_without_a_loss(entry: dict[str, Any], tmp_path: Path) -> None:
    hive = opened("known", entry)
    keys = list(in_ascii(hive.walk()))
    if len(keys) > 10000:
        pytest.skip("hivex takes minutes to write so many keys")
    lines = list(export_reg(keys, r"HKEY_LOCAL_MACHINE\SOFTWARE"))
    found, _, _ = dump(imported([line for line in lines if line.isascii()], tmp_path))
    wanted = dump(hive)[0]
    for key in keys:
        path = f"\\{key.path}"
        kept = {name: value for name, value in wanted[path].items() if name.isprintable() and survives(*value)}
        assert {name: found[path].get(name) for name in kept} == kept


def in_ascii(keys: Iterable[Key]) -> Iterator[Key]:
    """Give the keys that hivexregedit can read: their names and those of their values are in ASCII, and so above."""
    left_out: set[int] = set()
    for key in keys:
        names = [key.name, *(value.name for value in key.values())]
        if (key.parent and key.parent.offset in left_out) or not all(map(str.isascii, names)):
            left_out.add(key.offset)
        else:
            yield key


def survives(kind: int, data: str) -> bool:
    """Tell whether a value is on lines that were kept for hivex."""
    return kind != ValueType.REG_SZ or bytes.fromhex(data).decode("utf-16-le", "replace").isascii()


def test_names_with_control_characters_are_left_out_and_said() -> None:
    number = [("y", 4, bytes(4))]
    lines = lines_of(Node({"a\r\n[X]": Node(values=number), "b": Node(values=[('x"\n', 4, bytes(4))])}))
    assert r"; left out, for its name has control characters: HKEY_LOCAL_MACHINE\SOFTWARE\a\r\n[X]" in lines
    assert r'; left out, for its name has control characters: x"\n' in lines
    assert not [line for line in lines if "\n" in line or "\r" in line]
    assert not [line for line in lines if '"y"' in line]


def test_a_value_that_cannot_be_read_is_said() -> None:
    raw = bytearray(Builder().build(Node(values=[("x", 3, bytes(100))])))
    at = raw.rindex(b"vk")
    raw[at + 8 : at + 12] = b"\xff\xff\xff\x7f"
    lines = list(export_reg(open_hive(Memory(bytes(raw))).walk(), "X"))
    assert lines[3].startswith('; left out, for it cannot be read: "x"= a cell')


def test_values_that_are_lost_are_counted() -> None:
    raw = bytearray(Builder().build(Node(values=[("x", 4, bytes(4)), ("y", 4, bytes(4))])))
    at = raw.rindex(b"vk")
    raw[at : at + 2] = b"xx"
    lines = list(export_reg(open_hive(Memory(bytes(raw))).walk(), "X"))
    assert lines[3:] == ['"x"=dword:00000000', "; the key has 2 values, 1 of them could be read", ""]


@pytest.mark.parametrize(
    ("kind", "data", "shown"),
    [
        (1, text("a\\b"), '"a\\b"'),
        (1, text("a\x1b[2Jb\n"), r'"a\x1b[2Jb\n"'),
        (2, text("%windir%"), '"%windir%"'),
        (7, text("a") + text("b") + b"\0\0", '"a", "b"'),
        (7, b"", ""),
        (4, b"\2\0\0\0", "0x00000002 (2)"),
        (5, b"\0\0\0\2", "0x00000002 (2)"),
        (11, bytes(7) + b"\x80", "0x8000000000000000 (9223372036854775808)"),
        (4, b"\2\0", "02 00"),
        (3, bytes(66), " ".join(["00"] * 64) + " and 2 more bytes"),
        (1, text("x" * 1026), f'"{"x" * 1024}" and 2 more characters'),
        (7, b"".join(text("x") for _ in range(70)) + b"\0\0", ", ".join(['"x"'] * 64) + " and 6 more"),
        (3, b"", ""),
    ],
)
def test_a_value_in_one_line(kind: int, data: bytes, shown: str) -> None:
    value = hive_of(Node(values=[("v", kind, data)])).root.value("v")
    assert value is not None
    assert render(value) == shown


def test_without_a_limit_all_is_shown() -> None:
    value = hive_of(Node(values=[("v", 3, bytes(100))])).root.value("v")
    assert value is not None
    assert render(value, None) == " ".join(["00"] * 100)


def test_lone_surrogates_are_escaped() -> None:
    assert escape("a\ud800b") == r"a\ud800b"
