"""Feature bits and the names that a file gives them."""

from __future__ import annotations

from parsers.container.qcow2_features import Feature, feature_names


def entry(kind: int, bit: int, name: bytes) -> bytes:
    return bytes([kind, bit]) + name.ljust(46, b"\0")


def test_the_specification_names_what_it_knows() -> None:
    assert feature_names((1 | 1 << 4, 1, 2), b"") == (
        Feature("incompatible", 0, "dirty", known=True),
        Feature("incompatible", 4, "extended L2 entries", known=True),
        Feature("compatible", 0, "lazy refcounts", known=True),
        Feature("autoclear", 1, "raw external data", known=True),
    )


def test_a_files_name_never_replaces_the_specifications() -> None:
    table = entry(0, 0, b"harmless") + entry(0, 63, b"\xff name")
    dirty, unknown = feature_names((1 | 1 << 63, 0, 0), table)
    assert dirty.name == "dirty"
    assert unknown == Feature("incompatible", 63, "� name", known=False)


def test_a_table_that_is_cut_short_names_what_it_can() -> None:
    (feature,) = feature_names((1 << 9, 0, 0), entry(0, 9, b"nine") + b"\0\x0a")
    assert feature.name == "nine"
