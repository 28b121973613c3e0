from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from inspector.console.output import OutputError, Write, opened_output, wants_colour


def test_a_file_is_replaced_when_all_went_well(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("old")
    with opened_output(str(target)) as write:
        write(b"new ")
        assert target.read_text() == "old"
        write(b"text")
    assert target.read_text() == "new text"
    assert list(tmp_path.iterdir()) == [target]


def fail(write: Write, error: type[BaseException]) -> None:
    write(b"new")
    raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, BrokenPipeError])
def test_a_file_stays_as_it_was_when_something_went_wrong(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "out"
    target.write_text("old")
    with pytest.raises(error), opened_output(str(target)) as write:
        fail(write, error)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        with opened_output(str(tmp_path / "out")) as write:
            write(b"x")
    finally:
        os.umask(mask)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


def test_a_link_is_followed_and_a_device_written_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    with opened_output(str(tmp_path / "link")) as write:
        write(b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"x"
    with opened_output("/dev/null") as write:
        write(b"x")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("name", ["absent/out", "."])
def test_a_place_that_cannot_be_written_is_known_before_the_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be written: "), opened_output(str(tmp_path / name)):
        pytest.fail("the work began")


def test_a_full_disk_is_an_output_error() -> None:
    with pytest.raises(OutputError, match="No space left on device"), opened_output("/dev/full") as write:
        write(b"x")


@pytest.mark.parametrize(
    ("terminal", "environment", "path", "colour"),
    [
        (True, {}, None, True),
        (False, {}, None, False),
        (True, {"NO_COLOR": "1"}, None, False),
        (True, {"NO_COLOR": ""}, None, True),
        (True, {"TERM": "dumb"}, None, False),
        (True, {}, "file", False),
    ],
)
def test_colour_only_on_a_terminal_that_wants_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], path: str | None, colour: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert bool(wants_colour(path)) is colour
