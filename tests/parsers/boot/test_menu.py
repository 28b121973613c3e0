from __future__ import annotations

from parsers.boot.menu import LoadedFile, MenuEntry, walk
from parsers.place import Place

HERE = Place("/boot/grub/grub.cfg", 1)


def test_every_entry_is_met_those_of_a_submenu_behind_it() -> None:
    inner = tuple(MenuEntry(HERE, title, title) for title in "bc")
    entries = (MenuEntry(HERE, "a", "a", submenu=True, entries=inner), MenuEntry(HERE, "d", "d"))
    assert [entry.title for entry in walk(entries)] == ["a", "b", "c", "d"]


def test_a_file_knows_where_its_arguments_stand() -> None:
    kernel = LoadedFile(HERE, "linux", None, "/vmlinuz", ("ro",))
    assert kernel.line_of_arguments == HERE
    assert LoadedFile(HERE, "linux", None, "/vmlinuz", (), Place("x", 3)).line_of_arguments == Place("x", 3)
