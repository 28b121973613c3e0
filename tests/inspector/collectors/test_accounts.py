from __future__ import annotations

import pytest

from inspector.facts.accounts import Accounts
from parsers.place import ParseError
from tests.facts_of import facts_of
from tests.memory_tree import Dir

USERS = "root:x:0:0::/root:/bin/sh\nroot:x:5:5::/:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n"


def test_users_and_secrets_are_found_by_name_the_first_one_counts() -> None:
    accounts = facts_of({"/etc/passwd": USERS, "/etc/shadow": "ann:*:1::::::\n", "/etc/group": "ann:x:1000:\n"})[
        Accounts
    ]
    root, ann = accounts.user("root"), accounts.secret("ann")
    assert root is not None
    assert root.uid == 0
    assert ann is not None
    assert ann.locked
    assert accounts.user("bob") is None
    assert accounts.secret("root") is None


def test_a_file_that_is_absent_is_none_and_one_that_cannot_be_read_is_unknown() -> None:
    accounts = facts_of({"/etc/passwd": USERS})[Accounts]
    assert accounts.passwd is not None
    assert accounts.shadow is None
    assert accounts.group is None
    unreadable = facts_of({"/etc/passwd": USERS, "/etc/shadow": Dir()})
    with pytest.raises(Exception, match="a regular file wanted") as caught:
        unreadable[Accounts]
    assert not isinstance(caught.value, ParseError)
