"""`inspector packages` as the command line calls it: the installed packages, from a limited process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inspector.console.json_line import json_text
from inspector.console.output import Write
from inspector.console.printable import printable
from inspector.console.stream import pass_on
from inspector.disks.storage import open_storage
from inspector.engine import open_facts
from inspector.errors import InspectorError
from inspector.facts import Facts, UnknownFact
from inspector.facts.packages import Packages
from inspector.isolate import CHECK_LIMITS, Send
from inspector.target import Target
from inspector.view.cyclonedx import cyclonedx
from inspector.view.package_url import package_url
from parsers.linux.os_release import OsRelease
from parsers.linux.package import Package, is_key

_HEAD = ("NAME", "VERSION", "ARCHITECTURE", "SOURCE")
_WIDEST = 48
"""Characters of a column; what is longer pushes the rest of its line."""


def packages(target: Target, output_format: str, write: Write) -> None:
    """Write the packages of a machine as "text", "json" or "cyclonedx".

    Raises:
        InspectorError: there is no database that can be read; or, after all that could be read was written, where
            something could not, or where there is nothing: an empty list must not pass for a list.
    """

    def job(send: Send) -> None:
        facts = open_facts(open_storage(target), target.root)
        found, release = facts[Packages], _release(facts)
        if output_format == "cyclonedx":
            pieces = cyclonedx(found, release)
        elif output_format == "json":
            pieces = _json(found, release)
        else:
            pieces = _table(found)
        send("".join(pieces).encode("utf-8", "backslashreplace"))
        if found.problems:
            first = found.problems[0]
            raise InspectorError(f"packages that could not be read: {len(found.problems)}; the first: {first}")
        if all(map(is_key, found)):
            raise InspectorError(f"{found.database} holds no packages")

    pass_on(target, job, write, CHECK_LIMITS)


def _release(facts: Facts) -> OsRelease | None:
    try:
        return facts[OsRelease]
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


def _table(found: Packages) -> Iterator[str]:
    rows = [_HEAD, *(_row(package) for package in found.by_name())]
    widths = [min(_WIDEST, max(len(row[column]) for row in rows)) for column in range(len(_HEAD))]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"


def _row(package: Package) -> tuple[str, str, str, str]:
    words = (package.name, package.full_version, package.architecture or "-", package.source)
    name, version, architecture, source = map(printable, words)
    return name, version, architecture, source
