from __future__ import annotations

import pytest

from inspector.errors import InspectorError
from inspector.roots.subvolumes import (
    Selection,
    at_path,
    is_absent,
    select,
    selection,
    split_name,
    subvolume_of,
    subvolume_path,
)
from parsers.filesystem.subvolume import Subvolume
from parsers.place import ParseError
from tests.memory_tree import MemoryTree
from tests.subvolume_tree import SubvolumeTree

TREE = SubvolumeTree({"@": {}, "@/var": {}, "@home": {}}, default="@home")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("", "@home"),
        ("noatime", "@home"),
        ("subvol=@", "@"),
        ("subvol=/@/var/", "@/var"),
        ("subvol=/", ""),
        ("subvolid=5", ""),
        ("subvolid=0", ""),
        ("subvolid=257", "@/var"),
        ("subvolid=0x100", "@"),
        ("subvolid=0401", "@/var"),
        ("subvol=@home,subvol=@", "@"),
        ("subvolid=256,subvol=@", "@"),
    ],
)
def test_the_options_choose_as_the_kernel_has_it(options: str, wanted: str) -> None:
    assert subvolume_path(select(TREE, selection(options.split(",")))) == wanted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("subvol=@gone", "subvolume '@gone' wanted, none found"),
        ("subvolid=999", "subvolume 999 wanted, none found"),
        ("subvolid=x", "the number of a subvolume wanted, x found"),
        ("subvolid=", "the number of a subvolume wanted,  found"),
        ("subvolid=257,subvol=@", "subvolume 257 wanted at @, 256 found"),
    ],
)
def test_what_the_kernel_refuses_is_refused(options: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        select(TREE, selection(options.split(",")))


@pytest.mark.parametrize(
    ("options", "absent"),
    [
        ("subvol=@gone", True),
        ("subvolid=999", True),
        ("subvolid=257,subvol=@", True),
        ("subvol=//@/./var/", False),
        ("subvolid=x", False),
        ("noatime", False),
    ],
)
def test_what_is_certainly_not_there(options: str, absent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = selection(options.split(","))
    assert is_absent(TREE, wanted) is absent
    listed = (*TREE.subvolumes, Subvolume(999, 5, None))
    monkeypatch.setattr(SubvolumeTree, "subvolumes", listed)
    assert not is_absent(TREE, wanted)


def test_a_selection_is_written_as_options() -> None:
    assert str(selection(["ro", "subvol=@", "subvolid=1"])) == "subvol=@,subvolid=1"
    assert str(Selection()) == ""


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sda2", ("sda2", None)),
        ("/dev/sda2[/@home]", ("sda2", "/@home")),
        ("vg/root[/]", ("vg/root", "/")),
        ("sda2[/a[b]]", ("sda2", "/a[b]")),
        ("sda2[@home]", ("sda2[@home]", None)),
    ],
)
def test_names_are_those_of_findmnt(name: str, wanted: tuple[str, str | None]) -> None:
    assert split_name(name) == wanted


def test_a_tree_by_its_path() -> None:
    assert subvolume_path(at_path(TREE, "/@/var", "sda1[/@/var]")) == "@/var"
    assert at_path(TREE, None, "sda1") is TREE
    with pytest.raises(InspectorError, match=r"sda1\[/x\]: subvolume '/x' wanted, none found"):
        at_path(TREE, "/x", "sda1[/x]")
    with pytest.raises(InspectorError, match=r"sda1\[/x\]: sda1 has no subvolumes"):
        at_path(MemoryTree({}), "/x", "sda1[/x]")


def test_what_has_none() -> None:
    assert subvolume_of(MemoryTree({})) is None
    assert subvolume_path(MemoryTree({})) is None
    assert subvolume_path(TREE.at(5)) == ""
