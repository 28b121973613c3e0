r"""Cloudbase-Init's configuration: the files that its service names, and the one beside them for a first start.

Source: Cloudbase-Init's documentation, "Tutorial" (its folders, both configuration files).
"""

from __future__ import annotations

import ntpath
import re
from collections.abc import Iterator
from typing import Final

from inspector.facts import Facts, UnknownFact
from inspector.guest import Guest, NotFound
from inspector.verdict import NotApplicable
from inspector.windows.registry import Registry
from inspector.windows.services import SERVICES, service
from parsers.windows.cloudbase_init import MAX_SIZE, CloudbaseInit, parse_cloudbase_init

CLOUDBASE_INIT: Final = "cloudbase-init"
_CONFIG_FILE: Final = re.compile(r'--config-file[=\s]+(?:"([^"]+)"|(\S+))')
_UNATTENDED: Final = "cloudbase-init-unattend.conf"


def configurations(facts: Facts) -> Iterator[tuple[str, CloudbaseInit | None]]:
    """Give the paths of the configuration files, and what they say; None where one is lacking."""
    registry, guest = facts[Registry], facts[Guest]
    found = service(registry, CLOUDBASE_INIT)
    if found is None:
        raise NotApplicable("Cloudbase-Init is not installed")
    paths = [quoted or plain for quoted, plain in _CONFIG_FILE.findall(found.image_path)]
    if not paths:
        raise UnknownFact(
            "which configuration Cloudbase-Init reads is not told",
            registry.place(rf"{SERVICES}\{CLOUDBASE_INIT}", "ImagePath"),
        )
    beside = ntpath.join(ntpath.dirname(paths[0]), _UNATTENDED)
    if guest.exists(beside):
        paths.append(beside)
    for path in paths:
        try:
            yield path, parse_cloudbase_init(guest.read_text(path, MAX_SIZE), path)
        except NotFound:
            yield path, None


def class_name(name: str) -> str:
    """Return the name of a class without its modules, which moved in the course of time."""
    return name.rpartition(".")[2]
