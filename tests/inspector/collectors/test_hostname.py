from __future__ import annotations

from typing import Any

import pytest

from inspector.facts import UnknownFact
from inspector.facts.hostname import Hostname
from parsers.place import Place
from tests.facts_of import facts_of
from tests.memory_tree import Dir


@pytest.mark.parametrize(
    ("files", "name", "place"),
    [
        ({"/etc/hostname": "# name\n\n web1 \n"}, "web1", Place("/etc/hostname", 3)),
        ({"/etc/HOSTNAME": "suse.example.org\n"}, "suse.example.org", Place("/etc/HOSTNAME", 1)),
        ({"/etc/sysconfig/network": 'NETWORKING=yes\nHOSTNAME="el6"\n'}, "el6", Place("/etc/sysconfig/network", 2)),
        ({"/etc/conf.d/hostname": "hostname='gentoo'\n"}, "gentoo", Place("/etc/conf.d/hostname", 1)),
        ({"/etc/hostname": "\n"}, None, Place("/etc/hostname")),
        ({}, None, Place("/etc/hostname")),
    ],
)
def test_the_first_name_counts(files: dict[str, Any], name: str | None, place: Place) -> None:
    assert facts_of({"/etc/passwd": "", **files})[Hostname] == Hostname(name, place)


def test_a_file_that_cannot_be_read_is_unknown() -> None:
    with pytest.raises(UnknownFact):
        facts_of({"/etc/hostname": Dir()})[Hostname]
