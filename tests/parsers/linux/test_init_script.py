"""Headers of init scripts and insserv's dependencies, as LSB and startpar(8) have them."""

from __future__ import annotations

import pytest

from parsers.linux.init_script import parse_depend, parse_init_script
from parsers.place import Place

SSH = """\
#! /bin/sh
# Provides: not-in-the-header

### BEGIN INIT INFO
# Provides:\t\tsshd
# Required-Start:\t$remote_fs $syslog
# Default-Start:\t2 3 4 5
### END INIT INFO
# Provides: neither
"""
DEPEND = """\
TARGETS = rsyslog ssh cron rc.local
INTERACTIVE =
ssh: rsyslog
# TARGETS = commented
rc.local: rsyslog ssh atd
"""


def test_what_a_header_provides() -> None:
    (provided,) = parse_init_script(SSH, "/etc/init.d/ssh")
    assert (provided.name, provided.place) == ("sshd", Place("/etc/init.d/ssh", 5))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("# Provides: a b", ["a", "b"]),
        ("#provides:a", ["a"]),
        ("  # PROVIDES: $network x", ["$network", "x"]),
        ("# Provides:", []),
        ("Provides: a", []),
        ("# Provided: a", []),
    ],
)
def test_ways_to_write_it(line: str, names: list[str]) -> None:
    text = f"### BEGIN INIT INFO\n{line}\n### END INIT INFO\n"
    assert [item.name for item in parse_init_script(text, "/x")] == names


def test_a_header_without_an_end_reaches_to_the_end() -> None:
    assert len(parse_init_script("### BEGIN INIT INFO\n# Provides: a\n", "/x")) == 1
    assert len(parse_init_script("### BEGIN INIT INFO\n# Provides: " + "a " * 9000, "/x")) <= 4096


def test_what_insserv_knows() -> None:
    assert parse_depend(DEPEND) == {"rsyslog", "ssh", "cron", "rc.local", "atd"}
    assert parse_depend("") == frozenset()
