from __future__ import annotations

import pytest

from parsers.linux.package import Package, is_key, split_version
from parsers.place import Place

PLACE = Place("/db")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("5.2.15-2+b7", (None, "5.2.15", "2+b7")),
        ("1:2.4.47-2", (1, "2.4.47", "2")),
        ("2023.1", (None, "2023.1", "")),
        ("0:1", (0, "1", "")),
        ("2:1.0-rc-1-3", (2, "1.0-rc-1", "3")),
        ("a:1-2", (None, "a:1", "2")),
        ("-1", (None, "-1", "")),
        ("1-", (None, "1-", "")),
        ("99999999999:1", (None, "99999999999:1", "")),
        ("", (None, "", "")),
    ],
)
def test_a_version_is_taken_apart_and_put_together(text: str, parts: tuple[int | None, str, str]) -> None:
    epoch, version, release = split_version(text)
    assert (epoch, version, release) == parts
    assert Package(PLACE, "a", version, release, epoch).full_version == text


@pytest.mark.parametrize(
    ("state", "installed"),
    [
        ("installed", True),
        ("half-configured", True),
        ("unpacked", True),
        ("config-files", False),
        ("half-installed", False),
    ],
)
def test_whether_the_files_are_there(state: str, installed: bool) -> None:
    assert Package(PLACE, "a", "1", state=state).installed is installed


def test_keys_are_no_software() -> None:
    assert is_key(Package(PLACE, "gpg-pubkey", "1"))
    assert not is_key(Package(PLACE, "gpg", "1"))
