from __future__ import annotations

import random

from parsers.linux.hosts_access import parse_hosts_access

TEXT = """\
# a comment
ALL: ALL EXCEPT localhost
sshd, vsftpd : 10.0.0. [2001:db8::]/32 \\
    : allow
nonsense
sshd@10.0.0.1: LOCAL
"""


def test_lists_options_and_continued_lines() -> None:
    found = parse_hosts_access(TEXT, "/etc/hosts.deny")
    every, two, one = found.rules
    assert (every.place.line, every.daemons, every.everybody) == (2, ("ALL",), True)
    assert (two.place.line, two.daemons) == (3, ("sshd", "vsftpd"))
    assert (two.clients, two.options) == (("10.0.0.", "[2001:db8::]/32"), ("allow",))
    assert one.concerns("sshd")
    assert not one.concerns("vsftpd")
    assert every.concerns("vsftpd")
    assert [problem.place.line for problem in found.problems] == [5]


def test_the_excepted_are_not_concerned() -> None:
    (rule,) = parse_hosts_access("ALL EXCEPT sshd: ALL", "f").rules
    assert rule.concerns("ftpd")
    assert not rule.concerns("sshd")


def test_any_text_gives_rules_and_problems_alone() -> None:
    rng = random.Random(7)
    for _ in range(300):
        text = "".join(rng.choice("sshdAL: \t,\\\n[]#EXCEPT\0é") for _ in range(80))
        assert parse_hosts_access(text, "f") == parse_hosts_access(text, "f")
