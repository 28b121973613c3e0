"""Hives of every kind of list, name and value, built from the format's description and read by hivex too."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.windows.hive_log import dirty, sealed
from parsers.place import ParseError, UnsupportedError
from parsers.source import Memory, check_range
from parsers.windows.registry import Hive, HiveState, ValueType, open_hive
from parsers.windows.registry.name import name_hash, upcase
from tests.oracles import needs
from tests.parsers.windows.registry.building import Builder, Node, text

SAMPLE = Node(
    {
        "Software": Node(
            {"Deep": Node({"Deeper": Node()})},
            [
                ("", 1, text("the default")),
                ("Path", 2, text("%SystemRoot%\\System32")),
                ("Start", 4, b"\2\0\0\0"),
                ("Big", 5, b"\0\0\1\0"),
                ("Wide", 11, (1 << 40).to_bytes(8, "little")),
                ("List", 7, text("one") + text("two") + b"\0\0"),
                ("Byte", 3, b"\xff"),
                ("Nothing", 0, b""),
                ("Odd", 1, "abc".encode("utf-16-le")[:5]),
                ("Own", 0x1F4, b"12345"),
                ("Zwölf", 3, bytes(range(200))),
                ("日本", 1, text("語")),
                ("Large", 3, bytes(range(256)) * 300),
            ],
            "a class",
        ),
        "Ärger": Node(),
        "weird™": Node(),
        "a/b": Node(),
    }
)


def built(root: Node = SAMPLE, *, minor: int = 5, leaf: str = "lh", per_leaf: int = 500) -> bytes:
    return Builder(minor=minor, leaf=leaf, per_leaf=per_leaf).build(root)


def opened(root: Node = SAMPLE, *, minor: int = 5, leaf: str = "lh", per_leaf: int = 500) -> Hive:
    return open_hive(Memory(built(root, minor=minor, leaf=leaf, per_leaf=per_leaf), "SOFTWARE"))


class Counted(Memory):
    """A source that knows how much was read of it."""

    read = 0

    def read_at(self, offset: int, size: int) -> bytes:
        check_range(self, offset, size)
        self.read += size
        return super().read_at(offset, size)


HIVEX = r"""
use Win::Hivex; binmode STDOUT, ":utf8"; my $h = Win::Hivex->open($ARGV[0]);
sub show { my ($n, $p) = @_; print "K $p ", $h->node_timestamp($n), "\n";
  for my $v ($h->node_values($n)) { my ($t, $d) = $h->value_value($v);
    print "V $p|", $h->value_key($v), "|$t|", unpack("H*", $d), "\n" }
  show($_, "$p\\" . $h->node_name($_)) for $h->node_children($n) }
show($h->root, "");
"""


@needs("perl", "hivexregedit")
@pytest.mark.parametrize("leaf", ["lh", "lf", "li"])
@pytest.mark.parametrize("per_leaf", [500, 2])
def test_hivex_reads_the_same(tmp_path: Path, leaf: str, per_leaf: int) -> None:
    (tmp_path / "hive").write_bytes(built(leaf=leaf, per_leaf=per_leaf))
    theirs = subprocess.run(["perl", "-e", HIVEX, tmp_path / "hive"], check=True, capture_output=True).stdout.decode()
    ours = []
    for key in opened(leaf=leaf, per_leaf=per_leaf).walk():
        path = "\\" + key.path if key.path else ""
        ours.append(f"K {path} {key.written}")
        ours += [f"V {path}|{value.name}|{value.type}|{value.data.hex()}" for value in key.values()]
    assert "".join(f"{line}\n" for line in ours) == theirs


@needs("perl", "hivexregedit")
def test_what_hivex_writes_is_read(tmp_path: Path) -> None:
    """A tree written by a foreign hand into an empty hive."""
    path = tmp_path / "hive"
    path.write_bytes(built(Node()))
    lines = ["Windows Registry Editor Version 5.00", "", r"[\Keys]", ""]
    for number in range(200):
        lines += [rf"[\Keys\Key {number:03}]", f'"Number"=dword:{number:08x}', f'@="{number}"', ""]
    (tmp_path / "reg").write_text("\n".join(lines))
    subprocess.run(["hivexregedit", "--merge", path, tmp_path / "reg"], check=True)
    hive = open_hive(Memory(path.read_bytes()))
    for number in range(200):
        key = hive.key(rf"keys\KEY {number:03}")
        assert key is not None
        value = key.value("number")
        assert value is not None
        assert value.number == number
    assert hive.problems == hive.check_bins() == hive.check_names() == ()


@pytest.mark.parametrize("minor", [3, 4, 5, 6])
def test_values_of_all_types(minor: int) -> None:
    key = opened(minor=minor).key("software")
    assert key is not None
    values = {value.name: value for value in key.values()}
    assert values[""].text == "the default"
    assert values["Path"].text == "%SystemRoot%\\System32"
    assert (values["Start"].number, values["Big"].number, values["Wide"].number) == (2, 256, 1 << 40)
    assert values["List"].texts == ("one", "two")
    assert (values["Byte"].data, values["Nothing"].data) == (b"\xff", b"")
    assert values["Odd"].text == "ab"
    assert (values["Own"].type_name, values["Wide"].type_name) == ("0x1f4", "REG_QWORD")
    assert [values["Own"].number, values["Own"].text, values["Own"].texts] == [None, None, None]
    assert values["日本"].text == "語"
    assert values["Large"].data == bytes(range(256)) * 300
    assert values["Path"].type == ValueType.REG_EXPAND_SZ
    assert str(values["Start"].place) == "SOFTWARE Software\\Start"


def test_a_number_of_another_size_is_none() -> None:
    hive = opened(Node(values=[("Long", 4, bytes(8)), ("Short", 11, bytes(4)), ("Empty", 4, b"")]))
    assert [value.number for value in hive.root.values()] == [None, None, None]


def test_a_list_of_texts_may_have_empty_ones() -> None:
    """PendingFileRenameOperations: pairs of a file and its new name, which is empty where the file is to go."""
    pairs = text(r"\??\C:\a") + text("") + text(r"\??\C:\b") + text(r"!\??\C:\c") + text(r"\??\C:\d") + text("")
    hive = opened(
        Node(values=[("a", 7, pairs + b"\0\0"), ("b", 7, b"\0\0"), ("c", 7, b"\0\0\0\0"), ("d", 4, bytes(4))])
    )
    found = {value.name: (value.all_texts, value.texts) for value in hive.root.values()}
    assert found == {
        "a": ((r"\??\C:\a", "", r"\??\C:\b", r"!\??\C:\c", r"\??\C:\d", ""), (r"\??\C:\a",)),
        "b": ((), ()),
        "c": (("",), ()),
        "d": (None, None),
    }


def test_a_list_of_texts_without_its_end_is_read() -> None:
    hive = opened(Node(values=[("a", 7, text("x") + "y".encode("utf-16-le")), ("b", 7, b"")]))
    assert [value.texts for value in hive.root.values()] == [("x", "y"), ()]


@pytest.mark.parametrize("leaf", ["lh", "lf", "li"])
@pytest.mark.parametrize("per_leaf", [500, 3])
def test_keys_are_found_by_name_in_any_case(leaf: str, per_leaf: int) -> None:
    root = Node({f"Service{number}": Node(values=[("Start", 4, bytes(4))]) for number in range(50)})
    root.subkeys |= {"Ärger": Node(), "weird™": Node(), "a": Node()}
    hive = opened(root, leaf=leaf, per_leaf=per_leaf)
    for name in root.subkeys:
        for spelled in (name, name.upper(), name.lower()):
            key = hive.key(f"\\{spelled}")
            assert key is not None
            assert key.name == name
    assert hive.key("Service50") is hive.key("Service1\\None") is hive.key("ärge") is None
    assert hive.check_names() == ()


def test_keys_are_listed_by_what_their_names_begin_with() -> None:
    top = Node({name: Node() for name in ("VEN_1AF4&DEV_1001", "ven_1af4&dev_1000", "VEN_8086", "Ärger", "Other")})
    hive = opened(top)
    assert [key.name for key in hive.root.all_subkeys("Ven_1AF4&")] == ["ven_1af4&dev_1000", "VEN_1AF4&DEV_1001"]
    assert [key.name for key in hive.root.all_subkeys("ä")] == ["Ärger"]
    assert list(hive.root.all_subkeys("nothing")) == []
    other = hive.key("Other")
    assert other is not None
    data = bytearray(built(top))
    data[(other.place.offset or 0) + 4] = 0
    keys = open_hive(Memory(bytes(data), "SOFTWARE")).root.all_subkeys("ven_1af4&")
    assert [next(keys).name, next(keys).name] == ["ven_1af4&dev_1000", "VEN_1AF4&DEV_1001"]
    with pytest.raises(ParseError, match="5 subkeys wanted, 4 could be read"):
        next(keys)


def test_the_root_is_the_empty_path() -> None:
    hive = opened()
    for path in ("", "\\", ()):
        key = hive.key(path)
        assert key is not None
        assert key.parent is None
        assert key.path == ""


def test_a_key_tells_what_it_is() -> None:
    key = opened().key("Software")
    assert key is not None
    assert key.class_name == "a class"
    assert key.time == datetime(2017, 3, 4, 16, 37, 31, 221622, UTC)
    assert key.security.sddl() == "O:BAG:SYD:(A;CI;KA;;;BA)(A;CI;KA;;;SY)"
    assert not key.is_link
    deeper = opened().key("Software\\Deep\\Deeper")
    assert deeper is not None
    assert (deeper.path, deeper.class_name, str(deeper.place)) == (
        "Software\\Deep\\Deeper", None, "SOFTWARE Software\\Deep\\Deeper",
    )  # fmt: skip


def test_a_link_is_told() -> None:
    target = text("\\Registry\\Machine\\System\\ControlSet001")[:-2]
    hive = opened(Node({"CurrentControlSet": Node(values=[("SymbolicLinkValue", 6, target)], flags=0x10)}))
    key = hive.key("CurrentControlSet")
    assert key is not None
    assert key.is_link
    value = key.value("symboliclinkvalue")
    assert value is not None
    assert value.text == "\\Registry\\Machine\\System\\ControlSet001"


def test_tombstones_of_layers_are_told_in_version_1_6_alone() -> None:
    for minor, told in ((5, False), (6, True)):
        raw = bytearray(built(Node({"Gone": Node()}, [("v", 0, b"")]), minor=minor))
        raw[raw.index(b"Gone") - 76 + 13] = 0x81
        raw[raw.index(b"vk") + 16] |= 2
        hive = open_hive(Memory(bytes(raw)))
        key, value = hive.key("Gone"), hive.root.value("v")
        assert key is not None
        assert value is not None
        assert (key.is_tombstone, hive.root.is_tombstone, value.is_tombstone) == (told, False, True)


def test_names_are_compared_as_the_kernel_does_it() -> None:
    assert upcase("straße") == "STRAßE"
    assert upcase("ſ") == "ſ"
    assert upcase("ı") == "ı"
    assert upcase("ÿ") == "Ÿ"
    assert name_hash("A") == 65
    assert name_hash("AB") == 65 * 37 + 66
    hive = opened(Node({"ſystem": Node()}))
    assert hive.key("system") is None


def test_one_value_of_a_large_hive_is_read_alone() -> None:
    values = [("Start", 4, b"\2\0\0\0"), ("Image", 1, text("x" * 500))]
    services = {f"Service{number:05}": Node({"Parameters": Node()}, values) for number in range(8000)}
    source = Counted(built(Node({"ControlSet001": Node({"Services": Node(services)})})), "SYSTEM")
    assert source.size > 8 << 20
    hive = open_hive(source)
    key = hive.key("ControlSet001\\Services\\service07000")
    assert key is not None
    value = key.value("start")
    assert value is not None
    assert value.number == 2
    assert source.read < 512 << 10


@pytest.mark.parametrize(
    ("at", "new", "kind", "message"),
    [
        (0, b"REGF", ParseError, "regf wanted"),
        (20, b"\2", UnsupportedError, "version 1.3 to 1.6 wanted, 2.5 found"),
        (24, b"\2", UnsupportedError, "version 1.3 to 1.6 wanted, 1.2 found"),
        (24, b"\7", UnsupportedError, "version 1.3 to 1.6 wanted, 1.7 found"),
        (28, b"\1", ParseError, "a primary file wanted, a transaction log found"),
        (28, b"\x44", ParseError, "a primary file wanted, type 0x44 found"),
        (32, b"\2", UnsupportedError, "format 1 wanted, 2 found"),
    ],
)
def test_what_is_no_hive_is_said(at: int, new: bytes, kind: type[ParseError], message: str) -> None:
    hive = bytearray(built())
    hive[at : at + len(new)] = new
    with pytest.raises(kind, match=message):
        open_hive(Memory(sealed(bytes(hive))))


def test_a_dirty_hive_without_logs_is_read_and_said() -> None:
    hive = open_hive(Memory(dirty(built(), 8, 7), "SYSTEM"))
    assert hive.state is HiveState.DIRTY
    assert hive.key("Software\\Deep") is not None
    assert [str(problem) for problem in hive.problems] == [
        "SYSTEM at byte 4: a completed write or a log of it wanted, sequence 8 and 7 found"
    ]


def test_a_wrong_checksum_is_dirt() -> None:
    raw = bytearray(built())
    raw[508] ^= 1
    hive = open_hive(Memory(bytes(raw)))
    assert hive.state is HiveState.DIRTY
    assert "checksum" in hive.problems[0].message


def test_the_bins_are_counted_where_the_base_block_is_wrong() -> None:
    raw = bytearray(built(Node({f"{number}": Node() for number in range(500)})))
    raw[40:44] = (4096).to_bytes(4, "little")
    assert sum(1 for _ in open_hive(Memory(bytes(raw))).walk()) == 501


def test_pending_transactions_are_told() -> None:
    raw = bytearray(built())
    raw[144:148], raw[164:168] = b"\1\0\0\0", b"rmtm"
    assert open_hive(Memory(sealed(bytes(raw)))).base.has_transactions
    assert not opened().base.has_transactions
