"""`inspector packages` as the command line calls it: the installed packages, from a limited process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from inspector.console.json_line import json_text
from inspector.console.output import Write
from inspector.console.printable import printable
from inspector.console.stream import pass_on
from inspector.disks.storage import open_storage
from inspector.engine import open_facts
from inspector.errors import InspectorError
from inspector.facts import Facts, UnknownFact
from inspector.facts.packages import Packages
from inspector.facts.windows_software import WindowsSoftware
from inspector.facts.windows_version import WindowsVersion
from inspector.guest import Guest
from inspector.isolate import CHECK_LIMITS, Send
from inspector.target import Target
from inspector.view.cyclonedx import cyclonedx
from inspector.view.package_url import package_url
from parsers.linux.os_release import OsRelease
from parsers.linux.package import Package, is_key
from parsers.place import Problem

_HEAD = ("NAME", "VERSION", "ARCHITECTURE", "SOURCE")
_WIDEST = 48
"""Characters of a column; what is longer pushes the rest of its line."""
_Noun = TypeVar("_Noun")
_Listed = tuple[Iterator[str], Sequence[Problem], str | None]
"""The text, what could not be read, and why the list does not count where it is empty."""


def packages(target: Target, output_format: str, write: Write) -> None:
    """Write the packages of a machine as "text", "json" or "cyclonedx".

    Raises:
        InspectorError: there is no database that can be read; or, after all that could be read was written, where
            something could not, or where there is nothing: an empty list must not pass for a list.
    """

    def job(send: Send) -> None:
        facts = open_facts(open_storage(target), target.root)
        listed = _of_windows if facts[Guest].family == "windows" else _of_linux
        pieces, problems, empty = listed(facts, output_format)
        send("".join(pieces).encode("utf-8", "backslashreplace"))
        if problems:
            raise InspectorError(f"packages that could not be read: {len(problems)}; the first: {problems[0]}")
        if empty:
            raise InspectorError(empty)

    pass_on(target, job, write, CHECK_LIMITS)


def _of_linux(facts: Facts, output_format: str) -> _Listed:
    found, release = facts[Packages], _known(facts, OsRelease)
    if output_format == "cyclonedx":
        pieces = cyclonedx(found, release)
    elif output_format == "json":
        pieces = _json(found, release)
    else:
        pieces = _table([_HEAD, *(_row(package) for package in found.by_name())])
    return pieces, found.problems, f"{found.database} holds no packages" if all(map(is_key, found)) else None


def _of_windows(facts: Facts, output_format: str) -> _Listed:
    from inspector.view import windows_packages

    found = facts[WindowsSoftware]
    if output_format == "cyclonedx":
        pieces = windows_packages.bill_of_materials(found, _known(facts, WindowsVersion))
    elif output_format == "json":
        pieces = windows_packages.json_lines(found)
    else:
        pieces = _table([tuple(map(printable, row)) for row in windows_packages.rows(found)])
    nothing = not found.programs and not found.updates
    return pieces, found.problems, f"{found.place.path} holds no programs" if nothing else None


def _known(facts: Facts, noun: type[_Noun]) -> _Noun | None:
    try:
        return facts[noun]
    except UnknownFact:
        return None


def _json(found: Packages, release: OsRelease | None) -> Iterator[str]:
    """An array, one line for each package."""
    lines = [json_text(_entry(package, found, release)) for package in found.by_name()]
    yield "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def _entry(package: Package, found: Packages, release: OsRelease | None) -> dict[str, Any]:
    return {
        "name": package.name,
        "epoch": package.epoch,
        "version": package.version,
        "release": package.release or None,
        "architecture": package.architecture or None,
        "manager": found.manager,
        "state": package.state,
        "source": package.source or None,
        "source_version": package.source_version or None,
        "licence": package.licence or None,
        "vendor": package.vendor or None,
        "packager": package.packager or None,
        "summary": package.summary or None,
        "url": package.url or None,
        "installed_at": package.installed_at,
        "purl": None if is_key(package) else package_url(package, found.manager, release),
        "path": package.place.path,
        "line": package.place.line,
    }


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [min(_WIDEST, max(len(row[column]) for row in rows)) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"


def _row(package: Package) -> tuple[str, str, str, str]:
    words = (package.name, package.full_version, package.architecture or "-", package.source)
    name, version, architecture, source = map(printable, words)
    return name, version, architecture, source
