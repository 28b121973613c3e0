"""crypttab: by hand, and against the corpus."""

from __future__ import annotations

from typing import Any

import pytest

from parsers.linux.crypttab import CrypttabEntry, parse_crypttab
from parsers.place import Place, Problem
from tests.corpus import corpus, entries


def test_the_fields_of_a_line() -> None:
    crypttab = parse_crypttab("# encrypted\ndata UUID=aa none luks,nofail\nswap\t/dev/sda2 /dev/urandom swap\nx y\n")
    assert crypttab.entries == (
        CrypttabEntry(Place("/etc/crypttab", 2), "data", "UUID=aa", None, ("luks", "nofail")),
        CrypttabEntry(Place("/etc/crypttab", 3), "swap", "/dev/sda2", "/dev/urandom", ("swap",)),
        CrypttabEntry(Place("/etc/crypttab", 4), "x", "y"),
    )
    assert crypttab.entries[0].has("nofail")
    assert not crypttab.entries[1].has("nofail", "noauto")


@pytest.mark.parametrize(("line", "count"), [("data", 1), ("data UUID=aa none luks # note", 6)])
def test_a_bad_line_is_reported_and_the_rest_is_read(line: str, count: int) -> None:
    crypttab = parse_crypttab(f"{line}\nb /dev/sdb\n", "/c")
    assert crypttab.problems == (Problem(Place("/c", 1), f"2 to 4 fields wanted, {count} found"),)
    assert [entry.name for entry in crypttab.entries] == ["b"]


def test_quotes_in_a_tag_do_not_count() -> None:
    assert parse_crypttab('a UUID="bb"\n').entries[0].device == "UUID=bb"


KNOWN = [entry for entry in entries("known") if entry["file"].startswith("configs/crypttab/al-")]


@pytest.mark.corpus
@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_corpus(entry: dict[str, Any]) -> None:
    """The trees of augeas; it refuses the file whose option holds colons and commas, which crypttab(5) allows."""
    found = parse_crypttab(corpus(f"known/{entry['file']}").read_text())
    assert found.problems == ()
    tree = entry["expected"]["augeas_1.14"].get("tree")
    if tree is None:
        assert entry["id"] == "al-crypttab-multi_opts"
        assert [(one.name, one.key, len(one.options)) for one in found.entries] == [("sda1_crypt", "/etc/key", 3)]
        return
    nodes = {node[0]: node[1] for node in tree if len(node) == 2}
    names = [value for path, value in nodes.items() if path.rpartition("/")[2].startswith("opt")]
    (one,) = found.entries
    assert (one.name, one.device, one.key or "none") == (nodes["/1/target"], nodes["/1/device"], nodes["/1/password"])
    assert [option.partition("=")[0] for option in one.options] == names
