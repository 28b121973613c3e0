"""What the collectors of network back ends share."""

from __future__ import annotations

import pytest

from fixtures.files import Files
from inspector.facts import UnknownFact
from inspector.guest import Guest
from inspector.linux.network_files import FILES_MAX, overlaid, texts
from tests.facts_of import facts_of
from tests.memory_tree import Dir


def guest(files: Files) -> Guest:
    return facts_of({"/etc/passwd": "", **files})[Guest]


def test_directories_and_names_of_nothing_are_no_texts() -> None:
    made = guest({"/etc/a": "x\n", "/etc/b": Dir()})
    assert list(texts(made, ["/etc/a", "/etc/b", "/etc/c"])) == [("/etc/a", "x\n")]


def test_a_later_directory_hides_an_earlier_one() -> None:
    made = guest({"/usr/a.conf": "", "/usr/b.conf": "", "/etc/b.conf": ""})
    assert overlaid(made, ("/usr", "/etc"), ".conf") == ["/usr/a.conf", "/etc/b.conf"]


def test_too_many_files_are_not_passed_over() -> None:
    made = guest({f"/etc/x/{number}.conf": "" for number in range(FILES_MAX + 1)})
    assert len(list(texts(made, made.glob("/etc/x/*")[:FILES_MAX]))) == FILES_MAX
    with pytest.raises(UnknownFact, match="more found"):
        list(texts(made, made.glob("/etc/x/*")))
    with pytest.raises(UnknownFact, match="1025 found"):
        overlaid(made, ["/etc/x"], ".conf")
