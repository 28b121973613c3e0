"""firewalld's zones, and the file that names the default one.

Specification: firewalld.conf(5), firewalld.zone(5). Of the XML only the elements are read that say what a zone lets in:
`<zone target=...>`, `<service name=...>`, `<port port=... protocol=...>`, `<source ...>` and `<interface name=...>`.
Not done: rich rules, policies, and entities, which no such file needs; a file that declares some is a problem.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from parsers.place import Place, Problem

DEFAULT_ZONE: Final = "public"
"""What firewalld takes where its configuration names none."""

_SETTING: Final = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*")
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG: Final = re.compile(r"<(zone|service|port|interface|source|rule)\b([^<>]*)>|</rule\s*>")
_ATTRIBUTE: Final = re.compile(r"([\w:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


class FirewalldConf(msgspec.Struct, frozen=True):
    """The default zone, and where it is set; the place is None where nothing sets it."""

    default_zone: str
    place: Place | None


class Zone(msgspec.Struct, frozen=True):
    """What a zone lets in.

    Attributes:
        target: what becomes of everything else: "default" (rejected), "ACCEPT", "DROP" or "%%REJECT%%".
        services: the names of services.
        ports: "22/tcp", "60000-61000/udp".
        narrow: whether it holds for certain interfaces or sources.
    """

    place: Place
    target: str
    services: tuple[str, ...]
    ports: tuple[str, ...]
    narrow: bool
    problems: tuple[Problem, ...] = ()

    def lets_in(self, service: str, port: int) -> bool:
        """Tell whether a service on a TCP port can be reached."""
        return self.target == "ACCEPT" or service in self.services or any(_holds(item, port) for item in self.ports)


def _holds(ports: str, port: int) -> bool:
    numbers, _, protocol = ports.partition("/")
    first, _, last = numbers.partition("-")
    if protocol != "tcp" or not first.isdecimal() or not (last or first).isdecimal() or len(numbers) > 11:
        return False
    return int(first) <= port <= int(last or first)


def parse_firewalld_conf(text: str, path: str = "/etc/firewalld/firewalld.conf") -> FirewalldConf:
    """Read the configuration; the last setting counts."""
    found = FirewalldConf(DEFAULT_ZONE, None)
    for number, line in enumerate(text.split("\n"), start=1):
        match = _SETTING.fullmatch(line)
        if match and match[1] == "DefaultZone" and match[2]:
            found = FirewalldConf(match[2], Place(path, number))
    return found


def parse_firewalld_zone(text: str, path: str) -> Zone:
    """Read a zone; what stands in a rich rule is left out."""
    target = "default"
    services: list[str] = []
    ports: list[str] = []
    in_rule = narrow = False
    plain = _COMMENT.sub("", text)
    for match in _TAG.finditer(plain):
        kind, attributes = match[1], _attributes(match[2] or "")
        if kind in {None, "rule"}:
            in_rule = kind == "rule" and not (match[2] or "").rstrip().endswith("/")
        elif kind == "zone":
            target = attributes.get("target", "default")
        elif in_rule:
            continue
        elif kind == "service":
            services.append(attributes.get("name", ""))
        elif kind == "port":
            ports.append(f"{attributes.get('port', '')}/{attributes.get('protocol', '')}")
        else:
            narrow = True
    problems = []
    if "<!ENTITY" in plain or not re.search(r"<zone\b", plain):
        problems.append(Problem(Place(path), "the element zone wanted, without entities, something else found"))
    return Zone(Place(path), target, tuple(services), tuple(ports), narrow, tuple(problems))


def _attributes(text: str) -> dict[str, str]:
    return {name: double or single for name, double, single in _ATTRIBUTE.findall(text)}
