"""The descriptor of a VMDK: a text that names its extents, and the disk that it differs from.

Specification: VMware, Virtual Disk Format 5.0, "The Layout Basics" (descriptor). Nothing that it names is opened here.
Not done: the change tracking file and most of the disk database, which say nothing about the contents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from parsers.place import Place, Problem

MAX_LENGTH: Final = 64 << 10
MAX_EXTENTS: Final = 1000
MAX_PROBLEMS: Final = 20
NO_PARENT: Final = "ffffffff"
HEADLINE: Final = "# disk descriptorfile"

_SETTING: Final = re.compile(r'\s*(?P<key>[\w.\-]+)\s*=\s*(?P<value>"[^"]*"|[^"]*?)\s*')
_EXTENT: Final = re.compile(
    r"\s*(?P<access>RW|RDONLY|NOACCESS)\s+(?P<sectors>[0-9]{1,19})\s+(?P<kind>[A-Z0-9]+)"
    r'(?:\s+"(?P<file>[^"]*)"(?:\s+(?P<offset>[0-9]{1,19}))?.*?)?\s*'
)
_IS_EXTENT: Final = re.compile(r"\s*(?:RW|RDONLY|NOACCESS)\s")


class VmdkExtent(msgspec.Struct, frozen=True):
    """A piece of the disk.

    Attributes:
        access: "RW", "RDONLY" or "NOACCESS".
        size, offset: bytes of the disk, and where they begin in the file of a flat extent.
        kind: "SPARSE", "FLAT", "ZERO", "VMFS", "VMFSSPARSE", "VMFSRDM", "VMFSRAW", "SESPARSE" or what else it says.
        file: as it is written there; None for zeros.
    """

    access: str
    size: int
    kind: str
    file: str | None
    offset: int
    place: Place


class VmdkDescriptor(msgspec.Struct, frozen=True):
    """The entries and what is wrong with the text; `settings` holds all of them, keys in lower case.

    Attributes:
        create_type: "monolithicSparse", "streamOptimized", ...; None where it does not say.
        parent_cid: of the disk that this one differs from; None where there is no such disk.
        parent: the name of that disk.
    """

    create_type: str | None
    cid: str | None
    parent_cid: str | None
    parent: str | None
    settings: dict[str, str]
    extents: tuple[VmdkExtent, ...]
    problems: tuple[Problem, ...]

    @property
    def size(self) -> int:
        """Bytes of all extents."""
        return sum(extent.size for extent in self.extents)


def parse_vmdk_descriptor(text: str, path: str) -> VmdkDescriptor:
    """Parse a descriptor; `path` is what a `Place` calls the file it comes from."""
    settings: dict[str, str] = {}
    extents: list[VmdkExtent] = []
    problems = list(_lines(text, path, settings, extents))
    parent_cid = settings.get("parentcid", NO_PARENT).lower()
    return VmdkDescriptor(
        create_type=settings.get("createtype"),
        cid=settings.get("cid"),
        parent_cid=None if parent_cid == NO_PARENT else parent_cid,
        parent=settings.get("parentfilenamehint"),
        settings=settings,
        extents=tuple(extents),
        problems=tuple(problems[:MAX_PROBLEMS]),
    )


def _lines(text: str, path: str, settings: dict[str, str], extents: list[VmdkExtent]) -> Iterator[Problem]:
    if not text.lstrip().lower().startswith(HEADLINE):
        yield Problem(Place(path, line=1), "'# Disk DescriptorFile' wanted in the first line")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = Place(path, line=number)
        if _IS_EXTENT.match(line):
            found = _EXTENT.fullmatch(line)
            if found is None:
                yield Problem(place, f"an extent wanted, {line[:100]!r} found")
            elif len(extents) >= MAX_EXTENTS:
                yield Problem(place, f"at most {MAX_EXTENTS} extents wanted, more found")
                return
            else:
                extents.append(_extent(found, place))
            continue
        setting = _SETTING.fullmatch(line)
        if setting is None:
            yield Problem(place, f"an extent or a setting wanted, {line[:100]!r} found")
            continue
        key, value = setting["key"].lower(), setting["value"].strip('"')
        if settings.setdefault(key, value) != value:
            yield Problem(place, f"one {setting['key']} wanted, a second one found: {value[:100]!r}")


def _extent(found: re.Match[str], place: Place) -> VmdkExtent:
    return VmdkExtent(
        access=found["access"],
        size=int(found["sectors"]) * 512,
        kind=found["kind"],
        file=found["file"],
        offset=int(found["offset"] or 0) * 512,
        place=place,
    )
