"""hosts: by hand, and against the corpus."""

from __future__ import annotations

from typing import Any

import pytest

from parsers.linux.hosts import HostEntry, parse_hosts
from parsers.place import Place, Problem
from tests.corpus import corpus, entries


def test_the_fields_of_a_line() -> None:
    hosts = parse_hosts("# hosts\n127.0.0.1\tlocalhost\n::1 localhost ip6-localhost # loop\n\n")
    assert hosts.entries == (
        HostEntry(Place("/etc/hosts", 2), "127.0.0.1", ("localhost",)),
        HostEntry(Place("/etc/hosts", 3), "::1", ("localhost", "ip6-localhost")),
    )
    assert hosts.problems == ()


def test_an_address_alone_is_reported_and_the_rest_is_read() -> None:
    hosts = parse_hosts("10.0.0.1\n10.0.0.2 # comment\n10.0.0.3 c\n", "/h")
    assert [problem.place.line for problem in hosts.problems] == [1, 2]
    assert hosts.problems[0] == Problem(Place("/h", 1), "an address and a name wanted, 10.0.0.1 alone found")
    assert [entry.names for entry in hosts.entries] == [("c",)]


KNOWN = [entry for entry in entries("known") if entry["file"].startswith("configs/hosts/")]


@pytest.mark.corpus
@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry["id"])
def test_corpus(entry: dict[str, Any]) -> None:
    """The trees of augeas, which keeps comments too."""
    hosts = parse_hosts(corpus(f"known/{entry['file']}").read_text())
    tree = entry["expected"]["augeas_1.14"]["tree"]
    for number, one in enumerate(hosts.entries, start=1):
        nodes = [(node[0].split("/")[2], node[1]) for node in tree if node[0].startswith(f"/{number}/")]
        assert [value for name, value in nodes if name == "ipaddr"] == [one.address]
        assert tuple(value for name, value in nodes if name.startswith(("canonical", "alias"))) == one.names
    assert len(hosts.entries) == len([node for node in tree if len(node) == 1])
