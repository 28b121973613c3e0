"""The software of a Windows guest as `inspector packages` prints it: a table, JSON, or a bill of materials.

A bill of materials (CycloneDX 1.6) has the updates that are there, also where another took their place, not those that
wait for the next start, or were only staged or taken away; their state stands in a property. Entries without a name,
which Windows itself passes over, are no components. No installer writes a CPE, so there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inspector.console.json_line import json_text
from inspector.console.printable import iso_time
from inspector.facts.windows_packages import PackageState, ServicingPackage
from inspector.facts.windows_software import Program, WindowsSoftware
from inspector.facts.windows_version import WindowsVersion
from inspector.view.cyclonedx import Node, document, properties, version_node, website
from inspector.view.package_url import generic_url
from parsers.place import Place

HEAD: Final = ("NAME", "VERSION", "ARCHITECTURE", "PUBLISHER", "INSTALLED", "SCOPE", "MANAGER", "STATE")
_MSI: Final = "msi"
_OTHER: Final = "programs"
_SERVICING: Final = "servicing"
_INSTALLED: Final = "installed"
_MACHINE: Final = "machine"
_LEAVING: Final = frozenset({PackageState.PARTIALLY_INSTALLED, PackageState.UNINSTALL_PENDING})
"""States of an update whose files are there, in part or for now."""
_DATE: Final = 8
_NOTHING: Final[Node] = dict.fromkeys(
    (
        "name", "epoch", "version", "release", "architecture", "manager", "state", "source", "source_version",
        "licence", "vendor", "packager", "summary", "url", "installed_at", "purl", "path", "line",
        "key", "offset", "scope", "user", "profile", "install_date", "install_location", "product_code", "hidden",
        "parent", "parent_name",
    )
)  # fmt: skip
"""An entry that says nothing: the names that one of Linux has, then those of Windows."""


def rows(found: WindowsSoftware) -> Iterator[tuple[str, ...]]:
    """Give the lines of the table: the programs, then the updates, by their names."""
    yield HEAD
    for program in _programs(found):
        entry = program.entry
        scope = program.owner.name if program.owner else _MACHINE
        day, manager = _day(entry.install_date), _manager(program)
        words = (program.name, entry.version, _view(program), entry.publisher, day, scope, manager, _state(program))
        yield tuple(word or "-" for word in words)
    for update in _updates(found):
        name, version, architecture = update.name, _version(update), update.identity.architecture
        day = _date(update.installed_at)
        yield (name, version, architecture or "-", "-", day or "-", _MACHINE, _SERVICING, update.state_name)


def json_lines(found: WindowsSoftware) -> Iterator[str]:
    """Give an array, one line for each program, then for each update."""
    lines = [json_text(_program(program)) for program in _programs(found)]
    lines += (json_text(_update(update)) for update in _updates(found))
    yield "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def bill_of_materials(found: WindowsSoftware, version: WindowsVersion | None) -> Iterator[str]:
    """Give the text of a bill of materials, one line for each component."""
    system: Node = {"name": "windows"}
    if version is not None:
        system |= {**version_node(_plain(version.number)), "description": _plain(version.product)}
    there = (update for update in _updates(found) if update.has_been or update.state in _LEAVING)
    named = (program for program in _programs(found) if program.entry.name)
    components = (*map(_component, named), *map(_component_of_update, there))
    return document(components, system, whole=not found.problems)


def _programs(found: WindowsSoftware) -> list[Program]:
    def order(program: Program) -> tuple[str, ...]:
        entry = program.entry
        return program.name.casefold(), entry.version, entry.place.path, entry.place.key or ""

    return sorted(found.programs, key=order)


def _updates(found: WindowsSoftware) -> list[ServicingPackage]:
    return sorted(found.updates, key=lambda update: (update.name, update.identity.version, update.place.key or ""))


def _program(program: Program) -> Node:
    entry, owner = program.entry, program.owner
    return _NOTHING | {
        "name": program.name,
        "version": entry.version or None,
        "architecture": _view(program) or None,
        "manager": _manager(program),
        "state": _INSTALLED,
        "vendor": entry.publisher or None,
        "summary": entry.comments or None,
        "url": entry.url or None,
        "purl": generic_url(_plain(entry.name), _plain(entry.version)) if entry.name else None,
        **_where(entry.place),
        "scope": "user" if owner else _MACHINE,
        "user": owner.sid if owner else None,
        "profile": owner.folder if owner else None,
        "install_date": entry.install_date or None,
        "install_location": entry.location or None,
        "product_code": entry.product_code or None,
        "hidden": entry.hidden,
        "parent": entry.parent or None,
        "parent_name": entry.parent_name or None,
    }


def _update(update: ServicingPackage) -> Node:
    return _NOTHING | {
        "name": update.name,
        "version": _version(update),
        "architecture": update.identity.architecture or None,
        "manager": _SERVICING,
        "state": None if update.state is None else update.state_name,
        "installed_at": update.installed_at,
        "purl": _url_of_update(update),
        **_where(update.place),
        "scope": _MACHINE,
    }


def _where(place: Place) -> Node:
    return {"path": place.path, "key": place.key, "offset": place.offset}


def _component(program: Program) -> Node:
    entry, owner = program.entry, program.owner
    name, version = _plain(program.name), _plain(entry.version)
    component: Node = {"type": "application", "name": name, **version_node(version), "purl": generic_url(name, version)}
    if entry.publisher:
        component |= {"supplier": {"name": _plain(entry.publisher)}, "publisher": _plain(entry.publisher)}
    if entry.comments:
        component["description"] = _plain(entry.comments)
    values = {
        "manager": _manager(program),
        "architecture": _view(program),
        "scope": "user" if owner else _MACHINE,
        "user": owner.sid if owner else "",
        "install_date": entry.install_date,
        "install_location": entry.location,
        "product_code": entry.product_code,
        "hidden": entry.hidden or "",
        "parent": entry.parent,
        "parent_name": entry.parent_name,
    }
    return component | website(entry.url) | _properties(values) | _evidence(entry.place)


def _component_of_update(update: ServicingPackage) -> Node:
    name, version = _plain(update.name), _version(update)
    component: Node = {"type": "application", "name": name, **version_node(version), "purl": _url_of_update(update)}
    values = {
        "manager": _SERVICING,
        "architecture": update.identity.architecture,
        "state": "" if update.in_force else update.state_name,
        "installed_at": "" if update.installed_at is None else str(update.installed_at),
    }
    return component | _properties(values) | _evidence(update.place)


def _properties(values: dict[str, str]) -> Node:
    return properties({name: _plain(value) for name, value in values.items()})


def _evidence(place: Place) -> Node:
    where: Node = {"location": _plain(place.path), "additionalContext": _plain(place.key or "")}
    if place.offset is not None:
        where["offset"] = place.offset
    return {"evidence": {"occurrences": [where]}}


def _url_of_update(update: ServicingPackage) -> str:
    return generic_url(_plain(update.name), _version(update), _plain(update.identity.architecture))


def _manager(program: Program) -> str:
    return _MSI if program.entry.is_msi else _OTHER


def _view(program: Program) -> str:
    return f"{program.bits}-bit" if program.bits else ""


def _state(program: Program) -> str:
    entry = program.entry
    words = [
        _INSTALLED,
        f"hidden: {entry.hidden}" if entry.hidden else "",
        entry.updates and f"update of {entry.updates}",
    ]
    return ", ".join(filter(None, words))


def _version(update: ServicingPackage) -> str:
    return ".".join(map(str, update.identity.version))


def _day(text: str) -> str:
    """An installer's date as others are written; as it stands where it is none."""
    whole = len(text) == _DATE and text.isascii() and text.isdecimal()
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if whole else text


def _date(seconds: int | None) -> str:
    return "" if seconds is None else str(iso_time(seconds * 1_000_000_000)).partition("T")[0]


def _plain(text: str) -> str:
    r"""Text as any reader takes it: half of a pair of UTF-16 becomes `\uNNNN`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
