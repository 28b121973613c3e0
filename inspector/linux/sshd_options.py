"""The command line of sshd: the words of its unit with the variables that they name, and the settings given with -o.

systemd.service(5), "Command lines"; systemd.exec(5), EnvironmentFile=; sshd(8). EL 8 hands sshd its crypto policy in
this way: a setting here wins over sshd_config, and one that is wrong keeps sshd from starting just so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from inspector.guest import Guest, NotFound
from parsers.linux.shell_assignments import Assignment, parse_assignments
from parsers.linux.sshd import Release, SshdConfig, parse_sshd_config
from parsers.linux.systemd import Unit, split_words
from parsers.place import Place, Problem

_LIMIT: Final = 1 << 20
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


class Word(msgspec.Struct, frozen=True):
    """A word of a command line, and the line that it stands in."""

    text: str
    place: Place


def command_line(guest: Guest, unit: Unit) -> tuple[Word, ...]:
    """Return what the service hands its program; a variable that nothing sets is no word."""
    known = _environment(guest, unit)
    commands = unit.all("Service", "ExecStart")[:1]
    return tuple(
        word for item in commands for text in split_words(item.value)[1:] for word in _put_in(text, known, item.place)
    )


def _environment(guest: Guest, unit: Unit) -> dict[str, Assignment]:
    """The variables of a service: those of its files count before those of the unit."""
    found: dict[str, Assignment] = {}
    for item in unit.all("Service", "Environment"):
        for word in split_words(item.value):
            name, equals, value = word.partition("=")
            if equals:
                found[name] = Assignment(item.place, name, value)
    for item in unit.all("Service", "EnvironmentFile"):
        for path in guest.glob(item.value.strip("\"'").removeprefix("-")):
            try:
                text = guest.read_text(path, limit=_LIMIT)
            except NotFound:
                continue
            found |= {assignment.name: assignment for assignment in parse_assignments(text, path).assignments}
    return found


def _put_in(text: str, known: dict[str, Assignment], place: Place) -> Iterator[Word]:
    """`$NAME` comes to as many words as its value has, `${NAME}` to one."""
    match = _VARIABLE.fullmatch(text)
    if match is None:
        yield Word(text, place)
        return
    value = known.get(match[1] or match[2])
    if value is not None:
        for word in value.value.split() if match[1] else [value.value]:
            yield Word(word, value.place)


def with_settings(config: SshdConfig, words: tuple[Word, ...], release: Release, vendor: str) -> SshdConfig:
    """Return the configuration with what -o sets, which sshd reads before its file."""
    for setting in reversed(list(_settings(words))):
        own = parse_sshd_config(f"{setting.text}\n", setting.place.path, release=release, vendor=vendor)
        config = SshdConfig(
            (*(msgspec.structs.replace(item, place=setting.place) for item in own.directives), *config.directives),
            _at(own.problems, setting.place) + config.problems,
            _at(own.remarks, setting.place) + config.remarks,
            _at(own.doubts, setting.place) + config.doubts,
            tuple(dict.fromkeys((*config.files, setting.place.path))),
        )
    return config


def _at(problems: tuple[Problem, ...], place: Place) -> tuple[Problem, ...]:
    return tuple(Problem(place, problem.message) for problem in problems)


def _settings(words: tuple[Word, ...]) -> Iterator[Word]:
    following = iter(words)
    for word in following:
        if word.text == "-o":
            yield from [value for value in [next(following, None)] if value]
        elif word.text.startswith("-o"):
            yield Word(word.text[2:], word.place)
