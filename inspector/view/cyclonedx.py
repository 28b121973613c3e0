"""The packages of a Linux guest as a bill of materials: CycloneDX 1.6, JSON.

Specification: ECMA-424, cyclonedx.org/docs/1.6/json. The same guest gives the same bytes: there is no time of making,
and the serial number is made of the content. Licences stand as the packager wrote them, by name: few of them are
expressions of SPDX. The keys with which rpm verifies packages are left out, since they are no software.
Not done: files, dependencies between packages.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from inspector.console.json_line import json_text
from inspector.facts.packages import Packages
from inspector.version import VERSION
from inspector.view.package_url import package_url
from parsers.linux.os_release import OsRelease
from parsers.linux.package import INSTALLED, Package, is_key

_SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_MAX_VERSION: Final = 1024
"""Characters, by the schema."""
_WEB_ADDRESS: Final = re.compile(r"https?://[!-~]{1,2000}")
SYSTEM: Final = "operating-system"

Node = dict[str, Any]


def cyclonedx(packages: Packages, release: OsRelease | None) -> Iterator[str]:
    """Give the text of the bill of materials, one line for each component."""
    components = (
        _component(package, package_url(package, packages.manager, release))
        for package in packages.by_name()
        if not is_key(package)
    )
    return document(components, _system(release), whole=not packages.problems)


def document(found: Iterable[Node], system: Node, *, whole: bool) -> Iterator[str]:
    """Give the text of a bill of materials; a component is called by its package URL, twins are numbered."""
    components = [json_text(component) for component in _referred(found)]
    metadata = json_text(
        {
            "tools": {"components": [{"type": "application", "name": "inspector", "version": VERSION}]},
            "component": {"type": SYSTEM, "bom-ref": SYSTEM, **system},
        }
    )
    compositions = json_text([] if whole else [{"aggregate": "incomplete", "assemblies": [SYSTEM]}])
    digest = hashlib.sha256("\n".join((metadata, *components, compositions)).encode("ascii")).hexdigest()
    yield "{\n"
    yield f'"$schema": "{_SCHEMA}",\n"bomFormat": "CycloneDX",\n"specVersion": "1.6",\n'
    yield f'"serialNumber": "{uuid.uuid5(uuid.NAMESPACE_OID, digest).urn}",\n"version": 1,\n'
    yield f'"metadata": {metadata},\n"components": [\n'
    yield ",\n".join(components)
    yield f'\n],\n"compositions": {compositions}\n}}\n'


def _system(release: OsRelease | None) -> Node:
    if release is None:
        return {"name": "linux"}
    return {
        "name": _text(release.id),
        **version_node(release.version_id or ""),
        "description": _text(release.pretty_name),
    }


def _referred(components: Iterable[Node]) -> Iterator[Node]:
    counts: dict[str, int] = {}
    for component in components:
        url = component["purl"]
        count = counts[url] = counts.get(url, 0) + 1
        yield {"type": component["type"], "bom-ref": url if count == 1 else f"{url}#{count}", **component}


def _component(package: Package, url: str) -> Node:
    component: Node = {
        "type": "library",
        "name": _text(package.name),
        **version_node(package.full_version),
        "purl": url,
    }
    if package.vendor:
        component["supplier"] = {"name": _text(package.vendor)}
    if package.packager:
        component["publisher"] = _text(package.packager)
    if package.summary:
        component["description"] = _text(package.summary)
    if package.licence:
        component["licenses"] = [{"license": {"name": _text(package.licence)}}]
    component |= website(package.url)
    component |= _properties(package)
    where: Node = {"location": _text(package.place.path)}
    if package.place.line is not None:
        where["line"] = package.place.line
    component["evidence"] = {"occurrences": [where]}
    return component


def version_node(version: str) -> Node:
    """Return the version, unless it is none that the schema takes."""
    return {"version": _text(version)} if 0 < len(_text(version)) <= _MAX_VERSION else {}


def website(url: str) -> Node:
    """Return an address, unless it is none of the web."""
    return {"externalReferences": [{"type": "website", "url": url}]} if _WEB_ADDRESS.fullmatch(url) else {}


def properties(values: Mapping[str, str]) -> Node:
    """Return what the standard has no words for; what is "" is left out."""
    found = [{"name": f"inspector:{name}", "value": _text(value)} for name, value in values.items() if value]
    return {"properties": found} if found else {}


def _properties(package: Package) -> Node:
    values = {
        "source": package.source,
        "source_version": package.source_version,
        "state": "" if package.state == INSTALLED else package.state,
        "installed_at": "" if package.installed_at is None else str(package.installed_at),
    }
    return properties(values)


def _text(text: str) -> str:
    r"""Text as any reader takes it: a byte that is no UTF-8 becomes `\xNN`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
