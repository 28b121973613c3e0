from __future__ import annotations

import random

import pytest

from parsers.windows.package_identity import PackageIdentity, parse_package_identity

KEY = "31bf3856ad364e35"


@pytest.mark.parametrize(
    ("text", "article", "rollup"),
    [
        # as Microsoft's documentation and bug reports show them
        ("Package_for_KB4474419~31bf3856ad364e35~amd64~~6.1.3.2", "KB4474419", None),
        ("Package_for_KB2975719~31bf3856ad364e35~amd64~~6.3.1.8", "KB2975719", None),
        ("Package_for_KB2919355_RTM~31bf3856ad364e35~amd64~~6.3.1.14", "KB2919355", None),
        ("Package_for_RollupFix~31bf3856ad364e35~amd64~~17134.345.1.5", None, (17134, 345)),
        ("Package_for_RollupFix~31bf3856ad364e35~amd64~~7601.24002.1.4", None, (7601, 24002)),
        ("package_for_rollupfix~31bf3856ad364e35~x86~~7601.24002.1.4", None, (7601, 24002)),
        ("Package_for_DotNetRollup_481~31bf3856ad364e35~amd64~~10.0.9321.3", None, None),
        ("Package_123_for_KB3192392~31bf3856ad364e35~amd64~~6.3.1.4", None, None),
        ("Microsoft-Windows-Foundation-Package~31bf3856ad364e35~amd64~~10.0.19041.1", None, None),
        ("Microsoft-Windows-Client-LanguagePack-Package~31bf3856ad364e35~amd64~en-US~10.0.22621.1", None, None),
    ],
)
def test_identities(text: str, article: str | None, rollup: tuple[int, int] | None) -> None:
    found = parse_package_identity(text)
    assert found is not None
    assert (found.article, found.rollup, found.token) == (article, rollup, KEY)


def test_the_parts_of_an_identity() -> None:
    assert parse_package_identity("A-Package~31bf3856ad364e35~amd64~en-US~10.0.22621.1") == PackageIdentity(
        "A-Package", KEY, "amd64", "en-US", (10, 0, 22621, 1)
    )


@pytest.mark.parametrize(
    "text",
    ["", "~~~~", "Package_for_KB4474419", "a~b~c~d~1.2.3", "a~b~c~d~1.2.3.x", "a~b~c~d~1.2.3.4~", "a~b~c~d~-1.2.3.4",
     f"a~b~c~d~{'9' * 5000}.1.1.1", "~b~c~d~1.2.3.4"],
)  # fmt: skip
def test_what_is_no_identity(text: str) -> None:
    assert parse_package_identity(text) is None


def test_nothing_escapes() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        text = "".join(chance.choice("~~~~.KBPackage_for_12340\ud800") for _ in range(chance.randrange(60)))
        if found := parse_package_identity(text):
            assert (found.article or "KB").startswith("KB")
            assert found.rollup is None or len(found.rollup) == 2
